//! Notifications of each member.

use sqlx::{Row, sqlite::SqliteRow};
use watchbell_protocol::{NotificationId, Seq, UnixMillis, UserId, event::Notification};

use super::{Conn, codec};

/// Adds a notification.
pub async fn insert(conn: &mut Conn, member: UserId, notification: &Notification) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO notifications (id, member, seq, kind, level, title, body, project, link, at, read_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(notification.id.to_string())
    .bind(member.to_string())
    .bind(notification.seq.0)
    .bind(codec::to_word(&notification.kind)?)
    .bind(codec::to_word(&notification.level)?)
    .bind(notification.title.as_str())
    .bind(notification.body.as_str())
    .bind(notification.project.map(|project| project.to_string()))
    .bind(notification.link.as_ref().map(codec::to_json).transpose()?)
    .bind(notification.at.0)
    .bind(notification.read_at.map(|at| at.0))
    .execute(conn)
    .await?;
    Ok(())
}

/// `+member`, so that they are found by their ids: the engine would rather read all of the member's.
const READ: &str = "UPDATE notifications SET read_at = $1
                    WHERE id IN (SELECT value FROM json_each($3)) AND +member = $2 AND read_at IS NULL RETURNING id";

/// Marks these as read; gives those that were unread until now.
pub async fn read(
    conn: &mut Conn,
    member: UserId,
    ids: &[NotificationId],
    at: UnixMillis,
) -> sqlx::Result<Vec<NotificationId>> {
    let rows = sqlx::query(READ).bind(at.0).bind(member.to_string()).bind(codec::to_json(ids)?).fetch_all(conn).await?;
    rows.iter().map(|row| codec::parsed(row, "id")).collect()
}

/// Marks all up to `through` as read; gives how many were unread until now.
pub async fn read_through(conn: &mut Conn, member: UserId, through: Seq, at: UnixMillis) -> sqlx::Result<u64> {
    let done = sqlx::query("UPDATE notifications SET read_at = $3 WHERE member = $1 AND seq <= $2 AND read_at IS NULL")
        .bind(member.to_string())
        .bind(through.0)
        .bind(at.0)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// Deletes all up to `through`; gives how many.
pub async fn clear_through(conn: &mut Conn, member: UserId, through: Seq) -> sqlx::Result<u64> {
    let done = sqlx::query("DELETE FROM notifications WHERE member = $1 AND seq <= $2")
        .bind(member.to_string())
        .bind(through.0)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// The newest notifications since `since`, oldest first, at most `limit`.
pub async fn newest(conn: &mut Conn, member: UserId, since: UnixMillis, limit: u32) -> sqlx::Result<Vec<Notification>> {
    let rows = sqlx::query(
        "SELECT id, seq, kind, level, title, body, project, link, at, read_at FROM notifications
         WHERE member = $1 AND at >= $2 ORDER BY seq DESC LIMIT $3 + 0",
    )
    .bind(member.to_string())
    .bind(since.0)
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter().rev().map(from_row).collect()
}

/// Deletes at most `limit` from before `before`; gives how many.
pub async fn prune(conn: &mut Conn, before: UnixMillis, limit: u32) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "DELETE FROM notifications WHERE id IN
         (SELECT id FROM notifications WHERE at < $1 ORDER BY at LIMIT $2 + 0)",
    )
    .bind(before.0)
    .bind(i64::from(limit))
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

fn from_row(row: &SqliteRow) -> sqlx::Result<Notification> {
    let project: Option<String> = row.try_get("project")?;
    let link: Option<String> = row.try_get("link")?;
    Ok(Notification {
        id: codec::parsed(row, "id")?,
        seq: Seq(row.try_get("seq")?),
        kind: codec::word(row, "kind")?,
        level: codec::word(row, "level")?,
        title: codec::text(row, "title")?,
        body: codec::text(row, "body")?,
        project: project.is_some().then(|| codec::parsed(row, "project")).transpose()?,
        link: link.is_some().then(|| codec::json(row, "link")).transpose()?,
        at: UnixMillis(row.try_get("at")?),
        read_at: codec::maybe_at(row, "read_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{FILE_NAME, Store};

    #[tokio::test]
    async fn those_that_were_read_are_found_by_their_ids() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(FILE_NAME)).await.unwrap();
        let explain = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {READ}")));
        let plan = explain.fetch_all(&mut *store.look().await.unwrap()).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        assert!(plan[0].ends_with("(id=?)"), "{plan:?}");
    }
}
