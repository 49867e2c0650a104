//! Has the database give back what it keeps in memory of its file. By itself it keeps for ever what one busy minute made it
//! read, up to 2 MB for each connection.

use std::time::Duration;

use super::{Background, every};

/// How often: to read it again costs a busy server a few milliseconds each time. The soak waits longer than this.
const OFTEN: Duration = Duration::from_secs(10);

pub(super) async fn run(parts: Background) {
    let mut ticks = every(OFTEN);
    loop {
        ticks.tick().await;
        if let Err(error) = parts.store.give_back().await {
            tracing::debug!(%error, "the database keeps the memory it has");
        }
    }
}
