//! Forgets pages that were read for many and are no longer wanted.

use std::time::Duration;

use super::{Background, every};

/// How often; a page is of use for about as long.
const OFTEN: Duration = Duration::from_secs(1);

pub(super) async fn run(parts: Background) {
    let mut ticks = every(OFTEN);
    loop {
        parts.pages.forget(ticks.tick().await);
    }
}
