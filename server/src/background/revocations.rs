//! Ends connections of disabled members, ended sign-ins and revoked API tokens, whoever revoked them.

use std::time::Duration;

use watchbell_protocol::UnixMillis;

use super::{Background, every};
use crate::store::accounts::{self, Revoked};

/// Looked at again before the last look: longer than it takes from the time of a revocation to its commit, and from the look
/// at a sign-in to its connection's being among the others.
const ONCE_MORE: Duration = Duration::from_mins(1);

pub(super) async fn run(parts: Background) {
    let mut ticks = every(parts.timing.revocations_every);
    let mut writes = parts.store.writes();
    let mut looked = parts.clock.now();
    loop {
        ticks.tick().await;
        if !writes.to_look(parts.clock.moment()) {
            continue;
        }
        let now = parts.clock.now();
        match revoked(&parts, since(looked, now)).await {
            Ok(revoked) => {
                parts.connections.revoke(&revoked);
                looked = now;
            }
            Err(error) => {
                writes.failed();
                tracing::error!(%error, "revocations could not be read; trying again soon");
            }
        }
    }
}

/// From when on. Clocks are set back and forward: neither hides a revocation.
fn since(looked: UnixMillis, now: UnixMillis) -> UnixMillis {
    UnixMillis(looked.min(now).0 - ONCE_MORE.as_millis() as i64)
}

async fn revoked(parts: &Background, after: UnixMillis) -> sqlx::Result<Revoked> {
    let mut conn = parts.store.look().await?;
    accounts::revoked_after(&mut conn, after).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_or_forward_hides_nothing() {
        let minute = ONCE_MORE.as_millis() as i64;
        for (looked, now, expected) in [
            (UnixMillis(10 * minute), UnixMillis(10 * minute + 2_000), 9 * minute),
            // Set forward between two looks: what was revoked before that counts as well.
            (UnixMillis(10 * minute), UnixMillis(500 * minute), 9 * minute),
            // Set back: what was revoked since has times from before the last look.
            (UnixMillis(10 * minute), UnixMillis(5 * minute), 4 * minute),
        ] {
            assert_eq!(since(looked, now), UnixMillis(expected));
        }
    }
}
