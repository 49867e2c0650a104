//! Pauses between attempts: the first retry at once, then 1, 2, 4, 8, 16 s with full jitter, without end unless
//! [`Timing::attempts`] is one.

use std::time::Duration;

use super::Moment;
use crate::options::Timing;

/// How the present outage goes. An outage ends with a stable connection, not with any connection: a server that takes
/// connections only to drop them must not be asked again at once for ever.
#[derive(Debug, Default)]
pub(super) struct Outage {
    began: Option<Duration>,
    retried: bool,
    pauses: usize,
    /// Made so far.
    pub(super) attempts: u32,
}

impl Outage {
    /// A stable connection has ended, or somebody asks to start over.
    pub(super) fn begin(&mut self, at: Moment) {
        *self = Self { began: Some(at.mono), ..Self::default() };
    }

    /// Whether the next attempt may be made at once. Only the first may.
    pub(super) fn first(&mut self) -> bool {
        !std::mem::replace(&mut self.retried, true)
    }

    /// Whether there may be no further attempt.
    pub(super) fn is_used_up(&self, timing: &Timing) -> bool {
        timing.attempts.is_some_and(|most| self.attempts >= most)
    }

    /// The pause before the next attempt.
    pub(super) fn pause(&mut self, timing: &Timing, at: Moment) -> Duration {
        self.retried = true;
        let began = *self.began.get_or_insert(at.mono);
        let step = self.pauses.min(timing.pauses.len().saturating_sub(1));
        self.pauses = step + 1;
        let bound = timing.pauses.get(step).copied().unwrap_or(Duration::from_secs(16));
        let pause = bound.mul_f64(at.jitter.clamp(0.0, 1.0));
        let quick = at.mono.saturating_sub(began) < timing.quick_for;
        if quick { pause.min(timing.quick_pause) } else { pause }
    }
}
