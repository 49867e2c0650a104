//! `chaos run`: one run by its seed, and a verdict; `chaos member`: a member's process in it. `cargo xtask chaos` builds
//! and starts it.

use std::{env, path::PathBuf, process::ExitCode, str::FromStr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;
use url::Url;
use watchbell_tests::chaos::{
    disk,
    plan::{Step, plan},
    run::{Report, run},
    shrink::{Case, shrink},
    stage::{CREW, Transport},
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
    Run(Plan),
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

#[derive(clap::Args)]
struct Plan {
    /// Of which seed.
    #[arg(long)]
    seed: u64,
    /// For how long to publish and to commit faults.
    #[arg(long)]
    seconds: u64,
    /// How many members each of the two projects has.
    #[arg(long, default_value_t = CREW, value_parser = crew)]
    crew: usize,
    /// Commits only these faults of the plan, by number, or `none`; to find out which of them matter.
    #[arg(long, default_value = "all")]
    only: Only,
    /// How members reach the server.
    #[arg(long, value_enum, default_value_t = Transport::Websocket)]
    transport: Transport,
    /// When it fails: looks for a smaller plan that does, with so many runs more.
    #[arg(long, default_value_t = 0)]
    shrink: usize,
}

/// Which steps of a plan.
#[derive(Debug, Clone)]
enum Only {
    All,
    These(Vec<usize>),
}

impl FromStr for Only {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |text: &str| text.parse().with_context(|| format!("{text:?} is not the number of a step"));
        Ok(match text {
            "all" => Self::All,
            "none" => Self::These(Vec::new()),
            numbers => Self::These(numbers.split(',').map(number).collect::<Result<_>>()?),
        })
    }
}

fn main() -> Result<ExitCode> {
    let what = Args::parse().what;
    if matches!(what, What::Run(_)) {
        disk::enter()?;
    }
    Runtime::new()?.block_on(async {
        match what {
            What::Member { server, folder, number, life } => {
                Voice { server, folder, member: number, life }.run().await?;
                Ok(ExitCode::SUCCESS)
            }
            What::Run(wanted) => {
                let report = wanted.run().await?;
                println!("{report}");
                Ok(if report.verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
        }
    })
}

impl Plan {
    /// What came of it as it was wanted; of a smaller one only the arguments are told.
    async fn run(&self) -> Result<Report> {
        let lasts = Duration::from_secs(self.seconds);
        let plan = plan(self.seed, lasts, 2 * self.crew);
        let steps = match &self.only {
            Only::All => (0..plan.len()).collect(),
            Only::These(numbers) => numbers.clone(),
        };
        ensure!(steps.iter().all(|number| *number < plan.len()), "the plan has {} steps, from 0 on", plan.len());
        let whole = Case { lasts, steps };
        for number in &whole.steps {
            eprintln!("step {number}: {:.1} s {:?}", plan[*number].at.as_secs_f64(), plan[*number].fault);
        }
        let report = self.run_case(&whole, &plan).await?;
        if !report.verdict.is_clean() && self.shrink > 0 {
            let least = shrink(whole, &plan, self.shrink, async |case| {
                let report = self.run_case(case, &plan).await?;
                let outcome = if report.verdict.is_clean() { "passes" } else { "fails" };
                eprintln!("{outcome}: {case}");
                Ok(!report.verdict.is_clean())
            });
            eprintln!("the smallest plan that still fails: {}", self.replay(&least.await?));
        }
        Ok(report)
    }

    async fn run_case(&self, case: &Case, plan: &[Step]) -> Result<Report> {
        let steps: Vec<Step> = case.steps.iter().map(|number| plan[*number]).collect();
        run(self.seed, case.lasts, self.crew, self.transport, &steps).await
    }

    /// The command that does a case again.
    fn replay(&self, case: &Case) -> String {
        let mut text = format!("cargo xtask chaos --seed {} {case}", self.seed);
        if self.transport == Transport::Poll {
            text.push_str(" --transport poll");
        }
        if let Ok(sabotage) = env::var("WATCHBELL_SABOTAGE") {
            text.push_str(" --sabotage ");
            text.push_str(&sabotage);
        }
        text
    }
}

fn crew(text: &str) -> Result<usize> {
    let crew = text.parse()?;
    ensure!((1..=CREW).contains(&crew), "must be from 1 to {CREW}");
    Ok(crew)
}
