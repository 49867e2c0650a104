//! What happens to what waits, gathered under the outbox's lock and counted after it.

use metrics::Counter;

use super::slot::Slot;
use crate::metrics::Deliveries;

/// How much of what happened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    durable: u32,
    latest: u32,
    stream: u32,
    signal: u32,
    control: u32,
    /// Values that were replaced while they waited.
    pub(super) conflated: u32,
    /// Lines that were dropped.
    pub(super) dropped_lines: u32,
    /// Signals that were dropped.
    pub(super) dropped_signals: u32,
}

impl Tally {
    /// It was taken to be written.
    pub(super) fn took(&mut self, slot: &Slot) {
        match slot {
            Slot::Durable { .. } => self.durable += 1,
            Slot::Signal { .. } => self.signal += 1,
            Slot::Diff { .. } | Slot::Latest { .. } => self.latest += 1,
            Slot::Lines { lines, .. } => self.stream += lines.count,
            Slot::Control { .. } | Slot::Heads(_) => self.control += 1,
            Slot::Ping | Slot::Reply(_) | Slot::Empty => {}
        }
    }

    /// Counts it. Most of the time most of it is nothing.
    pub(super) fn add_to(&self, counted: &Deliveries) {
        let add = |counter: &Counter, number: u32| {
            if number > 0 {
                counter.increment(number.into());
            }
        };
        add(&counted.durable, self.durable);
        add(&counted.latest, self.latest);
        add(&counted.stream, self.stream);
        add(&counted.signal, self.signal);
        add(&counted.control, self.control);
        add(&counted.conflated, self.conflated);
        add(&counted.dropped_lines, self.dropped_lines);
        add(&counted.dropped_signals, self.dropped_signals);
    }
}
