//! `watchbell-server`: arguments become a configuration and one action.

mod cli;

use std::process::ExitCode;

use clap::Parser;

/// Gives back what connections leave behind when they go, which the C library's allocator keeps: after 11,000 connections a
/// server stayed at three times what it had before (`cargo xtask soak`). `.cargo/config.toml` says how soon, and what threads
/// keep, for builds in this folder.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run(cli::Args::parse())
}
