//! Ends analyses whose runner was not heard of for too long.

use super::{Background, every};

pub(super) async fn run(parts: Background) {
    let mut ticks = every(parts.timing.leases_every);
    loop {
        ticks.tick().await;
        let lost = parts.leases.lost(parts.clock.moment());
        if !lost.is_empty() {
            tracing::info!(analyses = lost.len(), "runners were lost");
            parts.ingest.leases_lost(lost).await;
        }
    }
}
