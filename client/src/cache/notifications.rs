//! Notifications and the popup ledger, as events and state pages make them.

use sqlx::SqliteConnection;
use watchbell_protocol::{
    NotificationId, Seq, UnixMillis,
    event::{Notification, Selection},
};

use super::{Cache, Overlay, Popups, Result, Touched};
use crate::{change::Shown, popup::News};

/// In the ledger: arrived while catching up, to be counted when that is over.
const WAITING: &str = "waiting";

impl Cache {
    /// The catching-up is over: how many notifications of it the person still has to read. They are told of once.
    pub(crate) async fn take_missed(&self) -> Result<u32> {
        let mut tx = self.write().await?;
        let overlay = Overlay::load(&mut tx).await?;
        let missed = sqlx::query_scalar(
            "SELECT count(*) FROM popups JOIN notifications ON id = notification
             WHERE shown = ? AND read_at IS NULL AND seq > ? AND id NOT IN (SELECT value FROM json_each(?))",
        )
        .bind(WAITING)
        .bind(overlay.seen_through().0)
        .bind(overlay.read_ids()?)
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query("UPDATE popups SET shown = 'grouped' WHERE shown = ?").bind(WAITING).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(missed)
    }

    /// Whether a notification is still there and unread.
    pub(crate) async fn is_unread(&self, id: NotificationId) -> Result<bool> {
        let mut tx = self.read().await?;
        let overlay = Overlay::load(&mut tx).await?;
        let seq: Option<i64> = sqlx::query_scalar("SELECT seq FROM notifications WHERE id = ? AND read_at IS NULL")
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        Ok(seq.is_some_and(|seq| !overlay.reads(id, Seq(seq)) && !overlay.clears(Seq(seq))))
    }
}

/// Adds a notification, or replaces what was known of it; the server's word on "read" counts. If it is new to this
/// device, it is decided upon, and the decision is in the ledger before anything can be shown.
pub(super) async fn put(
    db: &mut SqliteConnection,
    notification: &Notification,
    sweep: i64,
    popups: &mut Popups<'_>,
    touched: &mut Touched,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO notifications (id, seq, project, at, read_at, data, sweep) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, project = excluded.project, at = excluded.at,
             read_at = excluded.read_at, data = excluded.data, sweep = excluded.sweep",
    )
    .bind(notification.id.to_string())
    .bind(notification.seq.0)
    .bind(notification.project.map(|project| project.to_string()))
    .bind(notification.at.0)
    .bind(notification.read_at.map(|at| at.0))
    .bind(serde_json::to_string(notification)?)
    .bind(sweep)
    .execute(&mut *db)
    .await?;
    touched.notifications = true;
    // The unread mark beside the project's name.
    touched.projects = true;
    decide(db, notification, popups, touched).await
}

async fn decide(
    db: &mut SqliteConnection,
    notification: &Notification,
    popups: &mut Popups<'_>,
    touched: &mut Touched,
) -> Result<()> {
    let id = notification.id.to_string();
    let known: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM popups WHERE notification = ?").bind(&id).fetch_optional(&mut *db).await?;
    if known.is_some() {
        return Ok(());
    }
    let shown = popups.decide(notification.read_at.is_some());
    let word = match shown {
        Shown::Grouped if popups.news == News::Missed => WAITING,
        Shown::Grouped => "grouped",
        Shown::Popup => "popup",
        Shown::Toast => "toast",
        Shown::Silent => "silent",
    };
    sqlx::query("INSERT INTO popups (notification, shown, at) VALUES (?, ?, ?)")
        .bind(&id)
        .bind(word)
        .bind(popups.at.wall.0)
        .execute(db)
        .await?;
    if popups.news == News::Live {
        touched.arrived.push((notification.clone(), shown));
    }
    Ok(())
}

/// Notifications were read.
pub(super) async fn read(db: &mut SqliteConnection, which: &Selection, at: UnixMillis) -> Result<()> {
    match which {
        Selection::Ids(ids) => {
            sqlx::query(
                "UPDATE notifications SET read_at = ?
                 WHERE read_at IS NULL AND id IN (SELECT value FROM json_each(?))",
            )
            .bind(at.0)
            .bind(serde_json::to_string(ids)?)
            .execute(db)
            .await?
        }
        Selection::Through(seq) => {
            sqlx::query("UPDATE notifications SET read_at = ? WHERE read_at IS NULL AND seq <= ?")
                .bind(at.0)
                .bind(seq.0)
                .execute(db)
                .await?
        }
    };
    Ok(())
}

/// Notifications were cleared.
pub(super) async fn clear(db: &mut SqliteConnection, which: &Selection) -> Result<()> {
    match which {
        Selection::Ids(ids) => {
            sqlx::query("DELETE FROM notifications WHERE id IN (SELECT value FROM json_each(?))")
                .bind(serde_json::to_string(ids)?)
                .execute(db)
                .await?
        }
        Selection::Through(seq) => {
            sqlx::query("DELETE FROM notifications WHERE seq <= ?").bind(seq.0).execute(db).await?
        }
    };
    Ok(())
}
