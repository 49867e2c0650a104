//! How far a run is and how much longer it takes. Pure: time is passed in, as the time since the run's start.
//!
//! The share shown is of *time*: elapsed ÷ (elapsed + what is expected to remain), where the rest is laid out over the
//! lanes as the run itself will. Detectors count with how long they usually take, so a long one weighs much. It never
//! goes back, and 100 % is said at the end only.

mod estimate;

use std::time::Duration;

use watchbell_protocol::{
    event::{Counts, DetectorState, Severity, TimeLeft},
    frame::Usual,
};

use self::estimate::{Expected, layout};
pub(crate) use self::estimate::{Lane, Lanes};

/// At most this often is progress worth telling.
pub(crate) const EVERY: Duration = Duration::from_millis(200);
/// More is not said before the end: it would be rounded to 100 %.
const NEARLY: f32 = 99.0;
/// A detector that gives no sign of how far it is, is taken for unfinished by at least this share of its time.
const UNFINISHED: f64 = 0.05;
/// Fewer runs than this say nothing about time left.
const SAMPLES: usize = 3;

/// What is known of a detector beforehand.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub name: &'static str,
    pub lane: Lane,
    /// A guess at its duration, used without history.
    pub guess: Duration,
}

/// One detector at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DetectorAt {
    pub state: DetectorState,
    pub percent: Option<f32>,
    pub counts: Counts,
    pub worked: Duration,
}

/// The run at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct At {
    pub percent: f32,
    pub left: TimeLeft,
    /// In the order of [`Progress::new`].
    pub detectors: Vec<DetectorAt>,
}

/// The progress of one run.
#[derive(Debug)]
pub(crate) struct Progress {
    tracks: Vec<Track>,
    lanes: Lanes,
    shown: f32,
    is_complete: bool,
    told: Option<Duration>,
    /// When 80 % of the runs like this were over; absent without enough history.
    usually_over: Option<f64>,
}

/// One detector's course. Seconds, since what is computed with them is fractions.
#[derive(Debug)]
struct Track {
    lane: Lane,
    expected: Expected,
    state: DetectorState,
    started: f64,
    ended: f64,
    /// The share it last said was done, and what then seemed to remain and when that was.
    sign: Option<Sign>,
    counts: Counts,
}

#[derive(Debug, Clone, Copy)]
struct Sign {
    share: f32,
    at: f64,
    left: f64,
    p80_left: f64,
}

impl Progress {
    /// For detectors in the order in which they will be started, over `files` files.
    pub fn new(planned: &[Planned], files: u32, usual: &[Usual], lanes: Lanes) -> Self {
        let track = |planned: &Planned| Track {
            lane: planned.lane,
            expected: Expected::new(usual.iter().find(|usual| usual.detector == planned.name), files, planned.guess),
            state: DetectorState::Waiting,
            started: 0.0,
            ended: 0.0,
            sign: None,
            counts: Counts::default(),
        };
        let tracks: Vec<Track> = planned.iter().map(track).collect();
        let is_known = tracks.iter().all(|track| track.expected.samples >= SAMPLES);
        let all = tracks.iter().map(|track| (track.lane, false, track.expected.p80));
        let usually_over = is_known.then(|| layout(lanes, &all.collect::<Vec<_>>()));
        Self { tracks, lanes, shown: 0.0, is_complete: false, told: None, usually_over }
    }

    /// A detector began.
    pub fn started(&mut self, at: usize, now: Duration) {
        let track = &mut self.tracks[at];
        track.state = DetectorState::Running;
        track.started = now.as_secs_f64();
    }

    /// A detector says which share (0 to 1) of its work is done.
    pub fn share(&mut self, at: usize, share: f32, now: Duration) {
        let track = &mut self.tracks[at];
        let share = share.clamp(track.sign.map_or(0.0, |sign| sign.share), 1.0);
        let now = now.as_secs_f64();
        let (open, worked) = (f64::from(1.0 - share), now - track.started);
        // At first by what is usual, more and more by its own pace.
        let left = |usual: f64| open * (open * usual + worked);
        track.sign =
            Some(Sign { share, at: now, left: left(track.expected.median), p80_left: left(track.expected.p80) });
    }

    /// A detector found something.
    pub fn found(&mut self, at: usize, severity: Severity) {
        self.tracks[at].counts.add(severity);
    }

    /// A detector came to its end.
    pub fn ended(&mut self, at: usize, state: DetectorState, now: Duration) {
        let track = &mut self.tracks[at];
        track.ended = now.as_secs_f64();
        if track.state == DetectorState::Waiting {
            track.started = track.ended;
        }
        track.state = state;
    }

    /// Every detector came to its end by itself: from now on, 100 %.
    pub fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Whether telling is due; if so, it counts as told.
    pub fn due(&mut self, now: Duration) -> bool {
        let is_due = self.told.is_none_or(|told| now.saturating_sub(told) >= EVERY);
        if is_due {
            self.told = Some(now);
        }
        is_due
    }

    /// How long a detector usually takes, if there is any history.
    pub fn usual(&self, at: usize) -> Option<Duration> {
        let expected = &self.tracks[at].expected;
        (expected.samples > 0).then(|| Duration::from_secs_f64(expected.median))
    }

    /// What one detector found so far.
    pub fn counts(&self, at: usize) -> Counts {
        self.tracks[at].counts
    }

    /// How long one detector has worked.
    pub fn worked(&self, at: usize, now: Duration) -> Duration {
        self.tracks[at].worked(now.as_secs_f64())
    }

    /// The run at this moment.
    pub fn at(&mut self, now: Duration) -> At {
        let seconds = now.as_secs_f64();
        let left = self.left(|track| track.left(seconds));
        let share = if left + seconds > 0.0 { seconds / (seconds + left) } else { 0.0 };
        let percent = one_decimal(100.0 * share).min(NEARLY);
        self.shown = if self.is_complete { 100.0 } else { self.shown.max(percent) };
        At {
            percent: self.shown,
            left: self.time_left(seconds, left),
            detectors: self.tracks.iter().map(|track| track.at(seconds)).collect(),
        }
    }

    fn time_left(&self, now: f64, left: f64) -> TimeLeft {
        let mut open = self.tracks.iter().filter(|track| !track.state.is_over()).peekable();
        if open.peek().is_none() || !open.all(|track| track.expected.samples >= SAMPLES) {
            return TimeLeft::Unknown;
        }
        if self.usually_over.is_some_and(|over| now > over) && !self.is_complete {
            return TimeLeft::Overdue;
        }
        let p80 = self.left(|track| track.p80_left(now)).max(left);
        TimeLeft::About { ms: millis(left), p80_ms: millis(p80) }
    }

    /// The time until the last detector is over.
    fn left(&self, of: impl Fn(&Track) -> f64) -> f64 {
        let open = self.tracks.iter().filter(|track| !track.state.is_over());
        let open: Vec<_> = open.map(|track| (track.lane, track.state == DetectorState::Running, of(track))).collect();
        layout(self.lanes, &open)
    }
}

impl Track {
    fn left(&self, now: f64) -> f64 {
        self.remaining(now, self.expected.median, self.sign.map(|sign| sign.left))
    }

    fn p80_left(&self, now: f64) -> f64 {
        self.remaining(now, self.expected.p80, self.sign.map(|sign| sign.p80_left))
    }

    /// What remains of `whole`, or since its last sign of what `seemed` to remain then.
    fn remaining(&self, now: f64, whole: f64, seemed: Option<f64>) -> f64 {
        if self.state == DetectorState::Waiting {
            return whole;
        }
        let worked = now - self.started;
        match (self.sign, seemed) {
            (Some(sign), Some(seemed)) => {
                (seemed - (now - sign.at)).max(f64::from(1.0 - sign.share) * UNFINISHED * worked)
            }
            _ => (whole - worked).max(UNFINISHED * worked),
        }
    }

    fn worked(&self, now: f64) -> Duration {
        let until = match self.state {
            DetectorState::Waiting => self.started,
            DetectorState::Running => now,
            _ => self.ended,
        };
        Duration::from_secs_f64((until - self.started).max(0.0))
    }

    fn at(&self, now: f64) -> DetectorAt {
        let share = self.sign.map(|sign| one_decimal(100.0 * f64::from(sign.share)));
        let percent = match self.state {
            DetectorState::Waiting => Some(0.0),
            DetectorState::Running => share.map(|share| share.min(NEARLY)),
            DetectorState::Complete => Some(100.0),
            _ => share,
        };
        DetectorAt { state: self.state, percent, counts: self.counts, worked: self.worked(now) }
    }
}

fn one_decimal(percent: f64) -> f32 {
    ((percent * 10.0).floor() / 10.0) as f32
}

fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

#[cfg(test)]
mod tests;
