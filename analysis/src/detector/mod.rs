//! The registry: every detector there is. A detector is a name, what it applies to, a command (or a function compiled
//! in) and how to read what it says. One file each; adding one is a file and a line in [`REGISTRY`].

mod bandit;
mod biome;
mod clippy;
mod eslint;
mod flawfinder;
mod hadolint;
mod htmlhint;
mod oxlint;
mod ruff;
mod semgrep;
mod shellcheck;
mod zizmor;

use std::{
    ffi::OsString,
    io::Read,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use crate::{
    builtin::{self, Builtin},
    finding::Finding,
    process::{self, SearchPath, Toolchain},
    sarif,
    tree::Tree,
};

/// All detectors, in the order they are shown: first those that need nothing installed.
static REGISTRY: [Detector; 17] = [
    builtin::config_syntax::DETECTOR,
    builtin::conflict_markers::DETECTOR,
    builtin::large_files::DETECTOR,
    builtin::secrets::DETECTOR,
    builtin::typos::DETECTOR,
    ruff::DETECTOR,
    clippy::DETECTOR,
    shellcheck::DETECTOR,
    eslint::DETECTOR,
    bandit::DETECTOR,
    biome::DETECTOR,
    flawfinder::DETECTOR,
    hadolint::DETECTOR,
    htmlhint::DETECTOR,
    oxlint::DETECTOR,
    semgrep::DETECTOR,
    zizmor::DETECTOR,
];

/// Every detector there is.
pub(crate) fn all() -> impl Iterator<Item = &'static Detector> {
    REGISTRY.iter()
}

/// The names of all detectors, in the order they are shown.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|detector| detector.name)
}

/// A detector.
#[derive(Debug)]
pub(crate) struct Detector {
    /// Unique.
    pub name: &'static str,
    /// What it takes where there is no history.
    pub cost: Cost,
    /// What it does.
    pub work: Work,
}

/// A guess at how long a detector takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// However few files there are, milliseconds.
    pub base_ms: u32,
    /// For each file of the folder on top, microseconds.
    pub file_us: u32,
}

/// What a detector does.
#[derive(Debug)]
pub(crate) enum Work {
    /// Looks at files itself.
    Builtin(Builtin),
    /// Runs an installed tool.
    Tool(Tool),
}

/// An installed tool.
#[derive(Debug)]
pub(crate) struct Tool {
    /// The program that must be there.
    pub program: &'static str,
    /// What makes it print its version.
    pub version: &'static [&'static str],
    /// Finds the program, given what the search path has. The default is [`installed`].
    pub find: fn(&Tree, &SearchPath) -> Option<Installed>,
    /// Whether it has anything to do in this folder; if not, why.
    pub fits: fn(&Tree) -> Result<(), String>,
    /// What to run, in order.
    pub calls: fn(&Site<'_>) -> Vec<Call>,
    /// How to read what it writes.
    pub format: Format,
    /// What of the user's own set-up it needs to work at all.
    pub toolchain: Toolchain,
}

/// A program that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    pub program: PathBuf,
    /// If it is known without asking the program, which may be the analysed folder's own.
    pub version: Option<String>,
}

/// A detector that will run.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub detector: &'static Detector,
    pub version: Option<String>,
    /// The program of a tool.
    pub program: Option<PathBuf>,
}

/// Where a tool runs.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub tree: &'a Tree,
    pub program: &'a Path,
    /// A folder for what should outlast the run, private to this tool and root.
    pub cache: &'a Path,
}

/// One command of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// The folder it runs in, which relative paths in its output count from (unless `base_from` is given).
    pub folder: PathBuf,
    pub env: Vec<(&'static str, OsString)>,
    /// A command whose first line of output is a file of the folder that relative paths count from.
    pub base_from: Option<Vec<OsString>>,
}

impl Call {
    /// Runs `program` with `args` in `folder`.
    pub fn new(program: &Path, folder: PathBuf, args: &[&str]) -> Self {
        let args = args.iter().map(OsString::from).collect();
        Self { program: program.to_path_buf(), args, folder, env: Vec::new(), base_from: None }
    }
}

/// How a tool's standard output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Sarif,
    Cargo,
    ShellCheck,
    Eslint,
}

/// The output is not what the tool writes when it works.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("its output could not be read: {0}")]
    Json(#[from] serde_json::Error),
    /// All of it was read, but it says itself that something is missing.
    #[error("{0}")]
    Incomplete(&'static str),
}

impl Format {
    /// Reads the output to its end, or until `found` breaks.
    pub fn read(self, input: impl Read, found: &mut dyn FnMut(Finding) -> ControlFlow<()>) -> Result<(), ReadError> {
        match self {
            Self::Sarif => match sarif::read(input, found)? {
                0 => Ok(()),
                _ => Err(ReadError::Incomplete("it found more than can be held; the rest was left out")),
            },
            Self::Cargo => clippy::read(input, found),
            Self::ShellCheck => shellcheck::read(input, found),
            Self::Eslint => eslint::read(input, found),
        }
    }
}

impl Detector {
    /// Whether the detector has anything to do in this folder; if not, why.
    pub fn fits(&self, tree: &Tree) -> Result<(), String> {
        match &self.work {
            Work::Builtin(_) => Ok(()),
            Work::Tool(tool) => (tool.fits)(tree),
        }
    }

    /// Finds the program and asks for its version. The error says what is missing.
    pub async fn locate(&'static self, tree: &Tree, search: &SearchPath) -> Result<Chosen, String> {
        let tool = match &self.work {
            Work::Builtin(_) => return Ok(Chosen { detector: self, version: None, program: None }),
            Work::Tool(tool) => tool,
        };
        let installed = (tool.find)(tree, search)
            .or_else(|| Some(Installed { program: search.find(tool.program)?, version: None }));
        let Some(Installed { program, version }) = installed else {
            return Err(format!("{} is not installed", self.name));
        };
        let version = match version {
            Some(version) => version,
            None => process::version(&program, tool.version, &tree.root, search, tool.toolchain).await?,
        };
        Ok(Chosen { detector: self, version: Some(version), program: Some(program) })
    }
}

/// Only the search path has the program.
fn on_the_path(_: &Tree, _: &SearchPath) -> Option<Installed> {
    None
}

/// Fits if the folder has files with one of these extensions.
fn needs_extension(tree: &Tree, extensions: &[&str], what: &str) -> Result<(), String> {
    if tree.has_extension(extensions) { Ok(()) } else { Err(format!("no {what} here")) }
}

/// Fits if the root has one of these files.
fn needs_at_root(tree: &Tree, names: &[&str]) -> Result<(), String> {
    if names.iter().any(|name| tree.has_at_root(name)) { Ok(()) } else { Err(format!("no {} here", names[0])) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_within_the_wires_limits() {
        let mut names: Vec<&str> = names().collect();
        assert!(names.len() <= watchbell_protocol::limits::DETECTORS);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), REGISTRY.len());
    }
}
