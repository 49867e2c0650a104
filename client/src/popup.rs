//! Pure: how a notification is shown. Facts and time are passed in, so that every case is a row of a table.
//!
//! Deliberately absent: showing anything, and the ledger, which the cache keeps (`popups`): what is in it already is
//! never asked about again.

use std::{collections::VecDeque, time::Duration};

use crate::change::Shown;

/// Popups within [`BURST_WINDOW`]; more are told of together.
pub const BURST: usize = 5;
/// See [`BURST`].
pub const BURST_WINDOW: Duration = Duration::from_secs(10);
/// A summary of a burst waits until nothing has come for this long …
const QUIET: Duration = Duration::from_secs(2);
/// … but no longer than this.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known about a notification that is new to this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// It was read already, on another device.
    pub read: bool,
    /// A window of the app has the focus.
    pub focused: bool,
    /// How fresh the news is.
    pub news: News,
}

/// How fresh the news of the member's room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// This device has never been in step with the room: all of it is old.
    BeforeThisDevice,
    /// What was missed is still arriving.
    Missed,
    /// It happens now.
    Live,
}

/// The policy with its only memory: how much was shown of late.
#[derive(Debug, Default)]
pub struct Policy {
    recent: VecDeque<Duration>,
    group: Option<Group>,
}

/// Notifications of a burst that wait for their summary.
#[derive(Debug, Clone, Copy)]
struct Group {
    count: u32,
    first: Duration,
    last: Duration,
}

impl Group {
    fn due(self) -> Duration {
        (self.last + QUIET).min(self.first + PATIENCE)
    }
}

impl Policy {
    /// Decides, at `now` of a clock that only goes forward. What is grouped while catching up is counted by the caller
    /// when the catching-up is over, because it may still turn out to be read.
    pub fn decide(&mut self, facts: Facts, now: Duration) -> Shown {
        match facts {
            Facts { read: true, .. } | Facts { news: News::BeforeThisDevice, .. } => return Shown::Silent,
            Facts { news: News::Missed, .. } => return Shown::Grouped,
            Facts { focused: true, .. } => return Shown::Toast,
            Facts { news: News::Live, .. } => {}
        }
        self.recent.retain(|&at| now.saturating_sub(at) < BURST_WINDOW);
        if self.recent.len() < BURST && self.group.is_none() {
            self.recent.push_back(now);
            return Shown::Popup;
        }
        let group = self.group.get_or_insert(Group { count: 0, first: now, last: now });
        group.count += 1;
        group.last = now;
        Shown::Grouped
    }

    /// When the summary of a burst is due.
    pub fn due(&self) -> Option<Duration> {
        self.group.map(Group::due)
    }

    /// How many notifications the summary of a burst tells of, once it is due.
    pub fn summary(&mut self, now: Duration) -> Option<u32> {
        let group = self.group.filter(|group| group.due() <= now)?;
        self.group = None;
        // The summary is itself a popup.
        self.recent.push_back(now);
        Some(group.count)
    }
}

/// How a summary is shown.
pub fn summary_shown(focused: bool) -> Shown {
    if focused { Shown::Toast } else { Shown::Popup }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Facts = Facts { read: false, focused: false, news: News::Live };

    #[test]
    fn each_fact_decides() {
        let table = [
            (NEW, Shown::Popup),
            (Facts { focused: true, ..NEW }, Shown::Toast),
            (Facts { read: true, ..NEW }, Shown::Silent),
            (Facts { read: true, focused: true, ..NEW }, Shown::Silent),
            (Facts { read: true, news: News::Missed, ..NEW }, Shown::Silent),
            (Facts { news: News::Missed, ..NEW }, Shown::Grouped),
            (Facts { news: News::Missed, focused: true, ..NEW }, Shown::Grouped),
            (Facts { news: News::BeforeThisDevice, focused: true, ..NEW }, Shown::Silent),
        ];
        for (facts, shown) in table {
            assert_eq!(Policy::default().decide(facts, Duration::ZERO), shown, "{facts:?}");
        }
    }

    #[test]
    fn a_burst_ends_in_one_summary() {
        let mut policy = Policy::default();
        let second = Duration::from_secs;
        let shown: Vec<_> = (0..8).map(|n| policy.decide(NEW, Duration::from_millis(n * 100))).collect();
        assert_eq!(shown.iter().filter(|&&shown| shown == Shown::Popup).count(), BURST);
        assert_eq!(shown[BURST..], [Shown::Grouped; 3]);
        assert_eq!(policy.summary(second(1)), None);
        assert_eq!(policy.due(), Some(Duration::from_millis(2700)));
        assert_eq!(policy.summary(second(3)), Some(3));
        assert_eq!(policy.summary(second(60)), None);
        assert_eq!(policy.decide(NEW, second(30)), Shown::Popup);
    }

    #[test]
    fn an_endless_burst_is_summed_up_from_time_to_time() {
        let mut policy = Policy::default();
        let mut told = 0;
        let mut popups = 0;
        for now in (0..60_000).step_by(500).map(Duration::from_millis) {
            if policy.decide(NEW, now) == Shown::Popup {
                popups += 1;
            }
            told += policy.summary(now).map_or(0, |_| 1);
        }
        assert!((3..=6).contains(&told), "{told}");
        assert!(popups <= 25, "{popups}");
    }
}
