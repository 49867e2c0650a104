//! `cargo xtask test`: every check there is, in the order in which they fail fastest.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::{
    chaos, fuzz, install,
    shell::{cargo, run as run_command, step, target},
    tidy,
};

/// For each fuzz target: enough to find again what its corpus leads to.
const FUZZ_SECONDS: u64 = 4;

/// What to run.
#[derive(Debug, Default)]
pub struct Options {
    /// Also what needs a window.
    pub desktop: bool,
    /// Only tests whose name contains this; everything else is left out then.
    pub filter: Option<String>,
}

/// Runs it.
pub fn run(options: &Options) -> Result<()> {
    let tools = step("preparing the machine", || prepare(options))?;
    if options.filter.is_none() {
        step("formatting", || run_command(&mut cargo(&["fmt", "--all", "--check"])))?;
        step("the UI: lint", || install::npm(&["run", "--silent", "lint"]))?;
        step("the UI: tests", || install::npm(&["run", "--silent", "test"]))?;
    }
    step("the UI: build", || install::npm(&["run", "--silent", "build"]))?;
    step("building everything", || run_command(&mut cargo(&["build", "--workspace", "--all-targets"])))?;
    if options.filter.is_none() {
        step("tidy", tidy::run)?;
        step("clippy", || {
            run_command(&mut cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))
        })?;
    }
    step("tests", || rust_tests(options, &tools))?;
    if options.filter.is_none() {
        step("promises broken on purpose", chaos::find_sabotage)?;
        step("fuzzing, a little", || {
            fuzz::run(&fuzz::Options { planted: true, ..fuzz::Options::default() })?;
            fuzz::run(&fuzz::Options { seconds: Some(FUZZ_SECONDS), ..fuzz::Options::default() })
        })?;
    }
    Ok(())
}

fn prepare(options: &Options) -> Result<PathBuf> {
    let session: &[_] = if options.desktop { &[install::SESSION] } else { &[] };
    install::packages(&[install::BUILD, install::TESTS])?;
    install::packages(session)?;
    install::nextest()?;
    install::ui_packages()?;
    install::detector_tools()
}

fn rust_tests(options: &Options, tools: &Path) -> Result<()> {
    let mut tests = cargo(&["nextest", "run", "--workspace"]);
    if !options.desktop {
        tests.args(["-E", "not binary(~desktop)"]);
    }
    if let Some(filter) = &options.filter {
        tests.arg(filter);
    }
    tests.env("WATCHBELL_BIN_DIR", target().join("debug"));
    tests.env("WATCHBELL_TEST_TOOLS", tools);
    run_command(&mut tests)
}
