//! One analysis from its start to its end: detectors on one side, face and server on the other.

use std::{future::pending, time::Duration};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use watchbell_analysis::{Plan, Running, Update};
use watchbell_protocol::{
    AnalysisId, UnixMillis,
    command::{DetectorPlan, End},
    event::{AnalysisState, Counts, DetectorRun, DetectorState, Issue},
    frame::Usual,
};

use super::live::{Live, News};
use crate::{
    connect::now,
    face::{Face, words},
    outcome::{self, Kept, Outcome},
};

/// How long the server may stay away at the end before the result is given without it.
const DELIVERY: Duration = Duration::from_mins(5);
/// The same after a cancel: somebody wants to leave.
const GOODBYE: Duration = Duration::from_secs(5);
/// After how long the wait at the end is spoken of.
const SILENCE: Duration = Duration::from_secs(3);

/// An analysis about to start.
pub struct Run {
    plan: Plan,
    live: Option<Live>,
    face: Face,
}

/// An analysis that has ended.
pub struct Ran {
    /// What it came to.
    pub outcome: Outcome,
    /// Why the server does not have all of it, if it does not.
    pub lost: Option<String>,
}

/// What stays the same while the detectors run.
struct Facts {
    kept: Option<Kept>,
    root: String,
    branch: Option<String>,
    revision: Option<String>,
    not_applicable: Vec<DetectorPlan>,
    started_at: UnixMillis,
}

impl Run {
    /// `live` is the server's side; without one the analysis is local.
    pub fn new(plan: Plan, live: Option<Live>, face: Face) -> Self {
        Self { plan, live, face }
    }

    /// Runs it to its end. `stop` asks to cancel it.
    pub async fn finish(self, stop: &CancellationToken) -> Ran {
        let Self { plan, live, mut face } = self;
        let facts = Facts::of(&plan, live.as_ref());
        let usual = live.as_ref().map(|live| live.started().usual.clone()).unwrap_or_default();
        face.begin(&facts.headline(&plan), &waiting(&plan.detectors, &usual));
        let id = live.as_ref().map_or_else(AnalysisId::fresh, |live| live.started().analysis);
        let cancel = CancellationToken::new();
        let running = plan.start(id, &usual, cancel.clone());

        let mut watch = Watch { live, face, cancel, issues: Vec::new(), stopped: None, lost: None };
        let ended = watch.detectors(running, stop).await;
        watch.delivered(stop).await;
        watch.face.end();
        if let Some(live) = &watch.live {
            live.link().close().await;
        }
        if ended.outside > 0 {
            watch.face.note(&format!("{} findings outside the folder were dropped", ended.outside));
        }
        let outcome = facts.outcome(ended, watch.issues, watch.stopped);
        Ran { outcome, lost: watch.lost }
    }
}

/// Everything that happens while detectors run.
struct Watch {
    live: Option<Live>,
    face: Face,
    cancel: CancellationToken,
    issues: Vec<Issue>,
    /// Why the detectors were told to stop, if they were.
    stopped: Option<Stopped>,
    /// Why the server does not want to hear more, if it does not.
    lost: Option<String>,
}

/// Why detectors stop before their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    /// Somebody asked for it.
    Asked,
    /// The server gave the analysis up.
    Lost,
}

impl Watch {
    /// Follows the detectors to their end; all their processes are gone then.
    async fn detectors(&mut self, mut running: Running, stop: &CancellationToken) -> watchbell_analysis::Outcome {
        loop {
            tokio::select! {
                update = running.updates.recv() => match update {
                    Some(update) => self.update(update),
                    None => break,
                },
                () = stop.cancelled(), if self.stopped.is_none() => {
                    self.face.note("Cancelling; once more to leave at once");
                    self.stop(Stopped::Asked);
                }
                news = news(&mut self.live, self.lost.is_some()) => self.heard(news),
            }
        }
        running.outcome().await
    }

    fn update(&mut self, update: Update) {
        match update {
            Update::Progress(progress) => {
                self.face.progress(&progress);
                self.live(|live| live.progress(progress));
            }
            Update::Issues(issues) => {
                self.live(|live| live.report(|outgoing| outgoing.issues(issues.iter().cloned())));
                self.issues.extend(issues);
            }
            Update::Detector(run) => self.live(|live| live.report(|outgoing| outgoing.detector(run))),
            Update::Ended(end) => self.live(|live| live.end(end)),
        }
    }

    /// Does something with the server's side, as long as it wants to hear of this analysis.
    fn live(&mut self, act: impl FnOnce(&mut Live)) {
        if let Some(live) = self.live.as_mut().filter(|_| self.lost.is_none()) {
            act(live);
        }
    }

    fn heard(&mut self, news: News) {
        match news {
            News::Note(line) => self.face.note(&line),
            News::Delivered => {}
            News::Cancelling(_) if self.stopped.is_some() => {}
            News::Cancelling(by) => {
                let by = by.map(|name| format!(" by {name}")).unwrap_or_default();
                self.face.note(&format!("Cancelled{by}; stopping"));
                self.stop(Stopped::Asked);
            }
            News::Lost(reason) => {
                if self.stopped.is_none() {
                    self.face.note(&format!("Stopping: {reason}"));
                    self.stop(Stopped::Lost);
                }
                self.lost = Some(reason);
            }
        }
    }

    fn stop(&mut self, why: Stopped) {
        self.stopped = Some(why);
        self.cancel.cancel();
    }

    /// Waits until the server has everything, within reason.
    async fn delivered(&mut self, stop: &CancellationToken) {
        let began = Instant::now();
        let mut spoken = false;
        while self.lost.is_none() && self.live.as_ref().is_some_and(|live| !live.is_delivered()) {
            let patience = if self.stopped.is_some() { GOODBYE } else { DELIVERY };
            tokio::select! {
                news = news(&mut self.live, false) => self.heard(news),
                () = sleep_until(began + patience) => {
                    self.lost = Some(format!("it did not take the end of it within {}", words::span(patience.as_millis() as u64)));
                }
                () = sleep_until(began + SILENCE), if !spoken => {
                    spoken = true;
                    self.face.note("Waiting for the server to take the result");
                }
                () = stop.cancelled(), if self.stopped.is_none() => self.stop(Stopped::Asked),
            }
        }
    }
}

/// The server's next news; never, without a server or after it gave the analysis up.
async fn news(live: &mut Option<Live>, is_lost: bool) -> News {
    match live {
        Some(live) if !is_lost => live.news().await,
        _ => pending().await,
    }
}

/// The detectors before any has begun.
fn waiting(plan: &[DetectorPlan], usual: &[Usual]) -> Vec<DetectorRun> {
    let run = |detector: &DetectorPlan| DetectorRun {
        name: detector.name.clone(),
        version: detector.version.clone(),
        state: if detector.skipped.is_some() { DetectorState::Skipped } else { DetectorState::Waiting },
        reason: detector.skipped.clone(),
        counts: Counts::default(),
        ms: 0,
        usual_ms: usual.iter().find(|usual| usual.detector == detector.name).and_then(median),
    };
    plan.iter().map(run).collect()
}

/// How long a detector usually works; told from the third run on, as everywhere.
fn median(usual: &Usual) -> Option<u64> {
    let mut ms = usual.ms.clone();
    ms.sort_unstable();
    ms.get(ms.len() / 2).copied().filter(|_| ms.len() >= 3)
}

impl Facts {
    fn of(plan: &Plan, live: Option<&Live>) -> Self {
        Self {
            kept: live.map(|live| Kept {
                analysis: live.started().analysis,
                number: live.started().number,
                project: live.link().project.name.clone(),
                server: live.link().server.to_string(),
            }),
            root: plan.name.to_string(),
            branch: plan.branch.as_ref().map(ToString::to_string),
            revision: plan.revision.as_ref().map(ToString::to_string),
            not_applicable: plan.not_applicable.clone(),
            started_at: now(),
        }
    }

    /// `Analysis 42 of web: 312 files, 8 detectors, 2 skipped (main at 0123456)`
    fn headline(&self, plan: &Plan) -> String {
        let what = match &self.kept {
            Some(kept) => format!("Analysis {} of {}", kept.number, kept.project),
            None => format!("Analysis of {}", self.root),
        };
        let skipped = plan.detectors.iter().filter(|detector| detector.skipped.is_some()).count();
        let running = plan.detectors.len() - skipped;
        let files = words::count(plan.files, "file");
        let detectors = words::count(running as u32, "detector");
        let skipped = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
        let revision = self.revision.as_deref().map(|revision| &revision[..revision.len().min(7)]);
        let checkout = match (self.branch.as_deref(), revision) {
            (Some(branch), Some(revision)) => format!(" ({branch} at {revision})"),
            (None, Some(revision)) => format!(" (at {revision})"),
            (_, None) => String::new(),
        };
        format!("{what}: {files}, {detectors}{skipped}{checkout}")
    }

    fn outcome(self, ended: watchbell_analysis::Outcome, mut issues: Vec<Issue>, stopped: Option<Stopped>) -> Outcome {
        outcome::sort(&mut issues);
        Outcome {
            state: match ended.end {
                End::Complete => AnalysisState::Complete,
                End::Cancelled if stopped == Some(Stopped::Lost) => AnalysisState::Failed,
                End::Cancelled => AnalysisState::Cancelled,
                End::Failed { .. } => AnalysisState::Failed,
            },
            kept: self.kept,
            root: self.root,
            branch: self.branch,
            revision: self.revision,
            files: ended.files,
            started_at: self.started_at,
            ms: ended.ms,
            detectors: ended.detectors,
            not_applicable: self.not_applicable,
            issues,
            cut: ended.cut.map_or(0, |cut| cut.found.saturating_sub(cut.kept)),
        }
    }
}
