//! Ctrl-C, SIGTERM and SIGHUP: the first asks to stop, the second insists.

use tokio_util::sync::CancellationToken;

/// What was asked for so far.
#[derive(Debug, Clone, Default)]
pub struct Interrupts {
    /// Somebody asked to stop: cancel, report, leave nothing behind.
    pub stop: CancellationToken,
    /// Somebody asked again: leave at once.
    pub insist: CancellationToken,
}

impl Interrupts {
    /// Listens from now on. Must be called inside the runtime; a signal no longer ends the program by itself then.
    pub fn listen() -> Self {
        let interrupts = Self::default();
        let heard = interrupts.clone();
        tokio::spawn(async move {
            for asked in [&heard.stop, &heard.insist] {
                if let Err(error) = signal().await {
                    tracing::warn!(%error, "signals cannot be heard");
                    return;
                }
                asked.cancel();
            }
        });
        interrupts
    }
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
