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
    /// Which promise the programs break, to see that it is found.
    pub sabotage: Option<Sabotage>,
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
    if let Some(value) = options.sabotage.as_ref().and_then(Sabotage::to_possible_value) {
        chaos.env("WATCHBELL_SABOTAGE", value.get_name());
    }
    // Its last line is the verdict, so nothing is said behind it.
    if !chaos.status().with_context(|| format!("cannot start {}", program.display()))?.success() {
        bail!("the checker found something, or the run did not come to its end");
    }
    Ok(())
}

/// Builds into a folder of its own: a server that is started again must be the one that was killed, whoever builds
/// meanwhile. What lies between is shared with every other build.
fn build(sabotage: bool) -> Result<PathBuf> {
    let folder = target().join(if sabotage { "chaos-sabotage" } else { "chaos" });
    let mut build = cargo(&["build", "--quiet", "-p", "watchbell-server", "-p", "watchbell-tests"]);
    build.args(["--bin", "watchbell-server", "--bin", "chaos", "--target-dir"]).arg(&folder);
    build.env("CARGO_BUILD_BUILD_DIR", target());
    if sabotage {
        build.args(["--features", "watchbell-tests/sabotage"]);
    }
    run_command(&mut build)?;
    Ok(folder.join("debug"))
}
