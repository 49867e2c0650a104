//! What is known about an open connection.

use std::time::Duration;

use watchbell_protocol::UnixMillis;

use super::Moment;
use crate::{options::Timing, view::Transport};

/// An open connection.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) via: Transport,
    pub(super) since: Duration,
    pub(super) heard: Duration,
    /// When the next ping is due.
    pub(super) ping_at: Duration,
    /// The network changed: until then the last ping must be answered.
    proof_due: Option<Duration>,
    pub(super) rooms: (u32, u32),
    pub(super) live: Option<(Duration, UnixMillis)>,
    pub(super) asked_pause: Option<Duration>,
}

impl Open {
    pub(super) fn new(via: Transport, at: Moment) -> Self {
        Self {
            via,
            since: at.mono,
            heard: at.mono,
            // The first ping goes out at once: the round trip is known from the start.
            ping_at: at.mono,
            proof_due: None,
            rooms: (0, 0),
            live: None,
            asked_pause: None,
        }
    }

    /// Up to date so far of so many rooms.
    pub(super) fn reached(&mut self, done: u32, of: u32, at: Moment) {
        self.rooms = (done, of);
        if done < of {
            self.live = None;
        } else if self.live.is_none() {
            self.live = Some((at.mono, at.wall));
        }
    }

    /// A ping goes out, and only its answer proves that there still is somebody.
    pub(super) fn doubt(&mut self, timing: &Timing, at: Moment) {
        self.ping_at = at.mono + timing.ping_every.max(timing.proof);
        self.proof_due = Some(at.mono + timing.proof);
    }

    /// The last ping was answered.
    pub(super) fn proved(&mut self) {
        self.proof_due = None;
    }

    /// Why the connection has to be given up, if it has to be.
    pub(super) fn is_dead(&self, timing: &Timing, at: Moment) -> Option<String> {
        if self.proof_due.is_some_and(|due| due <= at.mono) {
            return Some("the network changed, and the connection did not survive it".to_owned());
        }
        let silent = self.heard + timing.silence <= at.mono;
        silent.then(|| format!("nothing was heard for {} s", timing.silence.as_secs_f32()))
    }

    /// When something is due next.
    pub(super) fn deadline(&self, timing: &Timing) -> Duration {
        let next = (self.heard + timing.silence).min(self.ping_at);
        self.proof_due.map_or(next, |due| due.min(next))
    }
}
