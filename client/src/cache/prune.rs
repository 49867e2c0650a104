//! What is too old to keep.

use std::time::Duration;

use sqlx::SqliteConnection;
use watchbell_protocol::{ProjectId, UnixMillis};

use super::{Cache, Result};

/// Analyses of a project.
const ANALYSES: i64 = 50;
/// Analyses of a project whose issues are kept.
const WITH_ISSUES: i64 = 3;
/// Entries of a feed.
const ENTRIES: i64 = 1000;
/// Notifications.
const NOTIFICATIONS: Duration = Duration::from_hours(30 * 24);
/// The popup ledger: beyond the notifications, so that a late one is never shown again.
const LEDGER: Duration = Duration::from_hours(60 * 24);

impl Cache {
    /// Lets go of what is older than is kept.
    pub(crate) async fn prune(&self, now: UnixMillis) -> Result<()> {
        let before = |age: Duration| now.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM notifications WHERE at < ?").bind(before(NOTIFICATIONS)).execute(&mut *tx).await?;
        sqlx::query("DELETE FROM popups WHERE at < ?").bind(before(LEDGER)).execute(&mut *tx).await?;
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM projects").fetch_all(&mut *tx).await?;
        for id in ids.iter().filter_map(|id| id.parse().ok()) {
            project(&mut tx, id).await?;
        }
        // Issues whose analysis never arrived here, or is gone.
        sqlx::query("DELETE FROM issues WHERE analysis NOT IN (SELECT id FROM analyses)").execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }
}

/// Keeps the newest of a project.
pub(super) async fn project(db: &mut SqliteConnection, project: ProjectId) -> Result<()> {
    for (sql, keep) in [
        (
            "DELETE FROM issues WHERE analysis IN (
                 SELECT id FROM analyses WHERE project = ?1 ORDER BY number DESC LIMIT -1 OFFSET ?2)",
            WITH_ISSUES,
        ),
        (
            "DELETE FROM analyses WHERE id IN (
                 SELECT id FROM analyses WHERE project = ?1 ORDER BY number DESC LIMIT -1 OFFSET ?2)",
            ANALYSES,
        ),
        (
            "DELETE FROM activity WHERE id IN (
                 SELECT id FROM activity WHERE project = ?1 ORDER BY at DESC, id DESC LIMIT -1 OFFSET ?2)",
            ENTRIES,
        ),
    ] {
        sqlx::query(sql).bind(project.to_string()).bind(keep).execute(&mut *db).await?;
    }
    Ok(())
}
