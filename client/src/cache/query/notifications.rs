//! The notifications: pages, and the one count that badge, tray, bell and list show.

use sqlx::SqliteConnection;
use watchbell_protocol::{ProjectId, Seq, UnixMillis, event::Notification};

use crate::{
    cache::{Cache, Overlay, Result},
    view::{NotificationFilter, NotificationPage, NotificationRow},
};

/// Rows of one page.
const PAGE: usize = 50;

impl Cache {
    /// Unread in all.
    pub(crate) async fn unread(&self) -> Result<u32> {
        let mut tx = self.read().await?;
        let overlay = Overlay::load(&mut tx).await?;
        unread(&mut tx, &overlay).await
    }

    /// A page, newest first.
    pub(crate) async fn notifications(&self, filter: &NotificationFilter) -> Result<NotificationPage> {
        let mut tx = self.read().await?;
        let overlay = Overlay::load(&mut tx).await?;
        let floor = if filter.unread { overlay.seen_through() } else { overlay.cleared_through() };
        let found: Vec<(String, Option<i64>, Option<String>)> = sqlx::query_as(
            "SELECT notifications.data, read_at, name FROM notifications LEFT JOIN projects ON projects.id = project
             WHERE seq > ?1 AND (?2 IS NULL OR seq < ?2)
                 AND (NOT ?3 OR (read_at IS NULL AND notifications.id NOT IN (SELECT value FROM json_each(?4))))
             ORDER BY seq DESC LIMIT ?5",
        )
        .bind(floor.0)
        .bind(filter.before.map(|seq| seq.0))
        .bind(filter.unread)
        .bind(overlay.read_ids()?)
        .bind(PAGE as i64 + 1)
        .fetch_all(&mut *tx)
        .await?;
        let more = found.len() > PAGE;
        let mut rows = Vec::with_capacity(found.len().min(PAGE));
        for (data, read_at, project_name) in found.into_iter().take(PAGE) {
            let mut notification: Notification = serde_json::from_str(&data)?;
            notification.read_at = read_at.map(UnixMillis);
            let waiting = overlay.over_notification(&mut notification);
            rows.push(NotificationRow { notification, project_name, waiting });
        }
        let newest: i64 =
            sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM notifications").fetch_one(&mut *tx).await?;
        Ok(NotificationPage { rows, more, unread: unread(&mut tx, &overlay).await?, newest: Seq(newest) })
    }

    /// A project's name.
    pub(crate) async fn project_name(&self, project: ProjectId) -> Result<Option<String>> {
        Ok(sqlx::query_scalar("SELECT name FROM projects WHERE id = ?")
            .bind(project.to_string())
            .fetch_optional(&mut *self.read().await?)
            .await?)
    }
}

async fn unread(db: &mut SqliteConnection, overlay: &Overlay) -> Result<u32> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM notifications
         WHERE read_at IS NULL AND seq > ? AND id NOT IN (SELECT value FROM json_each(?))",
    )
    .bind(overlay.seen_through().0)
    .bind(overlay.read_ids()?)
    .fetch_one(db)
    .await?)
}
