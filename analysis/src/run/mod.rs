//! A run: the chosen detectors at work, what they find flowing out, and an end that leaves nothing behind.
//!
//! One task ([`conductor`]) owns all state of the run; each detector is a task of its own that reports to it over one
//! bounded channel.

mod batch;
mod budget;
mod builtin;
mod conductor;
mod lanes;
mod tool;
mod worker;

use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use watchbell_protocol::{
    AnalysisId,
    command::End,
    event::{AnalysisProgress, Counts, DetectorRun, Issue},
    frame::Usual,
};

use crate::plan::Plan;

/// Updates waiting for a slow reader; beyond it the detectors wait too.
const UPDATES_WAITING: usize = 64;

/// What a run tells, in order. After `Ended` nothing comes.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// How far the run is; at most five a second, the last one always. A slow reader misses some in between.
    Progress(AnalysisProgress),
    /// Issues, as they are found: at most `limits::ISSUES_PER_BATCH`, and small enough for one frame.
    Issues(Vec<Issue>),
    /// A detector came to its end. Detectors that the plan skipped are not told again.
    Detector(DetectorRun),
    /// The run came to its end.
    Ended(End),
}

/// A run at work. Dropping it stops the run; the processes are gone soon after.
#[derive(Debug)]
pub struct Running {
    /// What happens. Read it to its end: a full channel makes the detectors wait.
    pub updates: mpsc::Receiver<Update>,
    conductor: JoinHandle<Outcome>,
    stop: DropGuard,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Whether it finished.
    pub end: End,
    /// Files looked at.
    pub files: u32,
    /// Every detector of the plan, skipped ones too, in the plan's order.
    pub detectors: Vec<DetectorRun>,
    /// What was reported.
    pub counts: Counts,
    /// How long it took, milliseconds.
    pub ms: u64,
    /// Set if more was found than an analysis may hold: the worst were kept.
    pub cut: Option<Cut>,
    /// Findings dropped because their path leads out of the analysed folder.
    pub outside: u64,
}

/// More was found than an analysis may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Issues found.
    pub found: u64,
    /// Issues reported.
    pub kept: u64,
}

impl Running {
    /// Waits for the end: all processes are gone and all temporary files removed. Updates not read until then are
    /// discarded.
    pub async fn outcome(mut self) -> Outcome {
        while self.updates.recv().await.is_some() {}
        let outcome = self.conductor.await;
        drop(self.stop);
        match outcome {
            Ok(outcome) => outcome,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

pub(crate) fn start(plan: Plan, analysis: AnalysisId, usual: &[Usual], cancel: &CancellationToken) -> Running {
    let (sender, updates) = mpsc::channel(UPDATES_WAITING);
    let cancel = cancel.child_token();
    let stop = cancel.clone().drop_guard();
    let conductor = tokio::spawn(conductor::conduct(plan, analysis, usual.to_vec(), cancel, sender));
    Running { updates, conductor, stop }
}
