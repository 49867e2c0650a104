//! Where log lines go: standard error, for people or as JSON.

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use watchbell_server::config::{Format, Log};

/// Starts logging as configured. Once per process.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(&log.level.0).context("log.level")?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        Format::Human => lines.try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}
