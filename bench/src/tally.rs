//! What arrived, and how long it took.

use anyhow::Result;
use hdrhistogram::Histogram;
use memchr::memmem::Finder;

use crate::clock;

/// The longest latency that is told apart, microseconds.
const LONGEST: u64 = 60_000_000;

/// Counts stamped texts.
pub struct Tally {
    mark: Finder<'static>,
    /// Only what was sent from then on counts.
    since: u64,
    delivered: u64,
    frames: u64,
    latency: Histogram<u64>,
}

impl Tally {
    /// Counts stamps behind `mark`, once [`Self::begin`] was called.
    pub fn new(mark: &'static str) -> Result<Self> {
        let latency = Histogram::new_with_bounds(1, LONGEST, 3)?;
        Ok(Self { mark: Finder::new(mark), since: u64::MAX, delivered: 0, frames: 0, latency })
    }

    /// Counts what is sent from now on.
    pub fn begin(&mut self) {
        self.since = clock::now();
        (self.delivered, self.frames) = (0, 0);
        self.latency.reset();
    }

    /// Counts every stamp in a text that came at `now`.
    pub fn take(&mut self, text: &[u8], now: u64) {
        let (length, before) = (self.mark.needle().len(), self.delivered);
        for at in self.mark.find_iter(text) {
            if let Some(sent) = clock::read(&text[at + length..]).filter(|sent| *sent >= self.since) {
                self.delivered += 1;
                self.latency.saturating_record(now.saturating_sub(sent));
            }
        }
        self.frames += u64::from(self.delivered > before);
    }

    /// How many came.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// In how many texts.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The latency that this share of the deliveries stayed below, milliseconds.
    pub fn latency_ms(&self, share: f64) -> f64 {
        self.latency.value_at_quantile(share) as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_since_the_beginning_counts() {
        let mut tally = Tally::new("us=").unwrap();
        let early = format!("us={}", clock::now());
        tally.take(early.as_bytes(), clock::now());
        assert_eq!((tally.delivered(), tally.frames()), (0, 0));
        tally.begin();
        let sent = clock::now().max(tally.since);
        let text = format!("[us={sent}, us={}, us=nonsense, {early}x]", sent + 1);
        tally.since = sent;
        tally.take(text.as_bytes(), sent + 2000);
        assert_eq!((tally.delivered(), tally.frames()), (2, 1));
        assert!((1.9..=2.1).contains(&tally.latency_ms(0.5)));
    }
}
