//! Sends out events of streams that have waited long enough for others. No timer runs while nothing waits.

use tokio::time::sleep_until;

use super::Background;

pub(super) async fn run(parts: Background) {
    loop {
        sleep_until(parts.hub.streams_due().await).await;
        parts.hub.flush_streams(parts.clock.moment());
    }
}
