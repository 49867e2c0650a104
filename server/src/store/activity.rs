//! The activity feed.

use sqlx::Row;
use watchbell_protocol::{ProjectId, UnixMillis, event::Activity};

use super::{Conn, codec};

/// Adds an entry; `false` if there is one of this id, in whatever project.
pub async fn insert(conn: &mut Conn, activity: &Activity) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "INSERT INTO activity (id, project, at, author, what) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
    )
    .bind(activity.id.to_string())
    .bind(activity.project.to_string())
    .bind(activity.at.0)
    .bind(codec::to_json(&activity.by)?)
    .bind(codec::to_json(&activity.what)?)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
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
