//! The one place where the server reads a clock. Everything below the edges gets the time passed in.

use std::time::{SystemTime, UNIX_EPOCH};

use watchbell_protocol::UnixMillis;

/// A point on the monotonic clock, for what must not jump when the wall clock does: leases, heartbeats, grace.
pub type Moment = tokio::time::Instant;

/// The wall clock and the monotonic one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// The time of day.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now(self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// The monotonic clock; in tests with paused time it follows tokio's.
    pub fn moment(self) -> Moment {
        Moment::now()
    }
}
