//! The result as one JSON object: a shape of our own that scripts may rely on, described in `analyze --help`.
//!
//! Spelled out field by field, so that a change inside is no change outside.

use serde::Serialize;
use watchbell_protocol::{
    AnalysisId, UnixMillis,
    event::{AnalysisState, Counts, DetectorRun, DetectorState, Issue},
};

use crate::outcome::Outcome;

/// The shape's version: fields may be added within one, but none is changed or taken away.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    state: AnalysisState,
    analysis: Option<KeptAt<'a>>,
    root: &'a str,
    branch: Option<&'a str>,
    revision: Option<&'a str>,
    files: u32,
    started_at: UnixMillis,
    ms: u64,
    counts: Counts,
    detectors: Vec<Detector<'a>>,
    not_applicable: Vec<NotApplicable<'a>>,
    cut: u64,
    issues: &'a [Issue],
}

#[derive(Serialize)]
struct KeptAt<'a> {
    id: AnalysisId,
    number: u32,
    project: &'a str,
    server: &'a str,
}

#[derive(Serialize)]
struct Detector<'a> {
    name: &'a str,
    version: Option<&'a str>,
    state: DetectorState,
    reason: Option<&'a str>,
    counts: Counts,
    ms: u64,
}

#[derive(Serialize)]
struct NotApplicable<'a> {
    name: &'a str,
    reason: Option<&'a str>,
}

impl<'a> From<&'a DetectorRun> for Detector<'a> {
    fn from(run: &'a DetectorRun) -> Self {
        Self {
            name: &run.name,
            version: run.version.as_deref(),
            state: run.state,
            reason: run.reason.as_deref(),
            counts: run.counts,
            ms: run.ms,
        }
    }
}

/// The object, indented, ended by a line break.
pub fn render(outcome: &Outcome) -> String {
    let document = Document {
        version: VERSION,
        state: outcome.state,
        analysis: outcome.kept.as_ref().map(|kept| KeptAt {
            id: kept.analysis,
            number: kept.number,
            project: &kept.project,
            server: &kept.server,
        }),
        root: &outcome.root,
        branch: outcome.branch.as_deref(),
        revision: outcome.revision.as_deref(),
        files: outcome.files,
        started_at: outcome.started_at,
        ms: outcome.ms,
        counts: outcome.counts(),
        detectors: outcome.detectors.iter().map(Detector::from).collect(),
        not_applicable: outcome
            .not_applicable
            .iter()
            .map(|detector| NotApplicable { name: &detector.name, reason: detector.skipped.as_deref() })
            .collect(),
        cut: outcome.cut,
        issues: &outcome.issues,
    };
    let mut text = serde_json::to_string_pretty(&document).expect("the document has string keys and plain values");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use crate::outcome::tests::sample;

    #[test]
    fn the_shape_is_stable() {
        insta::assert_snapshot!(super::render(&sample()));
    }
}
