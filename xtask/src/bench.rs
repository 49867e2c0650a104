//! `cargo xtask bench` and `cargo xtask soak`: build the programs as they are delivered, where no other build replaces
//! them, install what they are measured beside, and start a run.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{
    install,
    shell::{cargo, command, root, run as run_command, step, target},
};

/// What to measure.
#[derive(Debug)]
pub struct Options {
    /// Where everything is written as JSON.
    pub out: Option<PathBuf>,
    /// Only these scenarios; all if there are none.
    pub only: Vec<String>,
    /// One short round of each.
    pub quick: bool,
}

/// How to let people come and go.
#[derive(Debug)]
pub struct Soak {
    /// For how long there is churn, minutes.
    pub minutes: u32,
    /// Idle connections of the first phase.
    pub connections: u32,
    /// Busy connections of the first phase.
    pub busy: u32,
}

/// Measures the servers side by side.
pub fn run(options: &Options) -> Result<()> {
    let socketio = root().join("bench/peers/socketio");
    let programs = step("building the programs", build)?;
    step("installing Socket.IO", || install::locked_npm_packages(&socketio))?;
    let mut args = vec!["compare".to_owned(), "--socketio".to_owned(), socketio.display().to_string()];
    if let Some(out) = &options.out {
        args.extend(["--out".to_owned(), absolute(out)?.display().to_string()]);
    }
    if !options.only.is_empty() {
        args.extend(["--only".to_owned(), options.only.join(",")]);
    }
    if options.quick {
        args.push("--quick".to_owned());
    }
    start(&programs, &args).context("not everything could be measured")?;
    if options.only.is_empty() { examples(&programs) } else { Ok(()) }
}

/// Runs the examples of the README, so that they are known to work.
fn examples(programs: &Path) -> Result<()> {
    let folder = root().join("bench/examples");
    let python = step("installing what the examples need", || {
        install::locked_npm_packages(&folder)?;
        install::python_packages(&folder.join("requirements.txt"), "bench-python")
    })?;
    let [folder, python] = [folder, python].map(|path| path.display().to_string());
    start(programs, &["examples", "--folder", &folder, "--python", &python].map(str::to_owned))
}

/// Lets people come and go for long, and checks that the server's memory comes back.
pub fn soak(options: &Soak) -> Result<()> {
    let programs = step("building the programs", build)?;
    let number = |name: &str, value: u32| [format!("--{name}"), value.to_string()];
    let args: Vec<String> = std::iter::once("soak".to_owned())
        .chain(number("minutes", options.minutes))
        .chain(number("connections", options.connections))
        .chain(number("busy", options.busy))
        .collect();
    start(&programs, &args)
}

fn start(programs: &Path, args: &[String]) -> Result<()> {
    let program = programs.join("watchbell-bench");
    let status = command(&program, &[]).args(args).status();
    if !status.with_context(|| format!("cannot start {}", program.display()))?.success() {
        bail!("watchbell-bench {} failed", args.first().map_or("", String::as_str));
    }
    Ok(())
}

/// Builds into a folder of its own; what lies between is shared with every other build.
fn build() -> Result<PathBuf> {
    let folder = target().join("bench");
    let mut build = cargo(&["build", "--quiet", "--release", "-p", "watchbell-server", "-p", "watchbell-bench"]);
    build.args(["--bins", "--target-dir"]).arg(&folder).env("CARGO_BUILD_BUILD_DIR", target());
    run_command(&mut build)?;
    Ok(folder.join("release"))
}

/// The run starts in the repository's root, whoever asked from wherever.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}
