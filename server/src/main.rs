//! `watchbell-server`: arguments become a configuration and one action.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::run(cli::Args::parse())
}
