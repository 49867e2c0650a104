//! One detector at work, from its turn to its end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use watchbell_protocol::event::{DetectorState, Issue};

use super::{builtin, tool};
use crate::{
    detector::{Chosen, Work},
    finding::Scribe,
    fingerprint::Key,
    process::SearchPath,
    tree::Tree,
};

/// What all detectors of a run share.
#[derive(Debug)]
pub(super) struct Site {
    pub tree: Arc<Tree>,
    pub search: SearchPath,
    pub cache: PathBuf,
    /// The home that tools see.
    pub home: PathBuf,
    /// Where tools put temporary files.
    pub temp: PathBuf,
    /// By which the run's processes are known.
    pub mark: String,
    pub key: Key,
    pub timeout: Duration,
    pub cancel: CancellationToken,
}

/// What a worker tells the conductor.
#[derive(Debug)]
pub(super) enum Report {
    Started,
    /// Which share (0 to 1) is done.
    Share(f32),
    Found(Box<Issue>),
    /// Nothing comes after it.
    Over(Over),
}

/// A detector's end.
#[derive(Debug, Default)]
pub(super) struct Over {
    pub end: Ending,
    /// Findings dropped because their path leads out of the folder.
    pub outside: u64,
}

/// How a detector ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    #[default]
    Complete,
    Cancelled,
    Failed(String),
}

impl Ending {
    pub fn state(&self) -> DetectorState {
        match self {
            Self::Complete => DetectorState::Complete,
            Self::Cancelled => DetectorState::Cancelled,
            Self::Failed(_) => DetectorState::Failed,
        }
    }
}

/// A worker's line to the conductor. The conductor lives as long as any line, so what is said is always heard; a
/// failure to send can only mean that the runtime is being torn down, and is nobody's concern.
#[derive(Debug, Clone)]
pub(super) struct Voice {
    /// Which detector speaks.
    pub at: usize,
    pub reports: mpsc::Sender<(usize, Report)>,
}

impl Voice {
    pub async fn say(&self, report: Report) {
        let _ = self.reports.send((self.at, report)).await;
    }

    /// From a thread that may block.
    pub fn say_blocking(&self, report: Report) {
        let _ = self.reports.blocking_send((self.at, report));
    }
}

/// Starts the detectors one after the other, as many at a time as there are lanes.
pub(super) async fn dispatch(detectors: Vec<(Voice, Chosen)>, lanes: usize, site: Arc<Site>) {
    let lanes = Arc::new(Semaphore::new(lanes));
    for (voice, chosen) in detectors {
        let turn = tokio::select! {
            biased;
            () = site.cancel.cancelled() => None,
            turn = Arc::clone(&lanes).acquire_owned() => turn.ok(),
        };
        let Some(turn) = turn else {
            voice.say(Report::Over(Over { end: Ending::Cancelled, outside: 0 })).await;
            continue;
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            voice.say(Report::Started).await;
            let over = work(&chosen, &site, &voice).await;
            voice.say(Report::Over(over)).await;
            drop(turn);
        });
    }
}

async fn work(chosen: &Chosen, site: &Arc<Site>, voice: &Voice) -> Over {
    let scribe = Scribe::new(chosen.detector.name, &site.tree.root, site.key.clone());
    match (&chosen.detector.work, &chosen.program) {
        (Work::Builtin(work), _) => builtin::run(work, scribe, site, voice).await,
        (Work::Tool(work), Some(program)) => tool::run(work, program, chosen.detector.name, scribe, site, voice).await,
        (Work::Tool(_), None) => Over { end: Ending::Failed("it is not installed".into()), outside: 0 },
    }
}
