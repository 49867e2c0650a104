//! What the tests of whole runs share. (Each test file uses its part of it.)

#![allow(dead_code, clippy::unwrap_used)]

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use watchbell_analysis::{Outcome, Plan, PlanOptions, Running, Update, plan};
use watchbell_protocol::{AnalysisId, event::Issue};

/// Where tests look for tools: the folder that `WATCHBELL_TEST_TOOLS` names, then `PATH`.
pub fn tools() -> OsString {
    let first = env::var_os("WATCHBELL_TEST_TOOLS").map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(first.into_iter().chain(env::split_paths(&path))).unwrap()
}

/// Whether a test of this tool can run. Where `WATCHBELL_TEST_TOOLS` is set, all tools must be there.
pub fn has(program: &str, args: &[&str]) -> bool {
    let found = by_hand(Path::new("."), program, args).is_some();
    assert!(found || env::var_os("WATCHBELL_TEST_TOOLS").is_none(), "{program} is not in WATCHBELL_TEST_TOOLS or PATH");
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

/// What the tool writes when a person runs it; `None` if it cannot be started.
pub fn by_hand(folder: &Path, program: &str, args: &[&str]) -> Option<Vec<u8>> {
    let found = env::split_paths(&tools()).map(|folder| folder.join(program)).find(|path| path.is_file())?;
    let output = Command::new(found).args(args).current_dir(folder).env("PATH", tools()).output().ok()?;
    (output.status.code() != Some(127)).then_some(output.stdout)
}

/// A folder to analyse, with a cache beside it.
pub struct Folder {
    place: TempDir,
}

impl Folder {
    /// With these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self { place: tempfile::tempdir().unwrap() };
        fs::create_dir(folder.root()).unwrap();
        for (path, text) in files {
            let path = folder.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    /// A copy of the sample that the fixtures were made of.
    pub fn sample() -> Self {
        let folder = Self::with(&[]);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sample"), &folder.root());
        folder
    }

    pub fn root(&self) -> PathBuf {
        self.place.path().canonicalize().unwrap().join("root")
    }

    pub fn cache(&self) -> PathBuf {
        self.place.path().canonicalize().unwrap().join("cache")
    }

    pub fn options(&self, only: &[&str]) -> PlanOptions {
        PlanOptions {
            only: only.iter().map(ToString::to_string).collect(),
            path: Some(tools()),
            cache: Some(self.cache()),
            ..PlanOptions::default()
        }
    }

    pub async fn plan(&self, only: &[&str]) -> Plan {
        plan(&self.root(), &self.options(only)).await.unwrap()
    }

    /// Runs these detectors to the end.
    pub async fn run(&self, only: &[&str]) -> (Vec<Update>, Outcome) {
        finish(start(self.plan(only).await)).await
    }

    /// No file of the run is left.
    pub fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.cache().join("runs")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

pub fn start(plan: Plan) -> Running {
    plan.start(AnalysisId::fresh(), &[], CancellationToken::new())
}

/// All updates, and the outcome.
pub async fn finish(mut running: Running) -> (Vec<Update>, Outcome) {
    let mut updates = Vec::new();
    while let Some(update) = running.updates.recv().await {
        updates.push(update);
    }
    (updates, running.outcome().await)
}

pub fn issues(updates: &[Update]) -> Vec<Issue> {
    let issues = updates.iter().filter_map(|update| match update {
        Update::Issues(issues) => Some(issues.clone()),
        _ => None,
    });
    issues.flatten().collect()
}

/// The multiset that must equal what the tool gives by hand.
pub fn places(updates: &[Update]) -> Vec<(String, String, u64)> {
    let place = |issue: Issue| (issue.rule.to_string(), issue.path.to_string(), issue.line.into());
    let mut places: Vec<_> = issues(updates).into_iter().map(place).collect();
    places.sort();
    places
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
