//! Measures a real server from outside: `cargo run --release -p watchbell-bench -- --help`.
//!
//! It speaks the wire as any client does. Deliberately absent: verdicts. Machines are noisy, so compare two runs side by
//! side and quote ratios.

mod connection;
mod fanout;
mod journal;
mod server;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures a Watchbell server on this machine.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// One runner reports progress, many members receive it: latency, and the server's CPU time per delivery.
    Fanout {
        /// Connections that receive.
        #[arg(long, default_value_t = 200)]
        receivers: usize,
        /// Progress values per second.
        #[arg(long, default_value_t = 50)]
        rate: u32,
        /// How long to measure, seconds.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
    /// Durable commands, one after the other on each connection: how many are acknowledged per second.
    Journal {
        /// Connections that send.
        #[arg(long, default_value_t = 16)]
        publishers: usize,
        /// How long to measure, seconds.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let server = server::Server::start().await?;
    match Args::parse().scenario {
        Scenario::Fanout { receivers, rate, seconds } => {
            fanout::run(&server, receivers, rate, Duration::from_secs(seconds)).await
        }
        Scenario::Journal { publishers, seconds } => {
            journal::run(&server, publishers, Duration::from_secs(seconds)).await
        }
    }
}
