//! `watchbell`: the command line. Arguments in, one exit code out.

use std::process::ExitCode;

use clap::Parser;
use watchbell::{args::Args, run};

fn main() -> ExitCode {
    run(Args::parse()).into()
}
