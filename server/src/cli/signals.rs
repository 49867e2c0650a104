//! What the system tells the running server: to stop, or to read its certificate again.

use std::sync::Arc;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use watchbell_server::tls::Tls;

/// A token that is cancelled by SIGTERM or Ctrl-C. A second one ends the process at once.
pub fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let mut signals = Signals::new().context("cannot listen for signals")?;
    tokio::spawn(async move {
        let name = signals.next().await;
        tracing::info!(signal = name, "stopping");
        told.cancel();
        signals.next().await;
        tracing::warn!("stopped at once: asked twice");
        std::process::exit(1);
    });
    Ok(stop)
}

/// Reads the certificate again on SIGHUP, until `stop`. Without one it is taken all the same: it would end the process.
#[cfg(unix)]
pub fn reload_on_hangup(tls: Option<Arc<Tls>>, stop: CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangups = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        while hangups.recv().await.is_some() {
            match tls.as_deref().map(Tls::reload) {
                Some(Ok(())) => tracing::info!("the certificate was read again"),
                Some(Err(error)) => tracing::error!("the certificate in use stays: {error:#}"),
                None => tracing::info!("there is no certificate to read again; other changes need a restart"),
            }
        }
    }));
    Ok(())
}

/// There is no such signal here: a renewed certificate needs a restart.
#[cfg(windows)]
pub fn reload_on_hangup(_: Option<Arc<Tls>>, _: CancellationToken) -> anyhow::Result<()> {
    Ok(())
}

/// What asks the server to stop.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// What asks the server to stop.
#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> &'static str {
        self.0.recv().await;
        "Ctrl-C"
    }
}
