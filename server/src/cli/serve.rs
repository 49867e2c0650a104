//! `serve`: listens, says where, and ends in order.

use std::{
    fs::{File, TryLockError},
    io::{self, Write},
    net::SocketAddr,
    path::Path,
};

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use watchbell_server::{App, Timing, app, config::Config, metrics};

use super::{logging, place, signals};

/// What can be said on the command line about a run.
#[derive(Debug, clap::Args)]
pub struct Flags {
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:7077]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The least important level that is logged, or a filter [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How log lines are written: human or json [default: human]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl Flags {
    /// As options of the configuration.
    pub fn options(&self) -> Vec<place::Flag> {
        let flags = [
            ("--listen", "server.listen", &self.listen),
            ("--log-level", "log.level", &self.log_level),
            ("--log-format", "log.format", &self.log_format),
        ];
        flags
            .into_iter()
            .filter_map(|(flag, option, value)| Some((flag.to_owned(), option.to_owned(), value.clone()?)))
            .collect()
    }
}

/// Runs the server until it is told to stop.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    logging::start(&config.log)?;
    place::check_initialised(&config.server.data_dir)?;
    let _only = only_server(&config.server.data_dir)?;
    // Before the port is open, so that a stop that comes at once is not lost.
    let shutdown = signals::stop_on_signal()?;
    let listen = config.server.listen;
    let app = App::open(config, Timing::default()).await?;
    signals::reload_on_hangup(app.tls.clone(), shutdown.clone())?;
    serve_metrics(&app, &shutdown).await?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    if app.tls.is_none() {
        warn_if_open(address);
    }
    say(if app.tls.is_some() { "https" } else { "http" }, address);
    app::run(app, listener, shutdown).await?;
    tracing::info!("stopped");
    Ok(())
}

/// The lock that a server holds on its data folder as long as it lives. A second one would not hear the first one's
/// runners, and end their analyses as lost.
fn only_server(dir: &Path) -> anyhow::Result<File> {
    let path = dir.join("server.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another watchbell-server runs on {}", dir.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// The numbers, where nobody but the admin looks.
async fn serve_metrics(app: &App, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let Some(listen) = app.config.metrics.listen.0 else { return Ok(()) };
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen} for metrics"))?;
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "metrics can be read from other machines, without sign-in");
    }
    tracing::info!(%address, "metrics on /metrics");
    let serving = metrics::serve(app.clone(), listener, shutdown.clone());
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "metrics can no longer be read");
        }
    });
    Ok(())
}

/// The one line on standard output, for whoever started the server. That nobody reads it is no reason to end.
fn say(scheme: &str, address: SocketAddr) {
    let mut stdout = io::stdout();
    let said = writeln!(stdout, "watchbell-server listening on {scheme}://{address}").and_then(|()| stdout.flush());
    if let Err(error) = said {
        tracing::warn!(%error, %address, "listening, but standard output takes no line");
    }
    tracing::info!(%address, scheme, "listening");
}

fn warn_if_open(address: SocketAddr) {
    if !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "listening beyond loopback without TLS: passwords and tokens travel readable unless a proxy adds it"
        );
    }
}
