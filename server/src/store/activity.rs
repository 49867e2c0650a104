//! The activity feed.

use std::collections::BTreeSet;

use sqlx::{QueryBuilder, Row, Sqlite};
use watchbell_protocol::{ActivityId, ProjectId, UnixMillis, event::Activity};

use super::{Conn, codec, list, portions};

/// Adds entries.
pub async fn insert(conn: &mut Conn, entries: &[Activity]) -> sqlx::Result<()> {
    for part in portions(entries) {
        let json = |entry: &Activity| Ok((codec::to_json(&entry.by)?, codec::to_json(&entry.what)?));
        let json: Vec<(String, String)> = part.iter().map(json).collect::<sqlx::Result<_>>()?;
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO activity (id, project, at, author, what) ");
        insert.push_values(part.iter().zip(&json), |mut row, (entry, (by, what))| {
            row.push_bind(entry.id.to_string()).push_bind(entry.project.to_string()).push_bind(entry.at.0);
            row.push_bind(by).push_bind(what);
        });
        insert.build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// Those among `ids` of which there is an entry, in whatever project.
pub async fn existing(conn: &mut Conn, ids: &BTreeSet<ActivityId>) -> sqlx::Result<BTreeSet<ActivityId>> {
    let query = "SELECT json_group_array(id) AS list FROM activity WHERE id IN (SELECT value FROM json_each($1))";
    Ok(list(conn, query, ids).await?.into_iter().collect())
}

/// The newest entries of a project, oldest first, at most `limit`.
pub async fn newest(conn: &mut Conn, project: ProjectId, limit: u32) -> sqlx::Result<Vec<Activity>> {
    let rows = sqlx::query(
        "SELECT id, at, author, what FROM activity WHERE project = $1 ORDER BY at DESC, id DESC LIMIT $2 + 0",
    )
    .bind(project.to_string())
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .rev()
        .map(|row| {
            Ok(Activity {
                id: codec::parsed(row, "id")?,
                project,
                at: UnixMillis(row.try_get("at")?),
                by: codec::json(row, "author")?,
                what: codec::json(row, "what")?,
            })
        })
        .collect()
}
