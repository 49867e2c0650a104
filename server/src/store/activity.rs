//! The activity feed.

use sqlx::Row;
use watchbell_protocol::{ActivityId, ProjectId, UnixMillis, event::Activity};

use super::{Conn, codec};

/// Adds an entry.
pub async fn insert(conn: &mut Conn, activity: &Activity) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO activity (id, project, at, author, what) VALUES ($1, $2, $3, $4, $5)")
        .bind(activity.id.to_string())
        .bind(activity.project.to_string())
        .bind(activity.at.0)
        .bind(codec::to_json(&activity.by)?)
        .bind(codec::to_json(&activity.what)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether there is an entry of this id, in whatever project.
pub async fn exists(conn: &mut Conn, id: ActivityId) -> sqlx::Result<bool> {
    let row = sqlx::query("SELECT 1 FROM activity WHERE id = $1").bind(id.to_string()).fetch_optional(conn).await?;
    Ok(row.is_some())
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
