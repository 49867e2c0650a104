//! Issues out as SARIF 2.1.0: one run per detector, for editors and code scanning services.

use std::io::{self, Write};

use serde_json::{Value, json};
use watchbell_protocol::event::{DetectorRun, DetectorState, Issue, Severity};

use super::read::FINGERPRINT;

/// Writes the issues of an analysis as a SARIF log. Each detector that ran has a run of its own, also without any
/// issue; one that failed says so in its `invocations`. `{ "severity": … }` in a result's properties is Watchbell's.
pub fn write(out: impl Write, detectors: &[DetectorRun], issues: &[Issue]) -> io::Result<()> {
    let runs: Vec<Value> = detectors
        .iter()
        .filter(|detector| detector.state != DetectorState::Skipped)
        .map(|detector| run(detector, issues.iter().filter(|issue| issue.detector == detector.name).collect()))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": runs,
    });
    serde_json::to_writer_pretty(out, &log).map_err(io::Error::from)
}

fn run(detector: &DetectorRun, issues: Vec<&Issue>) -> Value {
    let mut ids: Vec<(&str, Option<&str>)> = issues.iter().map(|issue| (&*issue.rule, issue.help.as_deref())).collect();
    ids.sort_unstable();
    ids.dedup_by_key(|(id, _)| *id);
    let rules: Vec<Value> = ids
        .iter()
        .map(|(id, help)| match help {
            Some(help) => json!({ "id": id, "helpUri": help }),
            None => json!({ "id": id }),
        })
        .collect();
    let mut driver = json!({ "name": detector.name, "rules": rules });
    if let Some(version) = &detector.version {
        driver["version"] = json!(version);
    }
    let mut invocation = json!({ "executionSuccessful": detector.state == DetectorState::Complete });
    if let Some(reason) = &detector.reason {
        invocation["toolExecutionNotifications"] = json!([{ "level": "error", "message": { "text": reason } }]);
    }
    let results: Vec<Value> =
        issues.into_iter().map(|issue| result(issue, ids.partition_point(|(id, _)| *id < &*issue.rule))).collect();
    json!({
        "tool": { "driver": driver },
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": results,
    })
}

fn result(issue: &Issue, rule_index: usize) -> Value {
    let mut location = json!({ "artifactLocation": { "uri": encoded(&issue.path), "uriBaseId": "%SRCROOT%" } });
    if issue.line > 0 {
        let mut region = json!({ "startLine": issue.line });
        if let Some(column) = issue.column {
            region["startColumn"] = json!(column);
        }
        if let Some(end) = issue.end_line {
            region["endLine"] = json!(end);
        }
        location["region"] = region;
    }
    json!({
        "ruleId": issue.rule,
        "ruleIndex": rule_index,
        "level": level(issue.severity),
        "message": { "text": issue.message },
        "locations": [{ "physicalLocation": location }],
        "partialFingerprints": { FINGERPRINT: issue.fingerprint },
        "properties": { "severity": issue.severity },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
        Severity::Info => "none",
    }
}

/// A relative path as an address: what is not plain is encoded, `/` stays.
fn encoded(path: &str) -> String {
    use std::fmt::Write;
    path.bytes().fold(String::with_capacity(path.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
