//! The result for people: how it ended, a table by detector and severity, the worst issues, and what did not run.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableComponent, presets};
use watchbell_protocol::event::{AnalysisState, Counts, DetectorRun, DetectorState, Issue, Severity};

use crate::{
    face::{
        marks::{self, Paint},
        words,
    },
    outcome::Outcome,
};

/// As many issues are listed as fit a screen; the other forms have them all.
const LISTED: usize = 20;
/// A message is cut after this many characters.
const MESSAGE: usize = 100;

/// Messages begin in one column, as long as the places are not longer than this.
const PLACE: usize = 48;

/// The text, ended by a line break.
pub fn render(outcome: &Outcome, colours: bool) -> String {
    let paint = Paint::new(colours);
    let mut text = headline(outcome, paint);
    if outcome.detectors.iter().any(|detector| detector.state != DetectorState::Skipped) {
        text.push('\n');
        text.push_str(&table(outcome, paint));
    }
    text.push_str(&worst(outcome, paint));
    text.push_str(&not_run(outcome, paint));
    text
}

/// `Analysis 42 of web is complete: 3 issues in 312 files, 1 min 35 s`
fn headline(outcome: &Outcome, paint: Paint) -> String {
    let what = match &outcome.kept {
        Some(kept) => format!("Analysis {} of {}", kept.number, kept.project),
        None => format!("Analysis of {}", outcome.root),
    };
    let how = words::state(outcome.state);
    let found = words::count(outcome.counts().total(), "issue");
    let files = words::count(outcome.files, "file");
    let mut text = format!("{} is {how}: {found} in {files}, {}\n", paint.bold(what), words::span(outcome.ms));
    if outcome.state != AnalysisState::Complete {
        text.push_str("What was found until then is kept; none of it counts as fixed.\n");
    }
    if outcome.cut > 0 {
        let _ = writeln!(text, "{} issues beyond the limit of one analysis were left out.", outcome.cut);
    }
    text
}

fn table(outcome: &Outcome, paint: Paint) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for part in [TableComponent::HeaderLines, TableComponent::MiddleHeaderIntersections] {
        table.set_style(part, '─');
    }
    let heads = Severity::ALL.map(|s| paint.severity(s, format!("{} {}", marks::severity(s), s.word())).to_string());
    let mut header = vec![Cell::new("  detector")];
    header.extend(heads.into_iter().map(right));
    header.push(right("time".into()));
    table.set_header(header);
    for detector in outcome.detectors.iter().filter(|detector| detector.state != DetectorState::Skipped) {
        let name = format!("{} {}", paint.detector(detector.state, marks::detector(detector.state)), detector.name);
        table.add_row(row(name, &detector.counts, detector.ms, paint));
    }
    table.add_row(row(format!("  {}", paint.bold("all")), &outcome.counts(), outcome.ms, paint));
    trim(&table.to_string())
}

fn row(name: String, counts: &Counts, ms: u64, paint: Paint) -> Vec<Cell> {
    let count = |severity: Severity| match counts.of(severity) {
        0 => paint.dim("·").to_string(),
        n => paint.severity(severity, n).to_string(),
    };
    let mut cells = vec![Cell::new(name)];
    cells.extend(Severity::ALL.map(|severity| right(count(severity))));
    cells.push(right(words::clock(ms)));
    cells
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// The table's lines without what it pads them with.
fn trim(table: &str) -> String {
    let mut text = String::with_capacity(table.len());
    for line in table.lines() {
        text.push_str(line.strip_prefix(' ').unwrap_or(line).trim_end());
        text.push('\n');
    }
    text
}

fn worst(outcome: &Outcome, paint: Paint) -> String {
    let mut text = String::new();
    if !outcome.issues.is_empty() {
        text.push('\n');
    }
    let listed = &outcome.issues[..outcome.issues.len().min(LISTED)];
    let width = listed.iter().map(|issue| console::measure_text_width(&place(issue))).max().unwrap_or(0).min(PLACE);
    for issue in listed {
        let mark =
            paint.severity(issue.severity, format!("{} {:8}", marks::severity(issue.severity), issue.severity.word()));
        let message: String = words::one_line(&issue.message).chars().take(MESSAGE).collect();
        let rule = paint.dim(format!("{}/{}", issue.detector, words::one_line(&issue.rule)));
        let _ = writeln!(text, "{mark} {}  {message}  {rule}", paint.bold(format!("{:width$}", place(issue))));
    }
    if outcome.issues.len() > LISTED {
        let more = outcome.issues.len() - LISTED;
        let _ = writeln!(text, "{}", paint.dim(format!("and {more} more; --format json or sarif lists them all")));
    }
    text
}

/// `path:line:column`, as editors and terminals understand it.
fn place(issue: &Issue) -> String {
    let path = words::one_line(&issue.path);
    match (issue.line, issue.column) {
        (0, _) => path,
        (line, None) => format!("{path}:{line}"),
        (line, Some(column)) => format!("{path}:{line}:{column}"),
    }
}

/// Who failed, who was skipped, and what does not fit the folder, with the reasons.
fn not_run(outcome: &Outcome, paint: Paint) -> String {
    let of = |state| outcome.detectors.iter().filter(move |detector: &&DetectorRun| detector.state == state);
    let mut text = String::new();
    for detector in of(DetectorState::Failed).chain(of(DetectorState::Skipped)) {
        if text.is_empty() {
            text.push('\n');
        }
        let word = if detector.state == DetectorState::Failed { "failed" } else { "skipped" };
        let reason = detector.reason.as_deref().map(words::one_line).unwrap_or_default();
        let mark = paint.detector(detector.state, format!("{} {}", marks::detector(detector.state), detector.name));
        let _ = writeln!(text, "{mark} {word}: {reason}");
    }
    if !outcome.not_applicable.is_empty() {
        let reasons = outcome.not_applicable.iter().map(|detector| match detector.skipped.as_deref() {
            Some(reason) => format!("{} ({reason})", detector.name),
            None => detector.name.to_string(),
        });
        let reasons = reasons.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "\n{}", paint.dim(format!("Not for this folder: {reasons}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::event::{Counts, DetectorState};

    use super::*;
    use crate::outcome::tests::{detector, issue, sample};

    #[test]
    fn the_result_reads_well_without_colours() {
        let mut outcome = sample();
        outcome.detectors.push(detector("clippy", DetectorState::Failed, Counts::default()));
        insta::assert_snapshot!(render(&outcome, false));
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let coloured = render(&sample(), true);
        assert_ne!(coloured, render(&sample(), false));
        assert_eq!(console::strip_ansi_codes(&coloured), render(&sample(), false));
    }

    #[test]
    fn a_long_list_says_how_much_it_leaves_out() {
        let mut outcome = sample();
        outcome.issues = (1..=50).map(|line| issue("ruff", "E501", Severity::Low, "a.py", line)).collect();
        let text = render(&outcome, false);
        assert!(text.contains("a.py:20") && !text.contains("a.py:21"), "{text}");
        assert!(text.contains("and 30 more"), "{text}");
    }

    #[test]
    fn nothing_to_run_is_said_with_the_reasons() {
        let mut outcome = sample();
        outcome.detectors.retain(|detector| detector.state == DetectorState::Skipped);
        outcome.issues.clear();
        let text = render(&outcome, false);
        assert!(text.contains("no Dockerfile") && !text.contains("detector "), "{text}");
    }
}
