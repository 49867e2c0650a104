//! `cargo xtask chaos`: builds the programs where no other build replaces them, and starts a run with them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::shell::{cargo, command, run as run_command, say, step, target};

/// What to run.
#[derive(Debug)]
pub struct Options {
    /// Which plan of faults.
    pub seed: u64,
    /// For how long.
    pub seconds: u64,
    /// Only these faults of the plan.
    pub only: Option<String>,
    /// How members reach the server.
    pub transport: Transport,
    /// When it fails: how many runs may go into a smaller plan that does.
    pub shrink: usize,
    /// Which promise the programs break, to see that it is found.
    pub sabotage: Option<Sabotage>,
}

/// How members reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// By a WebSocket.
    Websocket,
    /// By long-poll: everybody is behind a proxy that refuses the upgrade.
    Poll,
}

/// A promise that can be broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sabotage {
    /// The server acknowledges before it commits.
    AckBeforeCommit,
    /// The server forgets which commands it applied.
    NoDedupe,
    /// The client advances its position before it applies the events.
    PositionFirst,
    /// The client skips an event now and then.
    DropOne,
}

/// A sabotaged run of `cargo xtask test` lasts so long, seconds …
const SABOTAGED_SECONDS: u64 = 10;
/// … and another seed is tried so often: one may not meet the moment that matters.
const SABOTAGED_SEEDS: u64 = 8;
/// How a verdict ends when nothing was found.
const CLEAN: &str = ": 0 lost, 0 doubled, 0 unflagged gaps";

/// Runs it; fails if the checker finds anything.
pub fn run(options: &Options) -> Result<()> {
    let programs = step("building the programs", || build(options.sabotage.is_some()))?;
    say(format_args!("seed {} for {} s", options.seed, options.seconds));
    // Its last line is the verdict, so nothing is said behind it.
    let status = options.command(&programs).status();
    if !status.with_context(|| format!("cannot start {}", programs.display()))?.success() {
        bail!("the checker found something, or the run did not come to its end");
    }
    Ok(())
}

/// Breaks each promise in turn; fails unless the checker finds that.
pub fn find_sabotage() -> Result<()> {
    let programs = step("building the sabotaged programs", build_sabotaged)?;
    for sabotage in Sabotage::value_variants() {
        let mut verdicts = (1..=SABOTAGED_SEEDS).map(|seed| sabotage.verdict(seed, &programs));
        match verdicts.find(|verdict| !matches!(verdict, Ok(clean) if clean.ends_with(CLEAN))) {
            Some(found) => say(format_args!("{}: {}", sabotage.name(), found?)),
            None => bail!("the checker does not find {}", sabotage.name()),
        }
    }
    Ok(())
}

impl Sabotage {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The last line of a short run.
    fn verdict(self, seed: u64, programs: &Path) -> Result<String> {
        let options = Options {
            seed,
            seconds: SABOTAGED_SECONDS,
            only: None,
            transport: Transport::Websocket,
            shrink: 0,
            sabotage: Some(self),
        };
        let output = options.command(programs).output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        match told.lines().last() {
            Some(verdict) if verdict.starts_with(&format!("seed {seed}: ")) => Ok(verdict.to_owned()),
            _ => bail!(
                "a run with {} did not come to its end:\n{}",
                self.name(),
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }
}

impl Options {
    fn command(&self, programs: &Path) -> Command {
        let mut chaos = command(programs.join("chaos"), &["run", "--seed", &self.seed.to_string()]);
        chaos.args(["--seconds", &self.seconds.to_string(), "--shrink", &self.shrink.to_string()]);
        chaos.env("WATCHBELL_BIN_DIR", programs).stdin(Stdio::null());
        if let Some(only) = &self.only {
            chaos.args(["--only", only]);
        }
        if let Some(value) = self.transport.to_possible_value() {
            chaos.args(["--transport", value.get_name()]);
        }
        if let Some(sabotage) = self.sabotage {
            chaos.env("WATCHBELL_SABOTAGE", sabotage.name());
        }
        chaos
    }
}

/// Builds with a profile that nobody else uses: a server that is started again must be the one that was killed, whoever
/// builds meanwhile. The sabotaged programs have a folder of their own, or they would take the place of the true ones.
fn build(sabotage: bool) -> Result<PathBuf> {
    let folder = if sabotage { target().join("chaos-sabotage") } else { target() };
    let mut build =
        cargo(&["build", "--quiet", "--profile", "chaos", "-p", "watchbell-server", "-p", "watchbell-tests"]);
    build.args(["--bin", "watchbell-server", "--bin", "chaos", "--target-dir"]).arg(&folder);
    build.env("CARGO_BUILD_BUILD_DIR", target());
    if sabotage {
        build.args(["--features", SABOTAGE]);
    }
    run_command(&mut build)?;
    Ok(folder.join("chaos"))
}

/// The same out of what the tests were built of, which is quicker.
fn build_sabotaged() -> Result<PathBuf> {
    let folder = target().join("sabotaged");
    let mut build = cargo(&["build", "--quiet", "--workspace", "--features", SABOTAGE]);
    build.args(["--bin", "watchbell-server", "--bin", "chaos", "--target-dir"]).arg(&folder);
    run_command(build.env("CARGO_BUILD_BUILD_DIR", target()))?;
    Ok(folder.join("debug"))
}

const SABOTAGE: &str = "watchbell-tests/sabotage";
