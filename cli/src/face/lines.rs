//! Progress as plain lines, for a log: one when a detector ends, and one now and then in between.

use std::{collections::BTreeSet, time::Duration};

use watchbell_protocol::{
    UnixMillis,
    event::{AnalysisProgress, DetectorProgress, DetectorState},
};

use super::words;

/// How long a log may stay silent while the analysis goes on.
const SILENCE: Duration = Duration::from_secs(30);

/// What the log has said so far.
#[derive(Debug, Default)]
pub struct Lines {
    over: BTreeSet<String>,
    said_at: Option<UnixMillis>,
}

impl Lines {
    /// The lines that this progress is worth.
    pub fn progress(&mut self, progress: &AnalysisProgress) -> Vec<String> {
        let mut lines: Vec<String> = progress.detectors.iter().filter_map(|detector| self.ended(detector)).collect();
        let now = progress.measured_at;
        let said_at = *self.said_at.get_or_insert(now);
        if lines.is_empty() && now.since(said_at) >= SILENCE {
            let left = words::left(progress.left).map(|left| format!(", {left}")).unwrap_or_default();
            lines.push(format!("{}{left}, {}", words::percent(progress.percent), words::found(&progress.counts)));
        }
        if !lines.is_empty() {
            self.said_at = Some(now);
        }
        lines
    }

    /// The line about a detector that has ended and was not spoken of yet.
    fn ended(&mut self, detector: &DetectorProgress) -> Option<String> {
        if !detector.state.is_over() || !self.over.insert(detector.name.to_string()) {
            return None;
        }
        let took = words::span(detector.ms);
        let found = words::found(&detector.counts);
        match detector.state {
            DetectorState::Complete => Some(format!("{}: {found} ({took})", detector.name)),
            DetectorState::Failed => Some(format!("{}: failed, {found} until then ({took})", detector.name)),
            DetectorState::Cancelled => Some(format!("{}: cancelled, {found} until then ({took})", detector.name)),
            DetectorState::Skipped | DetectorState::Waiting | DetectorState::Running => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{
        AnalysisId, Text,
        event::{Counts, TimeLeft},
    };

    use super::*;

    fn at(s: i64, state: DetectorState) -> AnalysisProgress {
        let detector =
            DetectorProgress { name: Text::clip("ruff"), state, percent: None, counts: Counts::default(), ms: 1_500 };
        AnalysisProgress {
            analysis: AnalysisId::fresh(),
            percent: 40.0,
            left: TimeLeft::About { ms: 60_000, p80_ms: 90_000 },
            detectors: vec![detector].try_into().unwrap(),
            counts: Counts::default(),
            measured_at: UnixMillis(s * 1000),
        }
    }

    #[test]
    fn a_detector_is_spoken_of_once_when_it_ends() {
        let mut lines = Lines::default();
        assert!(lines.progress(&at(0, DetectorState::Running)).is_empty());
        assert_eq!(lines.progress(&at(1, DetectorState::Complete)), ["ruff: no issues (1 s)"]);
        assert!(lines.progress(&at(2, DetectorState::Complete)).is_empty());
    }

    #[test]
    fn a_long_silence_is_broken_and_then_starts_anew() {
        let mut lines = Lines::default();
        assert!(lines.progress(&at(0, DetectorState::Running)).is_empty());
        assert!(lines.progress(&at(29, DetectorState::Running)).is_empty());
        assert_eq!(lines.progress(&at(30, DetectorState::Running)), ["40 %, about 1 min left, no issues"]);
        assert!(lines.progress(&at(59, DetectorState::Running)).is_empty());
        assert_eq!(lines.progress(&at(60, DetectorState::Running)).len(), 1);
    }
}
