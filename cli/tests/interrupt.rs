//! Ctrl-C and SIGTERM: the detectors' whole process tree is gone, and the exit code says that it was cancelled.
#![allow(clippy::unwrap_used)] // helpers of tests panic as tests do
#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// An analysis whose only detector has begun a child of its own and waits for it.
struct Running {
    watchbell: Child,
    child: i32,
    /// Removed with everything else.
    _machine: TempDir,
}

impl Running {
    /// `first` is what the detector does before it settles down.
    fn start(first: &str) -> Self {
        let machine = tempfile::tempdir().unwrap();
        let [tools, folder, home] = ["tools", "folder", "home"].map(|name| machine.path().join(name));
        for folder in [&tools, &folder, &home] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(folder.join("build.sh"), "#!/bin/sh\ntrue\n").unwrap();
        let told = machine.path().join("child");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *ersion*) echo 'version: 0.10.0'; exit;; esac\n\
             {first}\nsleep 300 &\necho $! > {told}.new; mv {told}.new {told}\nwait; wait\n",
            told = told.display()
        );
        let tool = tools.join("shellcheck");
        fs::write(&tool, script).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();

        let mut command = Command::new(env!("CARGO_BIN_EXE_watchbell"));
        command.arg("analyze").arg(&folder).args(["--local", "--only", "shellcheck", "--format", "json"]);
        command.env("HOME", &home).env("PATH", format!("{}:/usr/bin:/bin", tools.display()));
        let watchbell = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let child = eventually(|| fs::read_to_string(&told).ok()?.trim().parse().ok());
        Self { watchbell, child, _machine: machine }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.watchbell.id().cast_signed()), signal).unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        eventually(|| self.watchbell.try_wait().unwrap())
    }
}

fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not happen in time");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An orphan that nobody reaps has ended all the same.
fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).is_some_and(|state| state != "Z")
}

#[test]
fn a_signal_ends_the_whole_tree_and_is_told_by_the_exit_code() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut running = Running::start("");
        assert!(is_alive(running.child));
        running.signal(signal);
        assert_eq!(running.end().code(), Some(130), "{signal}");
        assert!(!is_alive(running.child), "{signal}");
        let result: serde_json::Value = serde_json::from_reader(running.watchbell.stdout.take().unwrap()).unwrap();
        assert_eq!(result["state"], "cancelled");
        assert_eq!(result["detectors"][0]["state"], "cancelled");
    }
}

#[test]
fn a_second_signal_does_not_wait_for_a_detector_that_does_not_listen() {
    let mut running = Running::start("trap '' TERM");
    let begun = Instant::now();
    running.signal(Signal::SIGINT);
    let mut said = String::new();
    let mut stderr = std::io::BufReader::new(running.watchbell.stderr.take().unwrap());
    while !said.contains("once more to leave at once") {
        assert_ne!(std::io::BufRead::read_line(&mut stderr, &mut said).unwrap(), 0, "{said}");
    }
    running.signal(Signal::SIGINT);
    assert_eq!(running.end().code(), Some(130));
    assert!(begun.elapsed() < Duration::from_millis(1_800), "{:?}", begun.elapsed());
    eventually(|| (!is_alive(running.child)).then_some(()));
}
