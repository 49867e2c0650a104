//! Notices that the machine slept: the wall clock ran ahead of the one that stands still in sleep.

use std::time::Duration;

use super::Moment;
use crate::options::Timing;

/// When both clocks were last held against each other.
#[derive(Debug, Default)]
pub(super) struct Clocks(Option<Moment>);

impl Clocks {
    /// From now on.
    pub(super) fn set(&mut self, at: Moment) {
        self.0 = Some(at);
    }

    /// Whether the machine slept since the last time they were compared.
    pub(super) fn jumped(&mut self, timing: &Timing, at: Moment) -> bool {
        let Some(last) = self.0 else {
            self.set(at);
            return false;
        };
        let (mono, wall) = (at.mono.saturating_sub(last.mono), at.wall.since(last.wall));
        if mono < timing.clock_check && wall < timing.clock_check + timing.clock_jump {
            return false;
        }
        self.set(at);
        wall > mono + timing.clock_jump
    }

    /// When to compare them next.
    pub(super) fn deadline(&self, timing: &Timing, at: Moment) -> Duration {
        self.0.map_or(at.mono, |last| last.mono) + timing.clock_check
    }
}
