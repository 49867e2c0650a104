//! The only clocks, and the dice.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use watchbell_protocol::UnixMillis;

use crate::session::Moment;

/// Time since the driver began, and the wall clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    began: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { began: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub(super) fn now(self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment {
            mono: self.began.elapsed(),
            wall: UnixMillis(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)),
            jitter: rand::random(),
        }
    }

    /// The instant of a point on this clock.
    pub(super) fn instant(self, mono: Duration) -> Instant {
        self.began + mono
    }
}
