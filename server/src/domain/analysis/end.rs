//! The end of an analysis, however it comes, and what members are told of it.

use watchbell_protocol::{
    AnalysisId, Event, Origin, Room, Text, UnixMillis,
    command::End,
    event::{
        ActivityKind, Analysis, AnalysisCancelled, AnalysisComplete, AnalysisError, AnalysisState, Counts,
        DetectorState, Level, Link, NotificationKind, Severity,
    },
};

use crate::{
    domain::{
        Draft, LeaseChange, Outcome, activity,
        notification::{self, Notice},
    },
    store::{self, Conn, analysis::Stored},
};

/// Ends an analysis whose runner was not heard of for too long. `None` if it has ended already.
pub async fn lose(conn: &mut Conn, now: UnixMillis, id: AnalysisId) -> sqlx::Result<Option<Outcome>> {
    let Some(mut stored) = store::analysis::find(conn, id).await? else { return Ok(None) };
    let end = match stored.analysis.state {
        AnalysisState::Running => End::Failed { reason: Text::clip("runner lost") },
        AnalysisState::Cancelling => End::Cancelled,
        AnalysisState::Complete | AnalysisState::Cancelled | AnalysisState::Failed => return Ok(None),
    };
    stored.runner_lost = true;
    let drafts = end_with(conn, &mut stored, &Origin::Server, now, end).await?;
    Ok(Some(Outcome { drafts, lease: Some(LeaseChange::Ended(id)), ..Outcome::default() }))
}

/// Writes the end down and gives its events: the end itself, the feed's entry, a notification for every member.
pub(super) async fn end_with(
    conn: &mut Conn,
    stored: &mut Stored,
    origin: &Origin,
    now: UnixMillis,
    end: End,
) -> sqlx::Result<Vec<Draft>> {
    settle(stored, origin, now, end);
    store::analysis::update(conn, stored).await?;
    let analysis = &stored.analysis;
    let room = Room::Project(analysis.project);
    let what = ActivityKind::AnalysisEnded {
        analysis: analysis.id,
        number: analysis.number,
        state: analysis.state,
        counts: analysis.counts,
    };
    let mut drafts = vec![Draft::new(room, origin.clone(), event(analysis.clone()))];
    drafts.push(activity::note(analysis.project, origin.clone(), now, what));
    let project = store::project::find(conn, analysis.project).await?;
    let name = project.as_ref().map_or("the project", |project| project.name.as_str());
    let notice = notice(name, analysis);
    drafts.extend(notification::tell_members(conn, analysis.project, origin, now, &notice).await?);
    Ok(drafts)
}

fn settle(stored: &mut Stored, origin: &Origin, now: UnixMillis, end: End) {
    let analysis = &mut stored.analysis;
    analysis.ended_at = Some(now);
    (analysis.state, analysis.reason) = match end {
        End::Complete => (AnalysisState::Complete, None),
        End::Cancelled => {
            let by = stored.cancelled_by.as_deref().unwrap_or(origin.name());
            (AnalysisState::Cancelled, Some(Text::clip(by)))
        }
        End::Failed { reason } => (AnalysisState::Failed, Some(reason)),
    };
    for run in analysis.detectors.iter_mut().filter(|run| !run.state.is_over()) {
        run.state = DetectorState::Cancelled;
    }
}

fn event(analysis: Analysis) -> Event {
    match analysis.state {
        AnalysisState::Complete => AnalysisComplete { analysis }.into(),
        AnalysisState::Cancelled => AnalysisCancelled { analysis }.into(),
        AnalysisState::Failed | AnalysisState::Running | AnalysisState::Cancelling => AnalysisError { analysis }.into(),
    }
}

fn notice(project: &str, analysis: &Analysis) -> Notice {
    let number = analysis.number;
    let found = found(analysis.counts);
    let reason = analysis.reason.as_deref().unwrap_or_default();
    let (kind, level, verb, body) = match analysis.state {
        AnalysisState::Complete => (NotificationKind::AnalysisComplete, level(analysis.counts), "finished", found),
        AnalysisState::Cancelled => {
            let body = format!("Cancelled by {reason}. Until then: {found}");
            (NotificationKind::AnalysisEnded, Level::Info, "was cancelled", body)
        }
        AnalysisState::Failed | AnalysisState::Running | AnalysisState::Cancelling => {
            let body = format!("{reason}. Until then: {found}");
            (NotificationKind::AnalysisEnded, Level::Error, "failed", body)
        }
    };
    Notice {
        kind,
        level,
        title: Text::clip(format!("Analysis {number} of {project} {verb}")),
        body: Text::clip(body),
        link: Some(Link::Analysis { analysis: analysis.id }),
    }
}

/// By the worst issue.
fn level(counts: Counts) -> Level {
    match Severity::ALL.into_iter().find(|&severity| counts.of(severity) > 0) {
        Some(Severity::Critical) => Level::Error,
        Some(Severity::High) => Level::Warning,
        Some(Severity::Medium | Severity::Low | Severity::Info) => Level::Info,
        None => Level::Success,
    }
}

/// "2 critical, 4 high, 61 others".
fn found(counts: Counts) -> String {
    let others = counts.total().saturating_sub(counts.critical).saturating_sub(counts.high);
    let others_word = match (others, counts.critical + counts.high) {
        (1, 0) => "issue, neither critical nor high",
        (_, 0) => "issues, none critical or high",
        (1, _) => "other",
        (_, _) => "others",
    };
    let parts: Vec<String> = [(counts.critical, "critical"), (counts.high, "high"), (others, others_word)]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() { "No issues found".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_says_how_many_critical_and_high_were_found() {
        let counts = |critical, high, low| Counts { critical, high, low, ..Counts::default() };
        for (counts, text, expected) in [
            (counts(2, 4, 61), "2 critical, 4 high, 61 others", Level::Error),
            (counts(0, 1, 1), "1 high, 1 other", Level::Warning),
            (counts(0, 0, 3), "3 issues, none critical or high", Level::Info),
            (counts(0, 0, 1), "1 issue, neither critical nor high", Level::Info),
            (counts(0, 0, 0), "No issues found", Level::Success),
        ] {
            assert_eq!(found(counts), text);
            assert_eq!(level(counts), expected);
        }
    }
}
