//! `cargo xtask chaos`: builds the programs where no other build replaces them, and starts a run with them.

use std::{path::PathBuf, process::Stdio};

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

/// Runs it; fails if the checker finds anything.
pub fn run(options: &Options) -> Result<()> {
    let programs = step("building the programs", || build(options.sabotage.is_some()))?;
    say(format_args!("seed {} for {} s", options.seed, options.seconds));
    let program = programs.join("chaos");
    let mut chaos = command(&program, &["run", "--seed", &options.seed.to_string()]);
    chaos.args(["--seconds", &options.seconds.to_string()]).env("WATCHBELL_BIN_DIR", &programs).stdin(Stdio::null());
    if let Some(only) = &options.only {
        chaos.args(["--only", only]);
    }
    chaos.args(["--shrink", &options.shrink.to_string()]);
    if let Some(value) = options.transport.to_possible_value() {
        chaos.args(["--transport", value.get_name()]);
    }
    if let Some(value) = options.sabotage.as_ref().and_then(Sabotage::to_possible_value) {
        chaos.env("WATCHBELL_SABOTAGE", value.get_name());
    }
    // Its last line is the verdict, so nothing is said behind it.
    if !chaos.status().with_context(|| format!("cannot start {}", program.display()))?.success() {
        bail!("the checker found something, or the run did not come to its end");
    }
    Ok(())
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
        build.args(["--features", "watchbell-tests/sabotage"]);
    }
    run_command(&mut build)?;
    Ok(folder.join("chaos"))
}
