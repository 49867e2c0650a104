//! Which programs are installed, and in which version.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Stdio,
    sync::LazyLock,
    time::Duration,
};

use regex::Regex;
use tokio::{process::Command, time::timeout};

use super::{Environment, Toolchain};

/// How long a program may take to print its version; some start a whole interpreter for it.
const PATIENCE: Duration = Duration::from_secs(20);

static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d+\.\d+[\w.+-]*").expect("the pattern is constant and valid"));

/// Where programs are looked for.
#[derive(Debug, Clone)]
pub(crate) struct SearchPath(OsString);

impl SearchPath {
    /// The folders of `path` (of this process's `PATH` if absent) that are absolute.
    pub fn new(path: Option<&OsStr>) -> Self {
        let path = path.map(OsStr::to_owned).or_else(|| env::var_os("PATH")).unwrap_or_default();
        let absolute = env::split_paths(&path).filter(|folder| folder.is_absolute());
        // Folders that came out of a search path can be joined into one.
        Self(env::join_paths(absolute).unwrap_or_default())
    }

    /// The program of this name.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        which::which_in(program, Some(&self.0), Path::new("/")).ok()
    }

    /// For a process's `PATH`.
    pub fn as_os_str(&self) -> &OsStr {
        &self.0
    }
}

/// Asks the program for its version. The error says why it does not work, in words for people: a program on the path
/// can still be a mere stand-in for one that is not installed.
pub(crate) async fn version(
    program: &Path,
    args: &[&str],
    folder: &Path,
    search: &SearchPath,
    toolchain: Toolchain,
) -> Result<String, String> {
    let name = program.file_stem().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let scratch = env::temp_dir();
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(Environment::new(search, &scratch, &scratch, toolchain).variables())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await;
    let output = output.map_err(|_| format!("{name} does not answer"))?;
    let output = output.map_err(|error| format!("{name} cannot be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        return Err(format!("{name} does not work: {}", said.trim()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(NUMBER.find(&said).map_or_else(|| "unknown".to_owned(), |number| number.as_str().to_owned()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn folder_with(program: &str, script: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(program);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    async fn ask(script: &str) -> Result<String, String> {
        let folder = folder_with("tool", script);
        let search = SearchPath::new(Some(folder.path().as_os_str()));
        let program = search.find("tool").unwrap();
        version(&program, &["--version"], folder.path(), &search, Toolchain::Nothing).await
    }

    #[test]
    fn relative_folders_are_not_searched() {
        let search = SearchPath::new(Some(OsStr::new(".:/bin:bin")));
        assert_eq!(search.as_os_str(), "/bin");
        assert!(search.find("sh").is_some());
        assert!(search.find("no-such-program").is_none());
    }

    #[tokio::test]
    async fn a_version_is_found_among_other_words() {
        assert_eq!(ask("echo 'A tool'; echo 'version: 0.9.0'; echo 'license 3'").await.unwrap(), "0.9.0");
        assert_eq!(ask("echo clippy 0.1.95 '(1d2 2026-04-14)'").await.unwrap(), "0.1.95");
        assert_eq!(ask("echo hello").await.unwrap(), "unknown");
    }

    #[tokio::test]
    async fn a_stand_in_that_fails_is_told() {
        let error = ask("echo 'pyenv: tool: command not found' >&2; exit 127").await.unwrap_err();
        assert_eq!(error, "tool does not work: pyenv: tool: command not found");
    }
}
