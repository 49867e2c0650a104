//! Ends connections of disabled members, ended sign-ins and revoked API tokens, whoever revoked them.

use std::time::Duration;

use watchbell_protocol::UnixMillis;

use super::{Background, every};
use crate::store::accounts::{self, Revoked};

/// What was revoked that long before the last look is looked for again: longer than it takes from the time of a revocation
/// to its commit, from the look at a sign-in to its connection's being among the others, and than clocks jump.
const ONCE_MORE: Duration = Duration::from_hours(1);

pub(super) async fn run(parts: Background) {
    let mut ticks = every(parts.timing.revocations_every);
    let mut writes = parts.store.writes();
    let mut looked = parts.clock.now();
    loop {
        ticks.tick().await;
        let now = parts.clock.now();
        // If the clock was set back, what is revoked from now on has times from before the last look.
        looked = looked.min(now);
        if !writes.to_look(parts.clock.moment()) {
            continue;
        }
        match revoked(&parts, UnixMillis(looked.0 - ONCE_MORE.as_millis() as i64)).await {
            Ok(revoked) => {
                parts.connections.revoke(&revoked);
                looked = now;
            }
            Err(error) => {
                writes.failed();
                // Nobody knows who is disabled.
                parts.memberships.forget();
                tracing::error!(%error, "revocations could not be read; trying again soon");
            }
        }
    }
}

async fn revoked(parts: &Background, after: UnixMillis) -> sqlx::Result<Revoked> {
    let mut conn = parts.store.look().await?;
    accounts::revoked_after(&mut conn, after).await
}
