//! Real output of eighteen tools (`tests/fixtures/*.sarif`), and what is written is read back the same.

use std::{fs, ops::ControlFlow, path::Path, path::PathBuf};

use watchbell_protocol::{
    Text,
    event::{Counts, DetectorRun, DetectorState, Issue, Severity},
};

use super::{read, write};
use crate::{finding::Scribe, fingerprint::Key};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The issues of a log that was written about `/srv/sample`.
fn issues(detector: &str, text: &[u8]) -> (Vec<Issue>, u64) {
    let mut scribe = Scribe::new(detector, Path::new("/srv/sample"), Key::from_bytes([0; 32]));
    let mut issues = Vec::new();
    let more = read(text, &mut |finding| {
        issues.extend(scribe.issue(finding));
        ControlFlow::Continue(())
    });
    assert_eq!(more.unwrap(), 0);
    (issues, scribe.outside)
}

fn fixture(detector: &str) -> Vec<Issue> {
    let text = fs::read(fixtures().join(detector).with_extension("sarif")).unwrap();
    let (issues, outside) = issues(detector, &text);
    assert_eq!(outside, 0, "{detector}");
    issues
}

const COUNTS: [(&str, usize); 18] = [
    ("bandit", 5),
    ("biome", 3),
    ("checkov", 5),
    ("clippy", 3),
    ("eslint", 4),
    ("flawfinder", 1),
    ("hadolint", 6),
    ("htmlhint", 5),
    ("jscpd", 25),
    ("markdownlint", 4),
    ("oxlint", 3),
    ("ruff", 14),
    ("secretlint", 1),
    ("semgrep", 1),
    ("shellcheck", 6),
    ("sqlfluff", 4),
    ("typos", 3),
    ("zizmor", 5),
];

#[test]
fn all_results_of_all_eighteen_tools_are_read() {
    for (detector, count) in COUNTS {
        assert_eq!(fixture(detector).len(), count, "{detector}");
    }
    let files = fs::read_dir(fixtures()).unwrap().filter_map(Result::ok);
    let logs = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "sarif"));
    assert_eq!(logs.count(), COUNTS.len());
}

#[test]
fn every_result_has_a_severity_a_rule_and_a_path_inside() {
    let line = |issue: &Issue| {
        let (severity, path, line) = (issue.severity.word(), &issue.path, issue.line);
        format!("{:12} {severity:8} {:40} {path}:{line}", &*issue.detector, &*issue.rule)
    };
    // The duplicates all read the same.
    let tools = COUNTS.iter().filter(|(detector, _)| *detector != "jscpd");
    let lines: Vec<String> = tools.flat_map(|(detector, _)| fixture(detector)).map(|issue| line(&issue)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn fingerprints_are_unique_in_each_run() {
    for (detector, count) in COUNTS {
        let mut prints: Vec<_> = fixture(detector).into_iter().map(|issue| issue.fingerprint).collect();
        prints.sort();
        prints.dedup();
        assert_eq!(prints.len(), count, "{detector}");
    }
}

#[test]
fn a_password_in_a_message_is_taken_out() {
    let text = serde_json::to_string(&fixture("bandit")).unwrap();
    assert!(text.contains("Possible hardcoded password: [secret]") && !text.contains("hunter2"), "{text}");
}

fn run(name: &str, state: DetectorState) -> DetectorRun {
    let reason = (state == DetectorState::Failed).then(|| Text::clip("it broke"));
    DetectorRun {
        name: Text::clip(name),
        version: Some(Text::clip("1.2.3")),
        state,
        reason,
        counts: Counts::default(),
        ms: 5,
        usual_ms: None,
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let mut written: Vec<Issue> = ["bandit", "ruff", "hadolint"].into_iter().flat_map(fixture).collect();
    written[0].path = Text::clip("a folder/100% ü.py");
    written[1].line = 0;
    let runs = ["bandit", "ruff", "hadolint"].map(|name| run(name, DetectorState::Complete));
    let mut text = Vec::new();
    write(&mut text, &runs, &written).unwrap();

    // SARIF has three levels where Watchbell has five, and a result's severity is decided anew when it is read.
    let plain = |issue: &Issue| Issue { severity: Severity::Info, detector: Text::clip("x"), ..issue.clone() };
    let (read, outside) = issues("x", &text);
    assert_eq!(outside, 0);
    let mut expected: Vec<Issue> = written.iter().map(plain).collect();
    // Without a line there is no place to put a column.
    (expected[1].column, expected[1].end_line) = (None, None);
    assert_eq!(read.iter().map(plain).collect::<Vec<_>>(), expected);
}

#[test]
fn a_failed_detector_says_so_and_a_skipped_one_is_left_out() {
    let mut text = Vec::new();
    write(&mut text, &[run("ruff", DetectorState::Failed), run("eslint", DetectorState::Skipped)], &[]).unwrap();
    let log: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(log["runs"].as_array().unwrap().len(), 1);
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["toolExecutionNotifications"][0]["message"]["text"], "it broke");
}

#[test]
fn results_outside_of_the_folder_are_dropped_and_counted() {
    let text = fs::read_to_string(fixtures().join("eslint.sarif")).unwrap().replace("/srv/sample", "/srv/other");
    let (issues, outside) = issues("eslint", text.as_bytes());
    assert_eq!((issues.len(), outside), (0, 4));
}
