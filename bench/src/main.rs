//! Measures real servers from outside, side by side: Watchbell, Socket.IO and a bare `tokio-tungstenite`. Started by
//! `cargo xtask bench` and `cargo xtask soak`, which build and install what it needs.
//!
//! The load generator is one thread on one core, the server under measurement is on another. Deliberately absent: an
//! opinion about figures without targets. Machines are noisy; compare within one run.

mod bare;
mod clock;
mod connection;
mod crowd;
mod examples;
mod machine;
mod peer;
mod publisher;
mod report;
mod scenario;
mod soak;
mod tally;
mod watch;
mod wire;

use std::{
    future::Future,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand, ValueEnum as _};
use tokio::{runtime::Builder, task::LocalSet};

use self::{
    machine::{Core, Machine},
    peer::Programs,
    report::Report,
    scenario::{Plan, Scenario},
};

/// Measures servers on this machine, side by side.
#[derive(Parser)]
#[command(bin_name = "watchbell-bench", max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure Watchbell, Socket.IO and a bare server in turn.
    Compare(CompareArgs),
    /// Let thousands come and go, and check that the server's memory comes back.
    Soak(SoakArgs),
    /// Run the examples of the README against a server.
    Examples(ExamplesArgs),
    /// Be the bare server.
    #[command(hide = true)]
    Bare {
        /// The port on loopback; 0 takes a free one.
        #[arg(long)]
        port: u16,
    },
}

#[derive(clap::Args)]
struct Places {
    /// The program `watchbell-server` [default: beside this one].
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// The folder of the Socket.IO server, with its packages installed.
    #[arg(long, value_name = "DIR", default_value = "bench/peers/socketio")]
    socketio: PathBuf,
}

#[derive(clap::Args)]
struct CompareArgs {
    #[command(flatten)]
    places: Places,
    /// Write everything as JSON there.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only these scenarios.
    #[arg(long, value_name = "SCENARIO", num_args = 1.., value_delimiter = ',')]
    only: Vec<Scenario>,
    /// One short round of each.
    #[arg(long)]
    quick: bool,
    /// How many clients come back in the storm.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    storm: usize,
}

#[derive(clap::Args)]
struct SoakArgs {
    #[command(flatten)]
    places: Places,
    /// For how long there is churn.
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// Idle connections of the phase before.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Connections of that phase that send and receive.
    #[arg(long, default_value_t = 1000)]
    busy: usize,
}

#[derive(clap::Args)]
struct ExamplesArgs {
    #[command(flatten)]
    places: Places,
    /// Where they are, with what they need installed.
    #[arg(long, value_name = "DIR", default_value = "bench/examples")]
    folder: PathBuf,
    /// A Python that has what they need.
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Compare(args) => generate(compare(args)),
        Task::Soak(args) => generate(soak(args)),
        Task::Examples(args) => generate(show(args)),
        Task::Bare { port } => be_bare(port),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// On the runtime that Watchbell has as well.
fn be_bare(port: u16) -> Result<()> {
    Builder::new_multi_thread().enable_all().build()?.block_on(bare::serve(port))
}

/// Runs a load on one thread of one core, with as many files as may be.
fn generate(load: impl Future<Output = Result<()>>) -> Result<()> {
    machine::raise_open_files()?;
    machine::pin(Core::Generator)?;
    LocalSet::new().block_on(&Builder::new_current_thread().enable_all().build()?, load)
}

async fn compare(args: CompareArgs) -> Result<()> {
    let programs = programs(args.places)?;
    let socketio = socketio_version(&programs)?;
    let plan = Plan { programs, quick: args.quick, storm: args.storm };
    let chosen = if args.only.is_empty() { Scenario::value_variants().to_vec() } else { args.only };
    let mut report = Report { machine: Machine::describe(socketio), quick: args.quick, figures: Vec::new() };
    for scenario in chosen {
        let (began, name) = (Instant::now(), scenario.to_possible_value());
        let name = name.as_ref().map_or("", |name| name.get_name());
        let figures = scenario.run(&plan).await.with_context(|| format!("the scenario {name}"))?;
        eprintln!("  {name} ({:.0} s)", began.elapsed().as_secs_f64());
        report.figures.extend(figures);
    }
    report.print();
    args.out.map_or(Ok(()), |file| report.write(&file))
}

async fn soak(args: SoakArgs) -> Result<()> {
    let churn = Duration::from_secs(args.minutes * 60);
    let options = soak::Options { churn, connections: args.connections, busy: args.busy };
    soak::run(&programs(args.places)?, options).await
}

async fn show(args: ExamplesArgs) -> Result<()> {
    examples::run(&programs(args.places)?, &args.folder, args.python.as_os_str()).await
}

fn programs(places: Places) -> Result<Programs> {
    let watchbell = match places.server {
        Some(server) => server,
        None => std::env::current_exe()?.with_file_name("watchbell-server"),
    };
    anyhow::ensure!(watchbell.exists(), "{} is missing: `cargo xtask bench` builds it", watchbell.display());
    Ok(Programs { watchbell, socketio: places.socketio })
}

/// What is installed; fails if nothing is.
fn socketio_version(programs: &Programs) -> Result<String> {
    let manifest = programs.socketio.join("node_modules/socket.io/package.json");
    let manifest = std::fs::read_to_string(&manifest)
        .with_context(|| format!("cannot read {}: `cargo xtask bench` installs Socket.IO", manifest.display()))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    Ok(manifest["version"].as_str().unwrap_or_default().to_owned())
}
