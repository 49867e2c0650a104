//! The one task that owns a run's state. Everything that can wake it: a worker's report, and the clock.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use watchbell_protocol::{
    AnalysisId, List, Text, UnixMillis,
    command::End,
    event::{AnalysisProgress, Counts, DetectorProgress, DetectorRun, DetectorState, Issue},
    frame::Usual,
};

use super::{
    Cut, Outcome, Update,
    batch::Batch,
    budget::Budget,
    lanes,
    worker::{Ending, Over, Report, Site, Voice, dispatch},
};
use crate::{
    detector::Chosen,
    plan::Plan,
    progress::{self, Lane, Planned, Progress},
    scratch::{self, Scratch},
};

/// Reports waiting; beyond it the workers wait.
const REPORTS_WAITING: usize = 256;

pub(super) async fn conduct(
    mut plan: Plan,
    analysis: AnalysisId,
    usual: Vec<Usual>,
    cancel: CancellationToken,
    updates: mpsc::Sender<Update>,
) -> Outcome {
    let chosen = in_starting_order(std::mem::take(&mut plan.chosen), plan.files, &usual);
    let run = Run::new(&plan, &chosen, analysis, &usual, cancel.clone(), updates);
    match prepare(&plan, cancel).await {
        Ok((site, scratch)) => run.conduct(chosen, site, scratch).await,
        Err(error) => run.fail(format!("no place for temporary files in {}: {error}", plan.cache.display())).await,
    }
}

/// Within each lane the longest first, so that it does not end alone.
fn in_starting_order(mut chosen: Vec<Chosen>, files: u32, usual: &[Usual]) -> Vec<Chosen> {
    let expected = |chosen: &Chosen| {
        let median = usual.iter().find(|usual| usual.detector == chosen.detector.name).and_then(|usual| {
            let mut ms = usual.ms.clone();
            ms.sort_unstable();
            ms.get(ms.len() / 2).copied()
        });
        median.unwrap_or_else(|| lanes::guess(chosen.detector.cost, files).as_millis() as u64)
    };
    chosen.sort_by_key(|chosen| std::cmp::Reverse(expected(chosen)));
    chosen
}

/// Makes what all detectors share, and the place for their temporary files.
async fn prepare(plan: &Plan, cancel: CancellationToken) -> std::io::Result<(Site, Scratch)> {
    let (cache, tree) = (plan.cache.clone(), Arc::clone(&plan.tree));
    let (search, timeout) = (plan.search.clone(), plan.timeout);
    let work = move || {
        let scratch = Scratch::new(&cache)?;
        let key = scratch::key(&cache, &tree.root)?;
        let (home, temp, mark) = (scratch.home(), scratch.temp(), scratch.mark());
        Ok((Site { tree, search, cache, home, temp, mark, key, timeout, cancel }, scratch))
    };
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

/// The state of a run.
struct Run {
    analysis: AnalysisId,
    files: u32,
    /// In the plan's order.
    detectors: Vec<DetectorRun>,
    /// For each started detector, where it stands in `detectors`.
    places: Vec<usize>,
    progress: Progress,
    budget: Budget,
    batch: Batch,
    counts: Counts,
    outside: u64,
    begun: Instant,
    cancel: CancellationToken,
    updates: mpsc::Sender<Update>,
}

impl Run {
    fn new(
        plan: &Plan,
        chosen: &[Chosen],
        analysis: AnalysisId,
        usual: &[Usual],
        cancel: CancellationToken,
        updates: mpsc::Sender<Update>,
    ) -> Self {
        let planned: Vec<Planned> = chosen
            .iter()
            .map(|chosen| Planned {
                name: chosen.detector.name,
                lane: lanes::lane(chosen),
                guess: lanes::guess(chosen.detector.cost, plan.files),
            })
            .collect();
        let progress = Progress::new(&planned, plan.files, usual, lanes::of_this_machine());
        let mut detectors: Vec<DetectorRun> = plan
            .detectors
            .iter()
            .map(|detector| DetectorRun {
                name: detector.name.clone(),
                version: detector.version.clone(),
                state: if detector.skipped.is_some() { DetectorState::Skipped } else { DetectorState::Waiting },
                reason: detector.skipped.clone(),
                counts: Counts::default(),
                ms: 0,
                usual_ms: None,
            })
            .collect();
        let place = |planned: &Planned| {
            let found = detectors.iter().position(|detector| detector.name == planned.name);
            found.expect("a chosen detector is in its plan: `Plan::add` put both there")
        };
        let places: Vec<usize> = planned.iter().map(place).collect();
        for (at, &place) in places.iter().enumerate() {
            detectors[place].usual_ms = progress.usual(at).map(millis);
        }
        Self {
            analysis,
            files: plan.files,
            detectors,
            places,
            progress,
            budget: Budget::default(),
            batch: Batch::default(),
            counts: Counts::default(),
            outside: 0,
            begun: Instant::now(),
            cancel,
            updates,
        }
    }

    async fn conduct(mut self, chosen: Vec<Chosen>, site: Site, scratch: Scratch) -> Outcome {
        let mut reports = start(chosen, &Arc::new(site));
        let mut clock = interval(progress::EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                report = reports.recv() => match report {
                    Some((at, report)) => self.take(at, report).await,
                    None => break, // every worker is gone, and with it all that it started
                },
                _ = clock.tick() => self.tell().await,
            }
        }
        // Files are gone before the end is told. Removing them may block, and cannot fail in a way to act upon.
        let _ = tokio::task::spawn_blocking(move || drop(scratch)).await;
        self.end().await
    }

    async fn take(&mut self, at: usize, report: Report) {
        let now = self.begun.elapsed();
        match report {
            Report::Started => self.progress.started(at, now),
            Report::Share(share) => self.progress.share(at, share, now),
            Report::Found(issue) => {
                self.progress.found(at, issue.severity);
                if let Some(issue) = self.budget.admit(*issue) {
                    self.send_issue(issue).await;
                }
            }
            Report::Over(over) => self.over(at, over).await,
        }
    }

    async fn over(&mut self, at: usize, over: Over) {
        let now = self.begun.elapsed();
        let state = over.end.state();
        self.progress.ended(at, state, now);
        self.outside += over.outside;
        let run = &mut self.detectors[self.places[at]];
        run.state = state;
        run.counts = self.progress.counts(at);
        run.ms = millis(self.progress.worked(at, now));
        if let Ending::Failed(reason) = over.end {
            run.reason = Some(Text::clip(reason));
        }
        let run = run.clone();
        self.flush().await;
        self.send(Update::Detector(run)).await;
    }

    /// The clock's beat: what waits goes out, and how far it is.
    async fn tell(&mut self) {
        self.flush().await;
        let now = self.begun.elapsed();
        if self.progress.due(now) {
            let update = Update::Progress(self.measure(now));
            // A reader that lags does not need each value.
            let _ = self.updates.try_send(update);
        }
    }

    fn measure(&mut self, now: Duration) -> AnalysisProgress {
        let at = self.progress.at(now);
        let mut counts = Counts::default();
        let mut detectors: Vec<DetectorProgress> = self
            .detectors
            .iter()
            .map(|run| DetectorProgress {
                name: run.name.clone(),
                state: run.state,
                percent: None,
                counts: Counts::default(),
                ms: 0,
            })
            .collect();
        for (&place, at) in self.places.iter().zip(at.detectors) {
            let shown = &mut detectors[place];
            shown.state = at.state;
            shown.percent = at.percent;
            shown.counts = at.counts;
            shown.ms = millis(at.worked);
            counts += at.counts;
        }
        AnalysisProgress {
            analysis: self.analysis,
            percent: at.percent,
            left: at.left,
            detectors: List::try_from(detectors)
                .expect("a plan has no more detectors than the registry, which a test holds below the limit"),
            counts,
            measured_at: unix_now(),
        }
    }

    /// Everything is over; tells the rest, in order.
    async fn end(mut self) -> Outcome {
        for at in 0..self.places.len() {
            // A worker that panicked could not say so.
            if !self.detectors[self.places[at]].state.is_over() {
                let end = Ending::Failed("it failed; this is a fault of Watchbell".into());
                self.over(at, Over { end, outside: 0 }).await;
            }
        }
        for issue in self.budget.rest() {
            self.send_issue(issue).await;
        }
        self.flush().await;
        let was_cancelled = self.detectors.iter().any(|run| run.state == DetectorState::Cancelled);
        let end = if was_cancelled { End::Cancelled } else { End::Complete };
        if !was_cancelled {
            self.progress.complete();
        }
        self.finish(end).await
    }

    /// The run cannot even begin.
    async fn fail(mut self, reason: String) -> Outcome {
        tracing::error!(reason, "the analysis cannot begin");
        for at in 0..self.places.len() {
            self.over(at, Over { end: Ending::Failed("the analysis could not begin".into()), outside: 0 }).await;
        }
        self.finish(End::Failed { reason: Text::clip(reason) }).await
    }

    async fn finish(mut self, end: End) -> Outcome {
        let now = self.begun.elapsed();
        let last = self.measure(now);
        self.send(Update::Progress(last)).await;
        self.send(Update::Ended(end.clone())).await;
        let (found, kept) = (self.budget.found(), self.budget.sent());
        Outcome {
            end,
            files: self.files,
            detectors: self.detectors,
            counts: self.counts,
            ms: millis(now),
            cut: (found > kept).then_some(Cut { found, kept }),
            outside: self.outside,
        }
    }

    async fn send_issue(&mut self, issue: Issue) {
        self.counts.add(issue.severity);
        if let Some(full) = self.batch.add(issue) {
            self.send(Update::Issues(full)).await;
        }
    }

    async fn flush(&mut self) {
        if let Some(issues) = self.batch.take() {
            self.send(Update::Issues(issues)).await;
        }
    }

    /// Nobody listening any more is a reason to stop.
    async fn send(&mut self, update: Update) {
        if self.updates.send(update).await.is_err() {
            self.cancel.cancel();
        }
    }
}

/// Starts the workers. The receiver ends when all of them are gone.
fn start(chosen: Vec<Chosen>, site: &Arc<Site>) -> mpsc::Receiver<(usize, Report)> {
    let (sender, receiver) = mpsc::channel(REPORTS_WAITING);
    let lanes = lanes::of_this_machine();
    let numbered = chosen.into_iter().enumerate();
    let voiced = numbered.map(|(at, chosen)| (Voice { at, reports: sender.clone() }, chosen));
    let (builtin, tools): (Vec<_>, Vec<_>) = voiced.partition(|(_, chosen)| lanes::lane(chosen) == Lane::Builtin);
    tokio::spawn(dispatch(builtin, lanes.builtin, Arc::clone(site)));
    tokio::spawn(dispatch(tools, lanes.tool, Arc::clone(site)));
    receiver
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn unix_now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
