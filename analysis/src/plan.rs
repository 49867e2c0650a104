//! Looking at a folder and choosing what to run on it: [`plan`]. Nothing of the folder's own code runs here; installed
//! tools are only asked for their version.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use watchbell_protocol::{AnalysisId, Text, command::DetectorPlan, frame::Usual, limits};

use crate::{
    checkout::{self, Checkout},
    detector::{self, Chosen, Detector},
    process::SearchPath,
    run::{self, Running},
    tree::{self, Tree},
};

/// What [`plan`] is asked for.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// Only these detectors, by name; all that fit if empty.
    pub only: Vec<String>,
    /// These detectors not, by name, each with the reason that the plan then tells.
    pub skip: Vec<(String, String)>,
    /// Where installed tools are looked for; this process's `PATH` if absent. Relative entries are ignored: they would
    /// let the analysed folder choose the program.
    pub path: Option<OsString>,
    /// Where things live that outlast a run (clippy's build output, the key of secrets' fingerprints) and, while it
    /// runs, its temporary files; the user's cache folder if absent.
    pub cache: Option<PathBuf>,
    /// How long one detector may work.
    pub timeout: Duration,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self { only: Vec::new(), skip: Vec::new(), path: None, cache: None, timeout: Duration::from_mins(15) }
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The folder is missing, or is none, or may not be read.
    #[error("cannot analyse {path}: {source}")]
    Folder {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A name in `only` or `skip` is no detector's.
    #[error("there is no detector {name:?}; known are: {known}")]
    UnknownDetector {
        /// The name.
        name: String,
        /// All there are.
        known: String,
    },
    /// No place for files that outlast a run.
    #[error("this system names no cache folder; set one")]
    NoCache,
}

/// What will run on a folder, and what will not and why.
#[derive(Debug)]
pub struct Plan {
    /// The folder, absolute and without symbolic links.
    pub root: PathBuf,
    /// The folder's name.
    pub name: Text<{ limits::NAME_BYTES }>,
    /// The git branch, if the folder is (inside) a checkout that is on one.
    pub branch: Option<Text<{ limits::TITLE_BYTES }>>,
    /// The git revision, if the folder is (inside) a checkout.
    pub revision: Option<Text<{ limits::NAME_BYTES }>>,
    /// Files to look at; ignored ones (`.gitignore`) do not count.
    pub files: u32,
    /// The detectors in the order they are shown: those that will run, and those that would fit but are not installed
    /// or were left out (`skipped` says why). Ready for `analysis:start`.
    pub detectors: Vec<DetectorPlan>,
    /// Detectors that do not fit this folder, each with the reason in `skipped` (say, "no Python files").
    pub not_applicable: Vec<DetectorPlan>,
    pub(crate) chosen: Vec<Chosen>,
    pub(crate) tree: Arc<Tree>,
    pub(crate) search: SearchPath,
    pub(crate) cache: PathBuf,
    pub(crate) timeout: Duration,
}

/// Looks at the folder `root` and chooses detectors by the files present and the tools installed.
pub async fn plan(root: &Path, options: &PlanOptions) -> Result<Plan, PlanError> {
    check_names(options)?;
    let cache = match &options.cache {
        Some(folder) => std::path::absolute(folder).unwrap_or_else(|_| folder.clone()),
        None => {
            directories::ProjectDirs::from("", "", "watchbell").ok_or(PlanError::NoCache)?.cache_dir().to_path_buf()
        }
    };
    let failed = |source| PlanError::Folder { path: root.to_path_buf(), source };
    let (tree, checkout) = look(root.to_path_buf()).await.map_err(failed)?;
    let tree = Arc::new(tree);
    let search = SearchPath::new(options.path.as_deref());

    let mut plan = Plan {
        name: Text::clip(folder_name(&tree.root)),
        branch: checkout.branch.map(Text::clip),
        revision: checkout.revision.map(Text::clip),
        files: u32::try_from(tree.files.len()).unwrap_or(u32::MAX),
        detectors: Vec::new(),
        not_applicable: Vec::new(),
        chosen: Vec::new(),
        root: tree.root.clone(),
        tree: Arc::clone(&tree),
        search: search.clone(),
        cache,
        timeout: options.timeout,
    };
    let wanted = detector::all().filter(|detector| is_wanted(options, detector));
    for choice in join_all(wanted.map(|detector| choose(detector, options, &tree, &search))).await {
        plan.add(choice);
    }
    Ok(plan)
}

impl Plan {
    /// Starts the planned detectors. `usual` is how long they took in earlier runs here (for progress and time left);
    /// empty is fine. Everything ends soon after `cancel` is cancelled or the [`Running`] is dropped.
    #[expect(clippy::needless_pass_by_value, reason = "a token is a handle; a caller hands over its own")]
    pub fn start(self, analysis: AnalysisId, usual: &[Usual], cancel: CancellationToken) -> Running {
        run::start(self, analysis, usual, &cancel)
    }

    fn add(&mut self, choice: Choice) {
        let (detector, version, skipped) = match choice {
            Choice::Run(chosen) => {
                let named = (chosen.detector, chosen.version.clone(), None);
                self.chosen.push(chosen);
                named
            }
            Choice::Skip(detector, reason) => (detector, None, Some(reason)),
            Choice::DoesNotFit(detector, reason) => {
                self.not_applicable.push(entry(detector, None, Some(reason)));
                return;
            }
        };
        self.detectors.push(entry(detector, version, skipped));
    }
}

/// What becomes of one detector.
enum Choice {
    Run(Chosen),
    Skip(&'static Detector, String),
    DoesNotFit(&'static Detector, String),
}

async fn choose(detector: &'static Detector, options: &PlanOptions, tree: &Tree, search: &SearchPath) -> Choice {
    if let Err(reason) = detector.fits(tree) {
        return Choice::DoesNotFit(detector, reason);
    }
    if let Some((_, reason)) = options.skip.iter().find(|(name, _)| name == detector.name) {
        return Choice::Skip(detector, reason.clone());
    }
    match detector.locate(tree, search).await {
        Ok(chosen) => Choice::Run(chosen),
        Err(reason) => Choice::Skip(detector, reason),
    }
}

fn entry(detector: &Detector, version: Option<String>, skipped: Option<String>) -> DetectorPlan {
    DetectorPlan { name: Text::clip(detector.name), version: version.map(Text::clip), skipped: skipped.map(Text::clip) }
}

fn is_wanted(options: &PlanOptions, detector: &Detector) -> bool {
    options.only.is_empty() || options.only.iter().any(|name| name == detector.name)
}

fn check_names(options: &PlanOptions) -> Result<(), PlanError> {
    let mut named = options.only.iter().chain(options.skip.iter().map(|(name, _)| name));
    match named.find(|name| !detector::all().any(|detector| detector.name == **name)) {
        None => Ok(()),
        Some(name) => {
            let known = detector::names().collect::<Vec<_>>().join(", ");
            Err(PlanError::UnknownDetector { name: name.clone(), known })
        }
    }
}

/// Walks the folder off the async threads.
async fn look(root: PathBuf) -> std::io::Result<(Tree, Checkout)> {
    let work = move || {
        let tree = tree::walk(&root)?;
        let checkout = checkout::read(&tree.root);
        Ok((tree, checkout))
    };
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

fn folder_name(root: &Path) -> String {
    root.file_name().map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned())
}
