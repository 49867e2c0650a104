//! `analysis:report`: what the lease holder found, all or nothing.

use std::collections::BTreeSet;

use watchbell_protocol::{
    AnalysisId, ErrorCode, List, Origin, ProjectId, Room, UnixMillis, WireError,
    command::{AnalysisReport, End, ReportItem},
    event::{AnalysisIssues, Counts, DetectorComplete, DetectorRun, Issue},
    limits,
};

use super::{end::end_with, find, lease_lost, over};
use crate::{
    domain::{Context, Draft, Holder, LeaseChange, Outcome, Refusal},
    store::{self, Conn, analysis::Stored, issue::Tally},
};

/// One `analysis:issues` is not made larger than about this, so that it goes out beside others.
const EVENT_BYTES: usize = 128 * 1024;

/// `analysis:report`.
pub async fn report(context: Context<'_>, project: ProjectId, input: AnalysisReport) -> Result<Outcome, Refusal> {
    let mut stored = find(context.conn, project, input.analysis).await?;
    if Holder::from_column(stored.holder.clone()) != Holder::of(context.actor) {
        return Err(lease_lost().into());
    }
    if let Some(refusal) = over(&stored) {
        return Err(refusal.into());
    }
    check(&stored.analysis.detectors, &input.items)?;
    let mut report = Report { origin: context.actor.origin(), now: context.now, drafts: Vec::new(), end: None };
    for item in input.items {
        match item {
            ReportItem::Issues(issues) => report.issues(context.conn, &mut stored, issues).await?,
            ReportItem::Detector(run) => report.detector(&mut stored, run),
            ReportItem::End(end) => report.end = Some(end),
        }
    }
    Ok(report.finish(context.conn, stored).await?)
}

/// Refuses what does not fit the detectors of the analysis, before anything is written.
fn check(detectors: &[DetectorRun], items: &[ReportItem]) -> Result<(), WireError> {
    let bad = |message: String, field: String| Err(WireError::new(ErrorCode::BadRequest, message).at(field));
    let unknown = |name: &str| format!("the analysis has no detector {name:?}");
    let is_known = |name: &str| detectors.iter().any(|run| run.name == name);
    let mut unfinished: Vec<&str> =
        detectors.iter().filter(|run| !run.state.is_over()).map(|run| run.name.as_str()).collect();
    for (index, item) in items.iter().enumerate() {
        let field = format!("data.items[{index}]");
        if index > 0 && matches!(items[index - 1], ReportItem::End(_)) {
            return bad("nothing may follow the end".into(), field);
        }
        match item {
            ReportItem::Issues(issues) => {
                if let Some(at) = issues.iter().position(|issue| !is_known(&issue.detector)) {
                    return bad(unknown(&issues[at].detector), format!("{field}.value[{at}].detector"));
                }
            }
            ReportItem::Detector(run) if !run.state.is_over() => {
                return bad("must be an end of the detector".into(), format!("{field}.value.state"));
            }
            ReportItem::Detector(run) if !is_known(&run.name) => {
                return bad(unknown(&run.name), format!("{field}.value.name"));
            }
            ReportItem::Detector(run) => unfinished.retain(|name| run.name != *name),
            ReportItem::End(End::Complete) => {
                if let Some(name) = unfinished.first() {
                    return bad(format!("the detector {name:?} has not ended"), format!("{field}.value"));
                }
            }
            ReportItem::End(End::Cancelled | End::Failed { .. }) => {}
        }
    }
    Ok(())
}

/// A report at work.
struct Report {
    origin: Origin,
    now: UnixMillis,
    drafts: Vec<Draft>,
    end: Option<End>,
}

impl Report {
    async fn issues(
        &mut self,
        conn: &mut Conn,
        stored: &mut Stored,
        issues: List<Issue, { limits::ISSUES_PER_BATCH }>,
    ) -> sqlx::Result<()> {
        for issue in &*issues {
            store::issue::upsert(conn, stored.analysis.id, issue).await?;
        }
        let dropped = keep_worst(conn, stored.analysis.id).await?;
        count(stored, &store::issue::tally(conn, stored.analysis.id).await?);
        let kept = |issue: &Issue| !dropped.contains(&(issue.detector.to_string(), issue.fingerprint.to_string()));
        let room = Room::Project(stored.analysis.project);
        for issues in chunks(issues.into_iter().filter(kept)) {
            let event = AnalysisIssues { analysis: stored.analysis.id, issues, counts: stored.analysis.counts };
            self.drafts.push(Draft::new(room, self.origin.clone(), event));
        }
        Ok(())
    }

    fn detector(&mut self, stored: &mut Stored, run: DetectorRun) {
        let known = stored.analysis.detectors.iter_mut().find(|known| known.name == run.name);
        // That it is there was checked.
        let Some(known) = known else { return };
        known.state = run.state;
        known.reason = run.reason;
        known.ms = run.ms.min(i64::MAX as u64);
        known.version = run.version.or(known.version.take());
        let event = DetectorComplete { analysis: stored.analysis.id, detector: known.clone() };
        self.drafts.push(Draft::new(Room::Project(stored.analysis.project), self.origin.clone(), event));
    }

    async fn finish(mut self, conn: &mut Conn, mut stored: Stored) -> sqlx::Result<Outcome> {
        let id = stored.analysis.id;
        let lease = if let Some(end) = self.end {
            self.drafts.extend(end_with(conn, &mut stored, &self.origin, self.now, end).await?);
            LeaseChange::Ended(id)
        } else {
            store::analysis::update(conn, &stored).await?;
            LeaseChange::Kept(id)
        };
        Ok(Outcome { drafts: self.drafts, lease: Some(lease), ..Outcome::default() })
    }
}

/// Keeps the worst `ISSUES_PER_ANALYSIS`; gives those that had to go.
async fn keep_worst(conn: &mut Conn, analysis: AnalysisId) -> sqlx::Result<BTreeSet<(String, String)>> {
    let total: u32 = store::issue::tally(conn, analysis).await?.iter().map(|tally| tally.count).sum();
    match total.saturating_sub(limits::ISSUES_PER_ANALYSIS as u32) {
        0 => Ok(BTreeSet::new()),
        excess => Ok(store::issue::drop_least(conn, analysis, excess).await?.into_iter().collect()),
    }
}

/// Sets the counts of the analysis and of each detector to what is in the table.
fn count(stored: &mut Stored, tallies: &[Tally]) {
    let of = |detector: &str| -> Counts {
        let own = tallies.iter().filter(|tally| tally.detector == detector);
        own.flat_map(|tally| std::iter::repeat_n(tally.severity, tally.count as usize)).collect()
    };
    stored.analysis.counts = Counts::default();
    for run in stored.analysis.detectors.iter_mut() {
        run.counts = of(&run.name);
        stored.analysis.counts += run.counts;
    }
}

/// Cuts issues into lists of a bounded size.
fn chunks(issues: impl Iterator<Item = Issue>) -> Vec<List<Issue, { limits::ISSUES_PER_BATCH }>> {
    let mut chunks = Vec::new();
    let mut chunk: Vec<Issue> = Vec::new();
    let mut bytes = 0;
    for issue in issues {
        let size = issue.message.len() + issue.path.len() + issue.help.as_ref().map_or(0, |help| help.len()) + 256;
        if !chunk.is_empty() && bytes + size > EVENT_BYTES {
            chunks.push(std::mem::take(&mut chunk));
            bytes = 0;
        }
        bytes += size;
        chunk.push(issue);
    }
    if !chunk.is_empty() {
        chunks.push(chunk);
    }
    chunks.into_iter().map(|chunk| chunk.try_into().expect("no longer than the list it was cut from")).collect()
}
