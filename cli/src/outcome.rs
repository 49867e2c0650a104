//! What an analysis came to, whoever watched it: the one value that every format and the exit code are made from.

use watchbell_protocol::{
    AnalysisId, UnixMillis,
    command::DetectorPlan,
    event::{AnalysisState, Counts, DetectorRun, DetectorState, Issue, Severity},
};

use crate::exit::Exit;

/// Where the analysis is kept, if a server took part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub analysis: AnalysisId,
    /// Its number in the project.
    pub number: u32,
    /// The project's name.
    pub project: String,
    /// The server's address.
    pub server: String,
}

/// An analysis that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it ended; never a state that is not over.
    pub state: AnalysisState,
    /// Where it is kept; `None` for a local one.
    pub kept: Option<Kept>,
    /// The folder's name.
    pub root: String,
    /// The git branch, if it is a checkout.
    pub branch: Option<String>,
    /// The git revision, if it is a checkout.
    pub revision: Option<String>,
    /// Files looked at.
    pub files: u32,
    /// When it started.
    pub started_at: UnixMillis,
    /// How long it took, milliseconds.
    pub ms: u64,
    /// Its detectors with what they found, in the order of the plan.
    pub detectors: Vec<DetectorRun>,
    /// Detectors that do not fit the folder, with the reason.
    pub not_applicable: Vec<DetectorPlan>,
    /// What was found: worst first, then by place.
    pub issues: Vec<Issue>,
    /// Issues left out beyond the limit of one analysis.
    pub cut: u64,
}

impl Outcome {
    /// What was found, by severity.
    pub fn counts(&self) -> Counts {
        self.issues.iter().map(|issue| issue.severity).collect()
    }

    /// Detectors that failed.
    pub fn failed(&self) -> impl Iterator<Item = &DetectorRun> {
        self.detectors.iter().filter(|detector| detector.state == DetectorState::Failed)
    }

    /// Whether a detector that was asked for by name could not run, say because its tool is not installed.
    fn lacks(&self, asked: &[String]) -> bool {
        let lacks = |detector: &DetectorRun| {
            detector.state == DetectorState::Skipped && asked.contains(&detector.name.to_string())
        };
        self.detectors.iter().any(lacks)
    }

    /// The exit code: cancelled before found, found before incomplete. `asked`: the detectors that were asked for by name.
    pub fn exit(&self, fail_on: Option<Severity>, asked: &[String]) -> Exit {
        // `Severity` is ordered from worst to least, so "at or above" is "at most".
        let found = fail_on.is_some_and(|least| self.issues.iter().any(|issue| issue.severity <= least));
        match self.state {
            AnalysisState::Cancelled | AnalysisState::Cancelling => Exit::Cancelled,
            _ if found => Exit::Found,
            AnalysisState::Complete if self.failed().next().is_none() && !self.lacks(asked) => Exit::Done,
            _ => Exit::Incomplete,
        }
    }
}

/// Worst first, then by place: the order in which people read, the same every time.
pub fn sort(issues: &mut [Issue]) {
    fn key(issue: &Issue) -> impl Ord + use<'_> {
        let Issue { severity, path, line, column, detector, rule, fingerprint, .. } = issue;
        (severity, path, line, column, detector, rule, fingerprint)
    }
    issues.sort_by(|a, b| key(a).cmp(&key(b)));
}

#[cfg(test)]
pub(crate) mod tests {
    use watchbell_protocol::Text;

    use super::*;

    pub(crate) fn issue(detector: &str, rule: &str, severity: Severity, path: &str, line: u32) -> Issue {
        Issue {
            fingerprint: Text::clip(format!("{detector}-{rule}-{path}-{line}")),
            detector: Text::clip(detector),
            rule: Text::clip(rule),
            severity,
            message: Text::clip(format!("something about {rule}")),
            path: Text::clip(path),
            line,
            column: None,
            end_line: None,
            help: None,
        }
    }

    pub(crate) fn detector(name: &str, state: DetectorState, counts: Counts) -> DetectorRun {
        DetectorRun {
            name: Text::clip(name),
            version: Some(Text::clip("1.2.0")),
            state,
            reason: match state {
                DetectorState::Skipped => Some(Text::clip("no Dockerfile")),
                DetectorState::Failed => Some(Text::clip("exit code 101, no output")),
                _ => None,
            },
            counts,
            ms: if state.is_over() && state != DetectorState::Skipped { 12_300 } else { 0 },
            usual_ms: None,
        }
    }

    pub(crate) fn sample() -> Outcome {
        let mut issues = vec![
            issue("ruff", "F401", Severity::Medium, "app/main.py", 3),
            Issue {
                column: Some(7),
                end_line: Some(12),
                help: Some(Text::clip("https://docs.example/S608")),
                ..issue("ruff", "S608", Severity::High, "app/db.py", 11)
            },
            issue("secrets", "private-key", Severity::Critical, "deploy/id_rsa", 1),
        ];
        sort(&mut issues);
        let counts = |detector: &str| {
            issues.iter().filter(|issue| issue.detector == *detector).map(|issue| issue.severity).collect()
        };
        let detectors = vec![
            detector("secrets", DetectorState::Complete, counts("secrets")),
            detector("ruff", DetectorState::Complete, counts("ruff")),
            detector("hadolint", DetectorState::Skipped, Counts::default()),
        ];
        Outcome {
            state: AnalysisState::Complete,
            kept: Some(Kept {
                analysis: "0192f0c1-0000-7000-8000-000000000001".parse().unwrap(),
                number: 42,
                project: "web".into(),
                server: "https://bell.example.com/".into(),
            }),
            root: "web".into(),
            branch: Some("main".into()),
            revision: Some("0123456789abcdef0123456789abcdef01234567".into()),
            files: 312,
            started_at: UnixMillis(1_760_000_000_000),
            ms: 95_000,
            detectors,
            not_applicable: vec![DetectorPlan {
                name: Text::clip("eslint"),
                version: None,
                skipped: Some(Text::clip("no JavaScript files")),
            }],
            issues,
            cut: 0,
        }
    }

    #[test]
    fn the_exit_code_follows_the_threshold() {
        let outcome = sample();
        assert_eq!(outcome.exit(None, &[]), Exit::Done);
        for least in Severity::ALL {
            assert_eq!(outcome.exit(Some(least), &[]), Exit::Found, "{least:?}");
        }
        let clean = Outcome { issues: vec![issue("a", "b", Severity::Low, "c", 1)], ..sample() };
        assert_eq!(clean.exit(Some(Severity::Medium), &[]), Exit::Done);
        assert_eq!(clean.exit(Some(Severity::Low), &[]), Exit::Found);
    }

    #[test]
    fn a_detector_that_was_asked_for_and_could_not_run_leaves_the_result_incomplete() {
        let mut outcome = Outcome { issues: Vec::new(), ..sample() };
        outcome.detectors[0].state = DetectorState::Skipped;
        let name = outcome.detectors[0].name.to_string();
        assert_eq!(outcome.exit(None, &[]), Exit::Done, "nobody asked for it by name");
        assert_eq!(outcome.exit(None, &[name]), Exit::Incomplete);
    }

    #[test]
    fn cancelled_goes_before_found_and_found_before_incomplete() {
        let mut outcome = sample();
        outcome.detectors[0].state = DetectorState::Failed;
        assert_eq!(outcome.exit(None, &[]), Exit::Incomplete);
        assert_eq!(outcome.exit(Some(Severity::High), &[]), Exit::Found);
        outcome.state = AnalysisState::Cancelled;
        assert_eq!(outcome.exit(Some(Severity::High), &[]), Exit::Cancelled);
    }
}
