//! Has old journal rows, command ids and notifications deleted.

use super::{Background, every};

pub(super) async fn run(parts: Background) {
    let mut ticks = every(parts.timing.prune_every);
    loop {
        ticks.tick().await;
        while parts.ingest.prune(parts.clock.now()).await {}
    }
}
