//! A process and all its descendants, as one: a process group on Unix, a job object on Windows. Whatever happens (the
//! end, a stop, a dropped future), none of them is left.

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use process_wrap::tokio::{ChildWrapper, CommandWrap};
use tokio::{
    process::{ChildStderr, ChildStdout},
    time::timeout,
};

use super::Environment;

/// Between asking to stop and insisting.
const GRACE: Duration = Duration::from_secs(2);
#[cfg(unix)]
/// How often is looked whether a group is gone.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What to start.
#[derive(Debug)]
pub(crate) struct Order {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub folder: PathBuf,
    pub environment: Environment,
}

/// A running process with its descendants.
pub(crate) struct Group {
    leader: Box<dyn ChildWrapper>,
    #[cfg(unix)]
    id: Option<u32>,
    is_over: bool,
}

impl Group {
    /// Starts the process. Its input is empty; its output and errors are to be read.
    pub fn start(order: &Order) -> io::Result<(Self, ChildStdout, ChildStderr)> {
        let mut command = CommandWrap::with_new(&order.program, |command| {
            command
                .args(&order.args)
                .current_dir(&order.folder)
                .env_clear()
                .envs(order.environment.variables())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
        });
        #[cfg(unix)]
        command.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        command.wrap(process_wrap::tokio::JobObject);
        command.wrap(process_wrap::tokio::KillOnDrop);
        let mut leader = command.spawn()?;
        let no_pipe = || io::Error::other("the process has no pipe to read from");
        let stdout = leader.stdout().take().ok_or_else(no_pipe)?;
        let stderr = leader.stderr().take().ok_or_else(no_pipe)?;
        let group = Self {
            #[cfg(unix)]
            id: leader.id(),
            leader,
            is_over: false,
        };
        Ok((group, stdout, stderr))
    }

    /// Waits for the process itself, then ends what it left running behind.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.leader.wait().await;
        self.kill();
        status
    }

    /// Asks all of them to stop, waits, and insists. (A job object can only be told to end.)
    pub async fn stop(mut self) {
        #[cfg(unix)]
        {
            use tokio::time::{Instant, sleep};
            // It fails if nobody is left to be told.
            let _ = self.leader.signal(nix::sys::signal::Signal::SIGTERM as i32);
            let deadline = Instant::now() + GRACE;
            while Instant::now() < deadline && !self.is_gone() {
                // The wait reaps the leader: until then it counts as one of the group.
                let _ = timeout(LOOK_EVERY, self.leader.wait()).await;
                sleep(LOOK_EVERY).await;
            }
        }
        self.kill();
        let _ = timeout(GRACE, self.leader.wait()).await;
    }

    /// Kills whoever is left of the group.
    fn kill(&mut self) {
        if !std::mem::replace(&mut self.is_over, true) {
            // It fails if nobody is left to be killed, which is what is wanted.
            let _ = self.leader.start_kill();
        }
    }

    #[cfg(unix)]
    fn is_gone(&self) -> bool {
        use nix::{errno::Errno, sys::signal::killpg, unistd::Pid};
        let Some(id) = self.id.and_then(|id| i32::try_from(id).ok()) else {
            return true;
        };
        killpg(Pid::from_raw(id), None) == Err(Errno::ESRCH) || only_zombies(id)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether whoever is left of the group has ended and only waits to be reaped: in a container, often nobody does that
/// for orphans.
#[cfg(target_os = "linux")]
fn only_zombies(group: i32) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return false;
    };
    let stats = processes.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    !stats.into_iter().any(|stat| {
        // `pid (name) state parent group …`; the name may hold anything, also parentheses.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let is_alive = !matches!(fields.next(), Some("Z" | "X") | None);
        is_alive && fields.nth(1).and_then(|field| field.parse().ok()) == Some(group)
    })
}

#[cfg(all(unix, not(target_os = "linux")))]
fn only_zombies(_: i32) -> bool {
    false
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::path::Path;

    use tokio::{
        io::{AsyncBufReadExt, BufReader},
        time::{Instant, sleep},
    };

    use super::*;
    use crate::process::{SearchPath, Toolchain};

    async fn start(script: &str) -> (Group, i32) {
        let temp = std::env::temp_dir();
        let environment = Environment::new(&SearchPath::new(None), &temp, &temp, Toolchain::Nothing);
        let order = Order {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            folder: Path::new("/").into(),
            environment,
        };
        let (group, stdout, _) = Group::start(&order).unwrap();
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await.unwrap();
        let id = group.id.unwrap() as i32;
        assert!(!only_zombies(id));
        (group, id)
    }

    async fn gone(id: i32, within: Duration) {
        let deadline = Instant::now() + within;
        while !only_zombies(id) {
            assert!(Instant::now() < deadline, "processes of group {id} are left");
            sleep(LOOK_EVERY).await;
        }
    }

    const FAMILY: &str = "sleep 300 & sh -c 'sleep 300 & sleep 300' & echo ready; wait";

    #[tokio::test]
    async fn the_whole_tree_is_gone_within_a_second_of_a_stop() {
        let (group, id) = start(FAMILY).await;
        let begun = Instant::now();
        group.stop().await;
        gone(id, Duration::ZERO).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn one_that_does_not_listen_is_killed_after_the_grace() {
        let (group, id) = start("trap '' TERM; sh -c \"trap '' TERM; echo ready; while :; do sleep 1; done\"").await;
        let begun = Instant::now();
        group.stop().await;
        gone(id, Duration::from_secs(1)).await;
        assert!(begun.elapsed() >= GRACE);
    }

    #[tokio::test]
    async fn a_dropped_group_is_gone() {
        let (group, id) = start(FAMILY).await;
        drop(group);
        gone(id, Duration::from_secs(1)).await;
    }

    #[tokio::test]
    async fn what_a_process_left_running_ends_with_it() {
        let (mut group, id) = start("sleep 300 & echo ready; exit 3").await;
        assert_eq!(group.wait().await.unwrap().code(), Some(3));
        gone(id, Duration::from_secs(1)).await;
    }
}
