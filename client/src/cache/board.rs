//! The latest values, as last heard. They outlive the program, so that the app starts with what it knew.

use sqlx::SqliteConnection;
use watchbell_protocol::{
    AnalysisId, Event, Room, RoomEvent, UserId,
    event::{AnalysisProgress, Presence},
};

use super::{Cache, Result, Touched};

const PRESENCE: &str = "presence:changed";
const PROGRESS: &str = "analysis:progress";

impl Cache {
    /// The board of a room that was just joined: it replaces what was there.
    pub(crate) async fn replace_board(&self, room: Room, board: &[RoomEvent]) -> Result<Touched> {
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM board WHERE room = ?").bind(room.to_string()).execute(&mut *tx).await?;
        let mut touched = Touched::default();
        for event in board {
            put(&mut tx, event, &mut touched).await?;
        }
        if let Room::Project(project) = room {
            touched.people.insert(project);
            touched.projects = true;
        }
        tx.commit().await?;
        Ok(touched)
    }

    /// A value of the board ended.
    pub(crate) async fn board_value_gone(&self, room: Room, event: &str, key: &str) -> Result<Touched> {
        remove(&mut *self.writer().await?, room, event, key).await?;
        let mut touched = Touched::default();
        touch(room, event, key, &mut touched);
        Ok(touched)
    }
}

/// Puts the value of a `Latest` event on the board.
pub(super) async fn put(db: &mut SqliteConnection, event: &RoomEvent, touched: &mut Touched) -> Result<()> {
    let (Some(key), Some(data)) = (event.event.key(), value(&event.event)?) else { return Ok(()) };
    sqlx::query(
        "INSERT INTO board (room, event, key, at, data) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (room, event, key) DO UPDATE SET at = excluded.at, data = excluded.data",
    )
    .bind(event.room.to_string())
    .bind(event.event.name())
    .bind(&key)
    .bind(event.at.0)
    .bind(data)
    .execute(db)
    .await?;
    touch(event.room, event.event.name(), &key, touched);
    if let (Room::Project(project), Event::AnalysisProgress(progress)) = (event.room, &event.event) {
        touched.progress.insert(progress.analysis, (project, progress.clone()));
    }
    Ok(())
}

pub(super) async fn remove(db: &mut SqliteConnection, room: Room, event: &str, key: &str) -> Result<()> {
    sqlx::query("DELETE FROM board WHERE room = ? AND event = ? AND key = ?")
        .bind(room.to_string())
        .bind(event)
        .bind(key)
        .execute(db)
        .await?;
    Ok(())
}

/// Who was here, by member.
pub(super) async fn presence(db: &mut SqliteConnection, room: Room) -> Result<Vec<Presence>> {
    let rows: Vec<String> = sqlx::query_scalar("SELECT data FROM board WHERE room = ? AND event = ?")
        .bind(room.to_string())
        .bind(PRESENCE)
        .fetch_all(db)
        .await?;
    rows.iter().map(|data| Ok(serde_json::from_str(data)?)).collect()
}

/// The last progress heard of an analysis.
pub(super) async fn progress(
    db: &mut SqliteConnection,
    room: Room,
    analysis: AnalysisId,
) -> Result<Option<AnalysisProgress>> {
    let data: Option<String> = sqlx::query_scalar("SELECT data FROM board WHERE room = ? AND event = ? AND key = ?")
        .bind(room.to_string())
        .bind(PROGRESS)
        .bind(analysis.to_string())
        .fetch_optional(db)
        .await?;
    Ok(data.map(|data| serde_json::from_str(&data)).transpose()?)
}

pub(super) async fn forget_presence(db: &mut SqliteConnection, room: Room, user: UserId) -> Result<()> {
    remove(db, room, PRESENCE, &user.to_string()).await
}

/// What of a `Latest` event is kept.
fn value(event: &Event) -> Result<Option<String>> {
    Ok(match event {
        Event::PresenceChanged(changed) => Some(serde_json::to_string(&changed.presence)?),
        Event::AnalysisProgress(progress) => Some(serde_json::to_string(progress)?),
        _ => None,
    })
}

fn touch(room: Room, event: &str, key: &str, touched: &mut Touched) {
    let Room::Project(project) = room else { return };
    match event {
        PRESENCE => {
            touched.people.insert(project);
        }
        PROGRESS => {
            // The percentage beside the project's name.
            touched.projects = true;
            if let Ok(analysis) = key.parse() {
                touched.progress.remove(&analysis);
            }
        }
        _ => {}
    }
}
