//! A project as it is, in words. Pure: the time and its zone are passed in.

use std::fmt::Write;

use jiff::tz::TimeZone;
use watchbell_client::view::{Person, ProjectView};
use watchbell_protocol::{
    UnixMillis,
    event::{Activity, ActivityKind, Analysis, AnalysisProgress, AnalysisState, DeviceKind, Status},
};

use crate::face::{
    marks::{self, Paint},
    words,
};

/// Entries of the feed that are shown.
const ENTRIES: usize = 10;

/// The whole of it, ended by a line break.
pub fn render(view: &ProjectView, server: &str, now: UnixMillis, zone: &TimeZone, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.bold(&view.project.name), paint.dim(format!("at {server}")));
    text.push('\n');
    for person in &view.people {
        let _ = writeln!(text, "{}", person_line(person, now, zone, paint));
    }
    text.push('\n');
    match &view.analysis {
        None => text.push_str("No analysis yet: start one with `watchbell analyze`\n"),
        Some(analysis) => {
            let _ = writeln!(text, "{}", analysis_line(analysis, view.progress.as_ref(), now, zone));
        }
    }
    if !view.activity.is_empty() {
        text.push('\n');
    }
    for entry in view.activity.iter().take(ENTRIES).rev() {
        let at = words::at(entry.at, now, zone);
        let _ = writeln!(text, "{}  {}", paint.dim(format!("{at:>5}")), activity(entry));
    }
    text
}

fn person_line(person: &Person, now: UnixMillis, zone: &TimeZone, paint: Paint) -> String {
    let mark = paint.presence(person.status, marks::presence(person.status));
    let how = match (person.status, person.since, person.last_seen) {
        (Status::Online, ..) => place(person).unwrap_or_else(|| "online".into()),
        (Status::Away, Some(since), _) => format!("away since {}", words::at(since, now, zone)),
        (Status::Away, None, _) => "away".into(),
        (Status::Offline, _, Some(seen)) => format!("last seen {}", words::at(seen, now, zone)),
        (Status::Offline, _, None) => "offline".into(),
    };
    format!("{mark} {}  {}", words::one_line(&person.display_name), paint.dim(how))
}

/// What somebody looks at, or with what they are here.
fn place(person: &Person) -> Option<String> {
    if let Some(viewing) = &person.viewing {
        return Some(format!("viewing {}", words::one_line(&viewing.place)));
    }
    person.devices.first().map(|device| match device {
        DeviceKind::Desktop => "online in the app".into(),
        DeviceKind::Cli => "online in a terminal".into(),
        DeviceKind::Other => "online".into(),
    })
}

fn analysis_line(analysis: &Analysis, progress: Option<&AnalysisProgress>, now: UnixMillis, zone: &TimeZone) -> String {
    let number = analysis.number;
    match (analysis.state, progress) {
        (AnalysisState::Running | AnalysisState::Cancelling, Some(progress)) => running(analysis, progress),
        (state, _) => {
            let at = words::at(analysis.ended_at.unwrap_or(analysis.started_at), now, zone);
            let found = words::found(&analysis.counts);
            let reason = analysis.reason.as_deref().map(|reason| format!(" ({})", words::one_line(reason)));
            format!("Analysis {number} is {}{}: {found}, {at}", words::state(state), reason.unwrap_or_default())
        }
    }
}

/// `Analysis 42 is running on forge-2: 63 %, about 1 min left, 5 issues: 1 critical, 4 low`
pub fn running(analysis: &Analysis, progress: &AnalysisProgress) -> String {
    let left = words::left(progress.left).map(|left| format!(", {left}")).unwrap_or_default();
    format!(
        "Analysis {} is {} on {}: {}{left}, {}",
        analysis.number,
        words::state(analysis.state),
        words::one_line(&analysis.runner),
        words::percent(progress.percent),
        words::found(&progress.counts)
    )
}

/// An entry of the feed as a sentence.
pub fn activity(entry: &Activity) -> String {
    let by = words::one_line(entry.by.name());
    match &entry.what {
        ActivityKind::ProjectAdded => format!("{by} added the project"),
        ActivityKind::MemberAdded { name } => format!("{} joined the project", words::one_line(name)),
        ActivityKind::MemberRemoved { name } => format!("{} left the project", words::one_line(name)),
        ActivityKind::AnalysisStarted { number, .. } => format!("{by} started analysis {number}"),
        ActivityKind::AnalysisEnded { number, state, counts, .. } => {
            format!("Analysis {number} is {}: {}", words::state(*state), words::found(counts))
        }
        ActivityKind::Posted { title, .. } => format!("{by}: {}", words::one_line(title)),
    }
}
