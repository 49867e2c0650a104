//! What a runner says to the server, so that a test can say it word by word.

use watchbell_protocol::{
    AnalysisId, List, Room,
    command::{AnalysisReport, AnalysisStart, DetectorPlan, End, ReportItem, Runner},
    event::{Counts, DetectorRun, DetectorState, Issue, Severity},
};

use crate::server::text;

/// The only detector of these analyses.
pub const DETECTOR: &str = "lookout";

/// Starts an analysis.
pub fn start() -> AnalysisStart {
    AnalysisStart {
        runner: Runner::Own,
        runner_name: text("forge-2"),
        root: text("compiler"),
        branch: None,
        revision: None,
        files: 10,
        detectors: list(vec![DetectorPlan { name: text(DETECTOR), version: None, skipped: None }]),
    }
}

/// Reports `count` issues whose fingerprints carry `batch`.
pub fn issues(analysis: AnalysisId, batch: usize, count: usize) -> AnalysisReport {
    let issues = (0..count).map(|n| issue(&fingerprint(batch, n))).collect();
    AnalysisReport { analysis, items: list(vec![ReportItem::Issues(list(issues))]) }
}

/// The fingerprint of one issue of a batch.
pub fn fingerprint(batch: usize, n: usize) -> String {
    format!("{batch:03}-{n:03}")
}

/// Reports the detector's end and the analysis's.
pub fn end(analysis: AnalysisId) -> AnalysisReport {
    let detector = DetectorRun {
        name: text(DETECTOR),
        version: None,
        state: DetectorState::Complete,
        reason: None,
        counts: Counts::default(),
        ms: 1500,
        usual_ms: None,
    };
    AnalysisReport { analysis, items: list(vec![ReportItem::Detector(detector), ReportItem::End(End::Complete)]) }
}

/// The room of the only project that a client knows.
pub async fn only_project(client: &watchbell_client::Client) -> Room {
    let projects = client.projects().await.expect("the cache answers");
    assert_eq!(projects.len(), 1, "one project");
    Room::Project(projects[0].id)
}

fn issue(fingerprint: &str) -> Issue {
    Issue {
        fingerprint: text(fingerprint),
        detector: text(DETECTOR),
        rule: text("land-ho"),
        severity: Severity::Medium,
        message: text("something on the horizon"),
        path: text("src/main.rs"),
        line: 7,
        column: None,
        end_line: None,
        help: None,
    }
}

fn list<T: std::fmt::Debug, const MAX: usize>(elements: Vec<T>) -> List<T, MAX> {
    List::try_from(elements).expect("fits")
}
