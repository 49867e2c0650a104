//! What is expected: a detector's duration by its history, and the length of what is still to do when it is laid out
//! over the lanes. Seconds throughout.

use std::time::Duration;

use watchbell_protocol::frame::Usual;

/// History of a folder ten times smaller or larger says little about this one; scaling stops there.
const MOST_SCALED: f64 = 10.0;
/// Runs that count.
const RUNS: usize = 10;

/// Which lanes a detector may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Builtin,
    Tool,
}

/// How many detectors work at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lanes {
    pub builtin: usize,
    pub tool: usize,
}

/// How long a detector is expected to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Expected {
    pub median: f64,
    pub p80: f64,
    /// On how many earlier runs that rests.
    pub samples: usize,
}

impl Expected {
    pub fn new(usual: Option<&Usual>, files: u32, guess: Duration) -> Self {
        let mut durations: Vec<f64> = usual.map_or_else(Vec::new, |usual| scaled(usual, files));
        if durations.is_empty() {
            let guess = guess.as_secs_f64();
            return Self { median: guess, p80: guess, samples: 0 };
        }
        durations.sort_by(f64::total_cmp);
        let median = at_share(&durations, 0.5);
        Self { median, p80: at_share(&durations, 0.8).max(median), samples: durations.len() }
    }
}

/// The durations of earlier runs, as if they had looked at this many files.
fn scaled(usual: &Usual, files: u32) -> Vec<f64> {
    let runs = usual.ms.iter().enumerate().take(RUNS);
    runs.map(|(at, &ms)| {
        let ratio = usual.files.get(at).map_or(1.0, |&then| f64::from(files.max(1)) / f64::from(then.max(1)));
        ms as f64 / 1000.0 * ratio.clamp(1.0 / MOST_SCALED, MOST_SCALED)
    })
    .collect()
}

/// The value below which this share of the sorted, non-empty list lies; in between two, in proportion.
fn at_share(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// How long it takes until all of these are over: those that run have their lane, the others take the lane that is free
/// first, in their order.
pub(super) fn layout(lanes: Lanes, open: &[(Lane, bool, f64)]) -> f64 {
    let over = |lane: Lane, count: usize| {
        let of_lane = || open.iter().filter(move |(of, ..)| *of == lane);
        let mut busy: Vec<f64> = of_lane().filter(|(_, runs, _)| *runs).map(|&(.., left)| left).collect();
        busy.resize(busy.len().max(count).max(1), 0.0);
        for &(.., left) in of_lane().filter(|(_, runs, _)| !*runs) {
            if let Some(first) = busy.iter_mut().min_by(|a, b| a.total_cmp(b)) {
                *first += left;
            }
        }
        busy.into_iter().fold(0.0, f64::max)
    };
    over(Lane::Builtin, lanes.builtin).max(over(Lane::Tool, lanes.tool))
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::Text;

    use super::*;

    fn usual(ms: &[u64], files: &[u32]) -> Usual {
        Usual { detector: Text::clip("x"), ms: ms.to_vec(), files: files.to_vec() }
    }

    #[test]
    fn history_gives_median_and_eightieth_percentile() {
        let history = usual(&[1000, 3000, 2000, 5000, 4000], &[10; 5]);
        let expected = Expected::new(Some(&history), 10, Duration::ZERO);
        assert_eq!(expected, Expected { median: 3.0, p80: 4.2, samples: 5 });
    }

    #[test]
    fn history_is_scaled_by_files_but_not_without_end() {
        let of = |files| Expected::new(Some(&usual(&[1000], &[100])), files, Duration::ZERO).median;
        assert!((of(200) - 2.0).abs() < 1e-9);
        assert!((of(100_000) - 10.0).abs() < 1e-9);
        assert!((of(0) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn without_history_the_guess_counts() {
        let guess = Duration::from_secs(7);
        assert_eq!(Expected::new(None, 10, guess), Expected { median: 7.0, p80: 7.0, samples: 0 });
        assert_eq!(Expected::new(Some(&usual(&[], &[])), 10, guess).samples, 0);
        assert_eq!(Expected::new(Some(&usual(&[1000], &[])), 10, guess).samples, 1);
    }

    #[test]
    fn what_waits_takes_the_lane_that_is_free_first() {
        let lanes = Lanes { builtin: 1, tool: 2 };
        let all =
            [(Lane::Tool, true, 5.0), (Lane::Tool, true, 1.0), (Lane::Tool, false, 2.0), (Lane::Tool, false, 3.0)];
        assert!((layout(lanes, &all) - 6.0).abs() < 1e-9);
        let apart = [(Lane::Builtin, true, 4.0), (Lane::Tool, true, 5.0)];
        assert!((layout(lanes, &apart) - 5.0).abs() < 1e-9);
        assert!(layout(lanes, &[]).abs() < 1e-9);
    }
}
