//! Promises broken on purpose, so that `cargo xtask chaos --sabotage` can show that it would notice. Only with the feature
//! `sabotage`, which no release has, and only if the environment asks for it.

use std::{env, sync::LazyLock, time::Duration};

use tokio::time::sleep;

use crate::store::{Conn, Tx, command::Sent};

/// How long a commit comes after its acknowledgement.
const LATE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    AckBeforeCommit,
    NoDedupe,
}

static CHOSEN: LazyLock<Option<Sabotage>> = LazyLock::new(|| match env::var("WATCHBELL_SABOTAGE").ok()?.as_str() {
    "ack-before-commit" => Some(Sabotage::AckBeforeCommit),
    "no-dedupe" => Some(Sabotage::NoDedupe),
    // The others are the client's.
    _ => None,
});

/// `ack-before-commit`: says that it is done, and lets the commit wait.
pub(super) async fn commit(tx: Tx) -> sqlx::Result<()> {
    if *CHOSEN != Some(Sabotage::AckBeforeCommit) {
        return tx.commit().await;
    }
    tokio::spawn(async {
        sleep(LATE).await;
        if let Err(error) = tx.commit().await {
            tracing::error!(%error, "nothing could be written");
        }
    });
    Ok(())
}

/// `no-dedupe`: forgets that commands were applied.
pub(super) async fn before_dedupe(conn: &mut Conn, sent: &[&Sent]) -> sqlx::Result<()> {
    if *CHOSEN == Some(Sabotage::NoDedupe) {
        for sent in sent {
            sqlx::query("DELETE FROM commands WHERE principal = $1 AND id = $2")
                .bind(&sent.principal)
                .bind(sent.id.to_string())
                .execute(&mut *conn)
                .await?;
        }
    }
    Ok(())
}
