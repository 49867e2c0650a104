//! Notifications of each member.

use std::collections::{BTreeMap, BTreeSet};

use watchbell_protocol::{NotificationId, Seq, UnixMillis, UserId, event::Notification};

use super::{
    Conn, codec,
    together::{Queue, Together, Wish},
};

/// More of one member are not read.
const MOST: i64 = 1000;

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

/// Wished for: the newest notifications of a member, oldest first, at most [`MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewestOf {
    /// Whose.
    pub member: UserId,
    /// Not those from before.
    pub since: UnixMillis,
}

impl Wish for NewestOf {
    type Found = Vec<Notification>;
    /// Each may be a megabyte.
    const AT_ONCE: usize = 8;

    fn queue(together: &Together) -> &Queue<Self> {
        &together.notifications
    }

    async fn find(conn: &mut Conn, wishes: &BTreeSet<Self>) -> sqlx::Result<BTreeMap<Self, Vec<Notification>>> {
        let wishes: BTreeSet<_> = wishes.iter().map(|wish| (wish.member, wish.since)).collect();
        let row = sqlx::query(
            "SELECT json_group_array(json_array(wish.value ->> 0, wish.value ->> 1, json((
                        SELECT json_group_array(json_object(
                            'id', id, 'seq', seq, 'kind', kind, 'level', level, 'title', title, 'body', body,
                            'project', project, 'link', json(link), 'at', at, 'read_at', read_at) ORDER BY seq)
                        FROM (SELECT * FROM notifications
                              WHERE member = wish.value ->> 0 AND at >= wish.value ->> 1 ORDER BY seq DESC LIMIT $2 + 0)
                    )))) AS list
             FROM json_each($1) AS wish",
        )
        .bind(codec::to_json(&wishes)?)
        .bind(MOST)
        .fetch_one(conn)
        .await?;
        let found: Vec<(UserId, UnixMillis, Vec<Notification>)> = codec::json(&row, "list")?;
        let newest = |(member, since, notifications)| (Self { member, since }, notifications);
        Ok(found.into_iter().map(newest).collect())
    }
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

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

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
