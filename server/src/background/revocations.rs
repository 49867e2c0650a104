//! Ends connections of disabled members, ended sign-ins and revoked API tokens, whoever revoked them.

use super::{Background, every};
use crate::store::accounts::{self, Admitted};

pub(super) async fn run(parts: Background) {
    let mut ticks = every(parts.timing.revocations_every);
    loop {
        ticks.tick().await;
        let admitted = parts.connections.admitted();
        if admitted == Admitted::default() {
            continue;
        }
        match revoked(&parts, &admitted).await {
            Ok(revoked) => parts.connections.revoke(&revoked),
            Err(error) => tracing::error!(%error, "revocations could not be read; trying again soon"),
        }
    }
}

async fn revoked(parts: &Background, admitted: &Admitted) -> sqlx::Result<Admitted> {
    let mut conn = parts.store.look().await?;
    accounts::revoked_among(&mut conn, admitted).await
}
