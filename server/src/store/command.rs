//! Which commands were applied, and what they were answered.

use std::collections::HashMap;

use sqlx::{QueryBuilder, Row as _, Sqlite};
use watchbell_protocol::{Answer, CommandId, UnixMillis};

use super::{Conn, codec, portions, questions};

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
    let mut found = HashMap::new();
    for part in questions(sent) {
        let mut query = QueryBuilder::<Sqlite>::new("WITH sent (principal, id) AS (");
        query.push_values(part, |mut row, sent| {
            row.push_bind(&sent.principal).push_bind(sent.id.to_string());
        });
        query.push(
            ") SELECT c.principal, c.id, c.body_hash, c.answer
             FROM sent JOIN commands c ON c.principal = sent.principal AND c.id = sent.id",
        );
        for row in query.build().fetch_all(&mut *conn).await? {
            let sent = Sent { principal: row.try_get("principal")?, id: codec::parsed(&row, "id")? };
            found.insert(
                sent,
                Applied { body_hash: codec::bytes(&row, "body_hash")?, answer: codec::json(&row, "answer")? },
            );
        }
    }
    Ok(found)
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
