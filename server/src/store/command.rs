//! Which commands were applied, and what they were answered.

use watchbell_protocol::{Answer, CommandId, UnixMillis};

use super::{Conn, codec};

/// SHA-256 of what was asked.
pub type BodyHash = [u8; 32];

/// A command that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Of what was asked.
    pub body_hash: BodyHash,
    /// What came of it.
    pub answer: Answer,
}

/// Looks for an applied command.
pub async fn find(conn: &mut Conn, principal: &str, id: CommandId) -> sqlx::Result<Option<Applied>> {
    let row = sqlx::query("SELECT body_hash, answer FROM commands WHERE principal = $1 AND id = $2")
        .bind(principal)
        .bind(id.to_string())
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok(Applied { body_hash: codec::bytes(&row, "body_hash")?, answer: codec::json(&row, "answer")? }))
        .transpose()
}

/// Remembers an applied command.
pub async fn insert(
    conn: &mut Conn,
    principal: &str,
    id: CommandId,
    applied: &Applied,
    at: UnixMillis,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO commands (principal, id, body_hash, answer, at) VALUES ($1, $2, $3, $4, $5)")
        .bind(principal)
        .bind(id.to_string())
        .bind(codec::hex(&applied.body_hash))
        .bind(codec::to_json(&applied.answer)?)
        .bind(at.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets at most `limit` commands from before `before`; gives how many.
pub async fn prune(conn: &mut Conn, before: UnixMillis, limit: u32) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "DELETE FROM commands WHERE (principal, id) IN
         (SELECT principal, id FROM commands WHERE at < $1 ORDER BY at LIMIT $2 + 0)",
    )
    .bind(before.0)
    .bind(i64::from(limit))
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
