//! Which commands were applied, and what they were answered.

use std::collections::HashMap;

use sqlx::{QueryBuilder, Sqlite};
use watchbell_protocol::{Answer, CommandId, UnixMillis};

use super::{Conn, codec, list, portions};

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

/// Which command: ids are each sender's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sent {
    /// Who sent it.
    pub principal: String,
    /// By which id.
    pub id: CommandId,
}

/// Looks for those among `sent` that were applied.
pub async fn find(conn: &mut Conn, sent: &[&Sent]) -> sqlx::Result<HashMap<Sent, Applied>> {
    let found: Vec<(String, CommandId, String, Answer)> = list(
        conn,
        "SELECT json_group_array(json_array(c.principal, c.id, c.body_hash, json(c.answer))) AS list
         FROM json_each($1) AS wish
         JOIN commands c ON c.principal = wish.value ->> 0 AND c.id = wish.value ->> 1",
        &sent.iter().map(|sent| (&sent.principal, sent.id)).collect(),
    )
    .await?;
    let applied = |(principal, id, hash, answer): (_, _, String, _)| {
        Ok((Sent { principal, id }, Applied { body_hash: codec::from_hex(&hash, "body_hash")?, answer }))
    };
    found.into_iter().map(applied).collect()
}

/// Remembers commands that were applied.
pub async fn insert(conn: &mut Conn, applied: &[(&Sent, &Applied, UnixMillis)]) -> sqlx::Result<()> {
    for part in portions(applied) {
        let answers: Vec<String> =
            part.iter().map(|(_, applied, _)| codec::to_json(&applied.answer)).collect::<sqlx::Result<_>>()?;
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO commands (principal, id, body_hash, answer, at) ");
        insert.push_values(part.iter().zip(&answers), |mut row, ((sent, applied, at), answer)| {
            row.push_bind(&sent.principal).push_bind(sent.id.to_string());
            row.push_bind(codec::hex(&applied.body_hash)).push_bind(answer).push_bind(at.0);
        });
        insert.build().execute(&mut *conn).await?;
    }
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
