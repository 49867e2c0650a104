//! Has the database's connections give back what they keep in memory of the file. By themselves they keep for ever, each
//! for itself, what one busy minute made them read, up to 2 MB.

use std::time::Duration;

use super::{Background, every};

/// How often. To read it again costs a busy server a few milliseconds each time.
const OFTEN: Duration = Duration::from_secs(10);

pub(super) async fn run(parts: Background) {
    let mut ticks = every(OFTEN);
    loop {
        ticks.tick().await;
        if let Err(error) = parts.store.give_back().await {
            tracing::warn!(%error, "the database's connections keep the memory they have");
        }
    }
}
