//! Processes in the background: each in a group of its own, stopped with everything it started when its handle is
//! dropped, also after Ctrl-C.

use std::{
    fs::File,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From here on Ctrl-C and SIGTERM are noticed by every wait, so that all that was started is stopped on the way out.
pub fn stop_on_interrupt() {
    // It fails only when a handler is set already, and then somebody else looks after it.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
}

/// Fails after Ctrl-C.
pub fn check() -> Result<()> {
    ensure!(!INTERRUPTED.load(Ordering::Relaxed), "interrupted");
    Ok(())
}

/// How long a process may take to stop when it is asked to.
const GRACE: Duration = Duration::from_secs(12);

/// A process in the background.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts it; its output goes to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let log = File::options().create(true).append(true).open(log).context("cannot write the log")?;
        command.stdout(log.try_clone()?).stderr(log);
        Self::spawn(name, command)
    }

    /// Starts it; its output is for the caller to read.
    pub fn start_piped(name: &str, command: &mut Command) -> Result<Self> {
        command.stdout(Stdio::piped());
        Self::spawn(name, command)
    }

    fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// The process, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end by itself; its exit code (`None` when a signal ended it).
    pub fn wait(&mut self, at_most: Duration) -> Result<Option<i32>> {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code());
            }
            check()?;
            if Instant::now() > deadline {
                bail!("{} did not end within {} s", self.name, at_most.as_secs());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal to the whole group.
    pub fn signal(&self, signal: Signal) {
        // An error says that the group is gone, which is what was wanted.
        let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), signal);
    }

    /// Asks the group to stop and waits; kills what is left.
    pub fn stop(&mut self) {
        if self.is_running() {
            self.signal(Signal::SIGTERM);
            let deadline = Instant::now() + GRACE;
            while self.is_running() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(20));
            }
        }
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Looks again and again until `found` says something; fails after `at_most`, naming what was waited for.
pub fn wait_for<T>(what: &str, at_most: Duration, mut found: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + at_most;
    loop {
        if let Some(value) = found()? {
            return Ok(value);
        }
        check()?;
        if Instant::now() > deadline {
            bail!("waited {} s in vain for {what}", at_most.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
}
