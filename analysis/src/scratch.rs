//! Files of a run that must not outlast it, and what a killed run left behind.
//!
//! A run holds a lock on `runs/ID.lock` as long as it lives and keeps its files in `runs/ID`. The lock of a run that
//! was killed is free: the next run takes it, ends the processes that still carry the run's mark in their environment,
//! and removes the files.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::fingerprint::{self, Key};

/// The environment variable by which a run's processes are known.
pub(crate) const MARK: &str = "WATCHBELL_RUN";

/// The files of one run; removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    id: Uuid,
    folder: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Removes what killed runs left in `cache`, and makes a place for this one.
    pub fn new(cache: &Path) -> io::Result<Self> {
        let runs = cache.join("runs");
        create_private(&runs)?;
        sweep(&runs);
        let id = Uuid::new_v4();
        let lock_path = runs.join(format!("{id}.lock"));
        // Locked before it has the name by which others look for it: they would take it for a killed run's.
        let unnamed = runs.join(format!("{id}.new"));
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        fs::rename(&unnamed, &lock_path)?;
        let scratch = Self { id, folder: runs.join(id.to_string()), lock_path, _lock: lock };
        for folder in ["home", "tmp"] {
            create_private(&scratch.folder.join(folder))?;
        }
        Ok(scratch)
    }

    /// The value of [`MARK`] for this run's processes.
    pub fn mark(&self) -> String {
        self.id.to_string()
    }

    /// The home that tools see.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// Where tools put temporary files.
    pub fn temp(&self) -> PathBuf {
        self.folder.join("tmp")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A tool's descendant may have left the group it was started in; its environment still says whose it is.
        end_processes(&self.mark());
        remove(&self.folder, &self.lock_path);
    }
}

/// The folder for what one tool keeps between runs over `root`.
pub(crate) fn tool_cache(cache: &Path, tool: &str, root: &Path) -> io::Result<PathBuf> {
    let folder = cache.join("tools").join(tool).join(fingerprint::hash(&[&root.to_string_lossy()]));
    create_private(&folder)?;
    Ok(folder)
}

/// The key for fingerprints of secrets in `root`: random, made once, never leaves this machine.
pub(crate) fn key(cache: &Path, root: &Path) -> io::Result<Key> {
    let folder = cache.join("keys");
    create_private(&folder)?;
    let path = folder.join(fingerprint::hash(&[&root.to_string_lossy()]));
    if let Some(key) = read_key(&path) {
        return Ok(key);
    }
    // Whole or not at all, also when two runs make it at the same time: the first one's stands.
    let fresh = folder.join(Uuid::new_v4().to_string());
    let bytes: [u8; 32] = rand::random();
    let made = private_file(&fresh).and_then(|mut file| file.write_all(&bytes)).and_then(|()| {
        match fs::hard_link(&fresh, &path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(&fresh, &path),
            _ => Ok(()),
        }
    });
    let _ = fs::remove_file(&fresh);
    made?;
    read_key(&path).ok_or_else(|| io::Error::other("the key for fingerprints of secrets cannot be read back"))
}

fn read_key(path: &Path) -> Option<Key> {
    fs::read(path).ok()?.try_into().ok().map(Key::from_bytes)
}

/// Removes what runs left that live no more. Best effort: what cannot be removed is tried again next time.
fn sweep(runs: &Path) {
    let Ok(entries) = fs::read_dir(runs) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some(id) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".lock").map(str::to_owned)) else {
            continue;
        };
        let Ok(lock) = File::open(&path) else { continue };
        match lock.try_lock() {
            Ok(()) => {
                end_processes(&id);
                remove(&runs.join(&id), &path);
                tracing::info!(run = id, "removed what an earlier run left behind");
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

fn remove(folder: &Path, lock: &Path) {
    // The lock goes last and only with the folder, so that a folder never stays without one.
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "temporary files could not be removed");
        }
        _ => {
            let _ = fs::remove_file(lock);
        }
    }
}

/// Kills processes that carry the run's mark. Where environments cannot be read, none is found.
#[cfg(target_os = "linux")]
fn end_processes(id: &str) {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    let mark = format!("{MARK}={id}");
    let Ok(processes) = fs::read_dir("/proc") else {
        return;
    };
    for entry in processes.filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes()) {
            // It may have ended by itself since.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn end_processes(_: &str) {}

#[cfg(unix)]
fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<File> {
    File::create_new(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_leaves_nothing_behind() {
        let cache = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(cache.path()).unwrap();
        fs::write(scratch.temp().join("file"), "").unwrap();
        drop(scratch);
        assert_eq!(fs::read_dir(cache.path().join("runs")).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_what_a_living_one_has_is_kept() {
        let cache = tempfile::tempdir().unwrap();
        let living = Scratch::new(cache.path()).unwrap();
        let killed = cache.path().join("runs/0000");
        fs::create_dir_all(killed.join("tmp")).unwrap();
        fs::write(cache.path().join("runs/0000.lock"), "").unwrap();
        let next = Scratch::new(cache.path()).unwrap();
        assert!(!killed.exists());
        assert!(living.home().exists() && next.home().exists());
    }

    /// A process that carries the mark and is in nobody's group.
    #[cfg(target_os = "linux")]
    fn sleeping(mark: &str) -> std::process::Child {
        let left = std::process::Command::new("sleep").arg("300").env(MARK, mark).spawn().unwrap();
        // Right after its start, a process has no environment to read yet.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !fs::read_to_string(format!("/proc/{}/environ", left.id())).unwrap().contains(mark) {
            assert!(std::time::Instant::now() < deadline);
        }
        left
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn processes_that_left_their_group_end_with_the_run() {
        use std::os::unix::process::ExitStatusExt;
        let cache = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(cache.path()).unwrap();
        let mut left = sleeping(&scratch.mark());
        drop(scratch);
        assert_eq!(left.wait().unwrap().signal(), Some(9));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn processes_of_a_killed_run_are_ended() {
        use std::os::unix::process::ExitStatusExt;
        let cache = tempfile::tempdir().unwrap();
        fs::create_dir_all(cache.path().join("runs")).unwrap();
        let id = Uuid::new_v4().to_string();
        let mut left = sleeping(&id);
        fs::write(cache.path().join(format!("runs/{id}.lock")), "").unwrap();
        let _next = Scratch::new(cache.path()).unwrap();
        assert_eq!(left.wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn a_key_is_made_once_for_each_root() {
        let cache = tempfile::tempdir().unwrap();
        let hash = |root: &str| key(cache.path(), Path::new(root)).unwrap().hash(&["x"]);
        assert_eq!(hash("/a"), hash("/a"));
        assert_ne!(hash("/a"), hash("/b"));
        assert_eq!(fs::read_dir(cache.path().join("keys")).unwrap().count(), 2);
    }
}
