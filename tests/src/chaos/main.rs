//! `chaos run`: one run by its seed, and a verdict; `chaos member`: a member's process in it. `cargo xtask chaos` builds
//! and starts it.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use url::Url;
use watchbell_tests::chaos::{
    plan::{Step, plan},
    run::{CREW, run},
    voice::Voice,
};

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Runs the plan of a seed.
    Run {
        /// Which.
        #[arg(long)]
        seed: u64,
        /// For how long to publish and to commit faults.
        #[arg(long)]
        seconds: u64,
        /// How many members each of the two projects has.
        #[arg(long, default_value_t = CREW, value_parser = crew)]
        crew: usize,
        /// Commits only these faults of the plan, by number; to find out which of them matter.
        #[arg(long, value_delimiter = ',')]
        only: Option<Vec<usize>>,
    },
    /// Is a member.
    #[command(hide = true)]
    Member {
        #[arg(long)]
        server: Url,
        #[arg(long)]
        folder: PathBuf,
        #[arg(long)]
        number: usize,
        #[arg(long)]
        life: u32,
    },
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    match Args::parse().what {
        What::Member { server, folder, number, life } => {
            Voice { server, folder, member: number, life }.run().await?;
            Ok(ExitCode::SUCCESS)
        }
        What::Run { seed, seconds, crew, only } => {
            let lasts = Duration::from_secs(seconds);
            let steps = chosen(plan(seed, lasts, 2 * crew), only.as_deref())?;
            let report = run(seed, lasts, crew, &steps).await?;
            println!("{report}");
            Ok(if report.verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn crew(text: &str) -> Result<usize> {
    let crew = text.parse()?;
    ensure!((1..=CREW).contains(&crew), "must be from 1 to {CREW}");
    Ok(crew)
}

/// The steps that are wanted, each said with its number in the whole plan.
fn chosen(plan: Vec<Step>, only: Option<&[usize]>) -> Result<Vec<Step>> {
    let unknown = only.unwrap_or_default().iter().find(|number| **number >= plan.len());
    ensure!(unknown.is_none(), "the plan has {} steps, from 0 on", plan.len());
    let numbered = plan.into_iter().enumerate();
    let chosen = numbered.filter(|(number, _)| only.is_none_or(|only| only.contains(number)));
    Ok(chosen
        .map(|(number, step)| {
            eprintln!("step {number}: {:.1} s {:?}", step.at.as_secs_f64(), step.fault);
            step
        })
        .collect())
}
