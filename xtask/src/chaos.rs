//! `cargo xtask chaos`: builds the programs, keeps copies that no other build replaces, and starts a run with them.

use std::{fs, process::Stdio};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::shell::{binary, cargo, command, run as run_command, say, step, target};

/// The programs of a run.
const PROGRAMS: [&str; 2] = ["watchbell-server", "chaos"];

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

/// Builds and copies: a server that is started again must be the one that was killed, whoever builds meanwhile.
fn build(sabotage: bool) -> Result<std::path::PathBuf> {
    let packages = ["build", "--quiet", "-p", "watchbell-server", "-p", "watchbell-tests"];
    let programs = ["--bin", "watchbell-server", "--bin", "chaos"];
    let features: &[&str] = if sabotage { &["--features", "watchbell-tests/sabotage"] } else { &[] };
    run_command(cargo(&packages).args(programs).args(features))?;
    let folder = target().join(if sabotage { "chaos-sabotage" } else { "chaos" });
    fs::create_dir_all(&folder)?;
    for program in PROGRAMS {
        let copy = folder.join(binary(program).file_name().context("a program has a name")?);
        // A run may still use the old copy: it keeps its file.
        let _ = fs::remove_file(&copy);
        fs::copy(binary(program), &copy).with_context(|| format!("cannot copy {program}"))?;
    }
    if sabotage {
        // Whatever looks for the programs next finds honest ones.
        run_command(cargo(&packages).args(programs))?;
    }
    Ok(folder)
}
