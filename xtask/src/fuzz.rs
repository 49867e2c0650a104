//! `cargo xtask fuzz`: builds the targets in `fuzz/` with coverage counters and lets libFuzzer drive them.
//!
//! The counters come from flags of the stable compiler, so neither a nightly one nor `cargo-fuzz` is needed; `cargo fuzz
//! run -s none TARGET` works on the same folder. Deliberately absent: sanitizers, which find misuse of memory: `unsafe`
//! is forbidden here.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::shell::{cargo, command, quietly, root, run as run_command, say, step, target};

/// A target, and where its first inputs are kept beside its own corpus.
struct Target {
    name: &'static str,
    seeds: Option<&'static str>,
}

const TARGETS: [Target; 5] = [
    Target { name: "client_frame", seeds: None },
    Target { name: "server_frame", seeds: None },
    Target { name: "resume_position", seeds: None },
    Target { name: "sarif", seeds: Some("analysis/tests/fixtures") },
    Target { name: "configuration", seeds: None },
];

/// Every target's name.
pub const NAMES: [&str; TARGETS.len()] = {
    let mut names = [""; TARGETS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = TARGETS[at].name;
        at += 1;
    }
    names
};

/// What makes the compiler count which edges an input takes and with what it is compared.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// Within this time a planted panic must be found; most take a second.
const PLANTED_SECONDS: u64 = 120;
/// The longest input that is tried, bytes.
const LONGEST: u32 = 4096;
/// An input that takes longer counts as a finding, seconds.
const TIMEOUT: u32 = 10;

/// What to run.
#[derive(Debug, Default)]
pub struct Options {
    /// Only these; all when empty.
    pub targets: Vec<String>,
    /// Executions of each target, if bounded.
    pub runs: Option<u64>,
    /// Seconds for each target, if bounded.
    pub seconds: Option<u64>,
    /// Plant a panic in each target; fails if one is not found.
    pub planted: bool,
    /// Afterwards put the inputs that reach something new into the repository's corpus.
    pub keep: bool,
}

/// Runs it; fails at the first target that finds something.
pub fn run(options: &Options) -> Result<()> {
    let programs = step("building the fuzz targets", build)?;
    for target in TARGETS.iter().filter(|it| options.targets.is_empty() || options.targets.iter().any(|n| n == it.name))
    {
        let fuzzed = Fuzzed { target, program: programs.join(target.name), folder: work_folder(target)? };
        if options.planted {
            fuzzed.find_planted()?;
        } else {
            fuzzed.run(options)?;
            if options.keep {
                fuzzed.keep()?;
            }
        }
    }
    Ok(())
}

/// Builds for a named target, or build scripts and macros would be counted too. The folder that holds the programs.
fn build() -> Result<PathBuf> {
    let version = quietly(&mut command("rustc", &["-vV"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names its host")?;
    let folder = target().join("fuzz");
    let mut build = cargo(&["build", "--quiet", "--release", "--manifest-path", MANIFEST]);
    build.args(["--target", host, "--target-dir"]).arg(&folder).env("RUSTFLAGS", COVERAGE);
    run_command(&mut build)?;
    Ok(folder.join(host).join("release"))
}

const MANIFEST: &str = "fuzz/Cargo.toml";

/// What a target finds stays there until it is kept or thrown away.
fn work_folder(of: &Target) -> Result<PathBuf> {
    let folder = target().join("fuzz/found").join(of.name);
    for part in ["corpus", "findings", "planted"] {
        fs::create_dir_all(folder.join(part))?;
    }
    Ok(folder)
}

/// A built target with its folder.
struct Fuzzed<'a> {
    target: &'a Target,
    program: PathBuf,
    folder: PathBuf,
}

impl Fuzzed<'_> {
    fn corpus(&self) -> PathBuf {
        root().join("fuzz/corpus").join(self.target.name)
    }

    /// The target with what is the same in every run.
    fn command(&self, findings: &str) -> Command {
        let mut command = command(&self.program, &["-print_final_stats=1"]);
        command.arg(format!("-artifact_prefix={}/", self.folder.join(findings).display()));
        command.arg(format!("-max_len={LONGEST}")).arg(format!("-timeout={TIMEOUT}"));
        command
    }

    /// The folders of first inputs.
    fn seeds(&self) -> Vec<PathBuf> {
        let more = self.target.seeds.map(|folder| root().join(folder));
        [Some(self.corpus()), more].into_iter().flatten().filter(|folder| folder.is_dir()).collect()
    }

    fn run(&self, options: &Options) -> Result<()> {
        let mut command = self.command("findings");
        if let Some(runs) = options.runs {
            command.arg(format!("-runs={runs}"));
        }
        if let Some(seconds) = options.seconds {
            command.arg(format!("-max_total_time={seconds}"));
        }
        let output = command.arg(self.folder.join("corpus")).args(self.seeds()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            eprintln!("{said}");
            bail!("{} found something; the input is in {}", self.target.name, self.folder.join("findings").display());
        }
        let (executions, rate) = (stat(&said, "number_of_executed_units"), stat(&said, "average_exec_per_sec"));
        say(format_args!("{}: {executions} executions without a finding, {rate}/s", self.target.name));
        Ok(())
    }

    /// A target that cannot find a planted panic would not find a real one.
    fn find_planted(&self) -> Result<()> {
        let fresh = tempfile::tempdir()?;
        let mut command = self.command("planted");
        command.arg(format!("-max_total_time={PLANTED_SECONDS}")).env("WATCHBELL_FUZZ_PLANTED", "1");
        let output = command.arg(fresh.path()).args(self.seeds()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() || !said.contains("\nplanted\n") {
            bail!("{}: the planted panic was not found in {PLANTED_SECONDS} s", self.target.name);
        }
        let executions = stat(&said, "number_of_executed_units");
        say(format_args!("{}: the planted panic was found after {executions} executions", self.target.name));
        Ok(())
    }

    /// Of everything found, the smallest inputs that reach what the corpus does not.
    fn keep(&self) -> Result<()> {
        let mut merge = command(&self.program, &["-merge=1", "-max_len=512"]);
        quietly(merge.arg(self.corpus()).arg(self.folder.join("corpus")))?;
        say(format_args!("{}: {} inputs kept", self.target.name, fs::read_dir(self.corpus())?.count()));
        Ok(())
    }
}

/// One of libFuzzer's closing figures.
fn stat<'a>(said: &'a str, name: &str) -> &'a str {
    let mut lines = said.lines().filter_map(|line| line.strip_prefix("stat::")?.strip_prefix(name)?.strip_prefix(':'));
    lines.next_back().map_or("?", str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_what_libfuzzer_says() {
        let said = "#2 INITED\nstat::number_of_executed_units: 1262507\nstat::average_exec_per_sec:     140278\n";
        assert_eq!(stat(said, "number_of_executed_units"), "1262507");
        assert_eq!(stat(said, "average_exec_per_sec"), "140278");
        assert_eq!(stat(said, "peak_rss_mb"), "?");
    }

    #[test]
    fn every_target_is_a_program_with_inputs_to_begin_with() {
        let manifest: toml::Table = fs::read_to_string(root().join(MANIFEST)).unwrap().parse().unwrap();
        let programs = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap());
        assert_eq!(programs.collect::<Vec<_>>(), NAMES);
        for name in NAMES {
            assert!(fs::read_dir(root().join("fuzz/corpus").join(name)).unwrap().next().is_some(), "{name}");
        }
    }
}
