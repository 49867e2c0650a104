//! What the kernel knows: CPU time and memory of a process, on which core it runs, how many files it may open.
//!
//! Linux only: figures of another kernel would not compare.

use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::resource::{Resource, getrlimit, setrlimit},
    time::{ClockId, clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use serde::Serialize;

/// The core of the server under measurement.
const SERVER_CORE: usize = 0;

/// Where a process runs.
#[derive(Debug, Clone, Copy)]
pub enum Core {
    /// With the server.
    Server,
    /// With whoever loads it.
    Generator,
}

/// Pins this thread, and every process that it starts from now on, to a core. On a machine with one core they share it.
pub fn pin(core: Core) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).max(machine_cores());
    let number = match core {
        Core::Server => SERVER_CORE,
        Core::Generator => cores - 1,
    };
    let mut set = CpuSet::new();
    set.set(number)?;
    sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("cannot pin to core {number}"))
}

/// Raises the limit of open files as far as it goes, for this process and those it starts; tells it.
pub fn raise_open_files() -> Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise the limit of open files")?;
    Ok(hard)
}

/// CPU time that a process has used, all its threads together, those that ended as well: nanoseconds of the scheduler,
/// not the ticks of `/proc/PID/stat`.
pub fn cpu(pid: u32) -> Result<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(pid.cast_signed())).context("the process has ended")?;
    Ok(clock_gettime(clock)?.into())
}

/// CPU time that this process has used.
pub fn own_cpu() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

/// Resident memory of a process (`VmRSS`), bytes.
pub fn rss(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the process has ended")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("it has no memory: a zombie")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().context("VmRSS is a number of kB")?;
    Ok(kib * 1024)
}

/// What the figures were measured on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Its processor.
    pub processor: String,
    /// How many cores.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// Main memory, bytes.
    pub memory: u64,
    /// Node's version.
    pub node: String,
    /// Socket.IO's version.
    pub socketio: String,
    /// Watchbell's version.
    pub watchbell: String,
    /// `tokio-tungstenite`'s version.
    pub tungstenite: &'static str,
}

impl Machine {
    /// This machine.
    pub fn describe(socketio: String) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: String, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
            line.and_then(|line| line.split_once(':').map(|(_, value)| value.trim().to_owned())).unwrap_or_default()
        };
        let kib = field(read("/proc/meminfo"), "MemTotal").trim_end_matches("kB").trim().parse::<u64>();
        let node = std::process::Command::new("node").arg("--version").output();
        Self {
            processor: field(read("/proc/cpuinfo"), "model name"),
            cores: machine_cores(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory: kib.unwrap_or(0) * 1024,
            node: node.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default(),
            socketio,
            watchbell: env!("CARGO_PKG_VERSION").to_owned(),
            tungstenite: "0.29",
        }
    }
}

/// Cores of the machine, whichever this process may use at the moment.
fn machine_cores() -> usize {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    info.lines().filter(|line| line.starts_with("processor")).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_time_and_memory_of_this_process_are_known() {
        let own = std::process::id();
        let before = cpu(own).unwrap();
        let mut sum = 0_u64;
        for number in 0..2_000_000_u64 {
            sum = std::hint::black_box(sum ^ number);
        }
        assert!(cpu(own).unwrap() > before);
        assert!(rss(own).unwrap() > 1024 * 1024);
        assert!(rss(u32::MAX >> 1).is_err());
    }
}
