//! Promises broken on purpose, so that `cargo xtask chaos --sabotage` can show that it would notice. Only with the feature
//! `sabotage`, which no release has, and only if the environment asks for it.

use std::{env, sync::LazyLock, time::Duration};

use tokio::{sync::oneshot, time::sleep};
use watchbell_protocol::{Answer, CommandId, WireError};

use crate::store::Conn;

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

type Answered = Result<Answer, WireError>;

/// `ack-before-commit`: tells the senders, and lets the commit wait.
pub(super) async fn before_commit(answers: &mut Vec<(oneshot::Sender<Answered>, Answered)>) {
    if *CHOSEN == Some(Sabotage::AckBeforeCommit) {
        for (sender, answer) in answers.drain(..) {
            // A sender that has gone is told when it asks again.
            let _ = sender.send(answer);
        }
        sleep(LATE).await;
    }
}

/// `no-dedupe`: forgets that a command was applied.
pub(super) async fn before_dedupe(conn: &mut Conn, principal: &str, id: CommandId) -> sqlx::Result<()> {
    if *CHOSEN == Some(Sabotage::NoDedupe) {
        sqlx::query("DELETE FROM commands WHERE principal = $1 AND id = $2")
            .bind(principal)
            .bind(id.to_string())
            .execute(conn)
            .await?;
    }
    Ok(())
}
