//! `cargo xtask`: the two commands that matter (`demo`, `test`), the two that they use (`tidy`, `codegen`), and the proofs
//! (`chaos`, `fuzz`).

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use xtask::{bench, chaos, codegen, demo, deny, fuzz, processes, shell, test, tidy};

/// Watchbell's own tasks. Each installs what it needs and says so.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Do the main job, with nothing prepared: a server, two members, the desktop app, an analysis, a popup.
    Demo(DemoArgs),
    /// Run every check: formatting, lints, tidy, generated files, and all tests down to the real window.
    Test(TestArgs),
    /// Kill, freeze and cut real programs by a seed's plan, and check that nothing is lost or happens twice.
    Chaos(ChaosArgs),
    /// Break each promise on purpose, and see that a run of `chaos` finds it.
    Sabotage,
    /// Feed what arrives from outside (frames, positions, SARIF, configuration) with inputs that reach ever more code.
    Fuzz(FuzzArgs),
    /// Measure Watchbell, Socket.IO and a bare tokio-tungstenite server side by side; nothing else should run meanwhile.
    Bench(BenchArgs),
    /// Let thousands come and go for a while, and check that the server's memory comes back.
    Soak(SoakArgs),
    /// Check what we build on: licences, sources, what is there twice, and known vulnerabilities.
    Deny {
        /// Fail where the database of vulnerabilities cannot be reached.
        #[arg(long)]
        advisories: bool,
    },
    /// Check the rules of the house: layer edges, module docs, file lengths, imports, generated files.
    Tidy,
    /// Make the TypeScript types and the wire reference from the Rust types.
    Codegen {
        /// Only say whether they are up to date; exit with 1 if not.
        #[arg(long)]
        check: bool,
    },
}

#[derive(clap::Args)]
struct DemoArgs {
    /// Use a virtual display even if there is a real one, and end by itself.
    #[arg(long)]
    headless: bool,
    /// Write `overview-running.png`, `overview-done.png`, `popup.png` and `demo.json` there, and end by itself.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to analyse [default: this repository].
    #[arg(long, value_name = "PATH")]
    repo: Option<PathBuf>,
    /// Run a detector that has to compile the repository first (clippy).
    #[arg(long, value_name = "DETECTOR", value_parser = ["clippy"])]
    with: Vec<String>,
    /// The window's theme.
    #[arg(long, default_value = "light", value_parser = ["light", "dark"])]
    theme: String,
}

#[derive(clap::Args)]
struct TestArgs {
    /// Leave out what needs a display.
    #[arg(long)]
    no_desktop: bool,
    /// Only tests whose name contains this.
    filter: Option<String>,
}

#[derive(clap::Args)]
struct ChaosArgs {
    /// Which plan of faults: the same number means the same faults.
    #[arg(long)]
    seed: u64,
    /// For how long.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Only these faults of the plan, by number (such as `3,7`) or `none`, to find out which of them matter.
    #[arg(long, value_name = "NUMBERS")]
    only: Option<String>,
    /// How members reach the server: with `poll` everybody is behind a proxy that refuses the upgrade.
    #[arg(long, value_enum, default_value_t = chaos::Transport::Websocket)]
    transport: chaos::Transport,
    /// When it fails, look for a smaller plan that does, with at most this many runs more.
    #[arg(long, value_name = "RUNS", default_value_t = 0, default_missing_value = "20", num_args = 0..=1)]
    shrink: usize,
    /// Break this promise in the programs; the run must find it.
    #[arg(long)]
    sabotage: Option<chaos::Sabotage>,
}

#[derive(clap::Args)]
struct FuzzArgs {
    /// Which [default: all].
    #[arg(value_name = "TARGET", value_parser = fuzz::NAMES)]
    targets: Vec<String>,
    /// Executions of each target [default: as many as the seconds allow].
    #[arg(long)]
    runs: Option<u64>,
    /// Seconds for each target [default: 60, or no bound with --runs].
    #[arg(long)]
    seconds: Option<u64>,
    /// Plant a panic in each target, and fail if it is not found.
    #[arg(long)]
    planted: bool,
    /// Afterwards keep the inputs that reach something new in `fuzz/corpus`.
    #[arg(long)]
    keep: bool,
}

#[derive(clap::Args)]
struct BenchArgs {
    /// Write everything as JSON there.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only these scenarios.
    #[arg(long, value_name = "SCENARIO", num_args = 1.., value_delimiter = ',',
          value_parser = ["connect", "memory", "idle", "slow", "fanout", "rooms", "lines", "journal", "storm"])]
    only: Vec<String>,
    /// One short round of each: about five minutes.
    #[arg(long)]
    quick: bool,
}

#[derive(clap::Args)]
struct SoakArgs {
    /// For how long there is churn.
    #[arg(long, default_value_t = 5)]
    minutes: u32,
    /// Idle connections of the phase before.
    #[arg(long, default_value_t = 10_000)]
    connections: u32,
    /// Connections of that phase that send and receive.
    #[arg(long, default_value_t = 1000)]
    busy: u32,
}

fn main() -> ExitCode {
    processes::stop_on_interrupt();
    let result = match Args::parse().task {
        Task::Demo(args) => demo::run(&demo::Options {
            headless: args.headless,
            out: args.out,
            repo: args.repo,
            with: args.with,
            theme: args.theme,
        }),
        Task::Test(args) => test::run(&test::Options { desktop: !args.no_desktop, filter: args.filter }),
        Task::Sabotage => chaos::find_sabotage(),
        Task::Chaos(args) => chaos::run(&chaos::Options {
            seed: args.seed,
            seconds: args.seconds,
            only: args.only,
            transport: args.transport,
            shrink: args.shrink,
            sabotage: args.sabotage,
        }),
        Task::Fuzz(args) => fuzz::run(&fuzz::Options {
            seconds: args.seconds.or(args.runs.is_none().then_some(60)),
            targets: args.targets,
            runs: args.runs,
            planted: args.planted,
            keep: args.keep,
        }),
        Task::Bench(args) => bench::run(&bench::Options { out: args.out, only: args.only, quick: args.quick }),
        Task::Soak(args) => {
            bench::soak(&bench::Soak { minutes: args.minutes, connections: args.connections, busy: args.busy })
        }
        Task::Deny { advisories } => deny::run(advisories),
        Task::Tidy => tidy::run(),
        Task::Codegen { check } => codegen::run(check),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::complain(&error);
            ExitCode::FAILURE
        }
    }
}
