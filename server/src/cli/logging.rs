//! Where log lines go: standard error, for people or as JSON.

use std::io::{self, IsTerminal};

use anyhow::Context;
use watchbell_server::config::{Format, Log};

/// Starts logging as configured. Once per process.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter = log.filter().context("log.level")?;
    let coloured = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(coloured);
    // A line that cannot be written (a full disk, a reader that is gone) is lost. Told on standard error as well, it
    // would end the task that said it.
    let lines = lines.log_internal_errors(false);
    let started = match log.format {
        Format::Human => lines.try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}
