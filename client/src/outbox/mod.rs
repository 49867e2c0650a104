//! Durable commands waiting for the server: on disk before they are sent, in order, until they are answered and the
//! answer's event has arrived. [`window`] decides what is on its way at once.

pub(crate) mod window;

use watchbell_protocol::{Answer, ClientFrame, Command, CommandId, Delivery, Room, limits};

use crate::cache::{Cache, CacheError};

/// Commands that may wait …
const ROWS: u32 = 10_000;
/// … and their bytes.
const BYTES: u64 = 64 * 1024 * 1024;

/// Why a command was not queued.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Its frame is larger than the server takes.
    #[error("the command has {bytes} bytes, the server takes at most {max}")]
    TooLarge {
        /// Bytes it has.
        bytes: usize,
        /// Bytes it may have.
        max: usize,
    },
    /// Too many commands wait already.
    #[error("{rows} commands ({bytes} bytes) wait for the server already; connect first")]
    Full {
        /// Commands that wait.
        rows: u32,
        /// Their bytes.
        bytes: u64,
    },
    /// It is not a durable command.
    #[error("{0} is not a durable command")]
    NotDurable(&'static str),
    /// It makes no sense; the sentence says why.
    #[error("{0}")]
    Invalid(String),
    /// It could not be written down.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl From<sqlx::Error> for SendError {
    fn from(error: sqlx::Error) -> Self {
        Self::Cache(error.into())
    }
}

/// A command in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queued {
    /// Its place: commands are sent by it.
    pub(crate) n: i64,
    pub(crate) id: CommandId,
    pub(crate) frame: String,
    /// Whether nothing else may be on its way with it.
    pub(crate) alone: bool,
}

/// Writes a command down and syncs it to the disk.
pub(crate) async fn enqueue(
    cache: &Cache,
    id: CommandId,
    room: Option<Room>,
    command: &Command,
) -> Result<(), SendError> {
    if command.delivery() != Delivery::Durable {
        return Err(SendError::NotDurable(command.name()));
    }
    let frame = ClientFrame { id: Some(id), room, command: command.clone() };
    let text = serde_json::to_string(&frame).map_err(CacheError::from)?;
    if text.len() > limits::FRAME_BYTES {
        return Err(SendError::TooLarge { bytes: text.len(), max: limits::FRAME_BYTES });
    }
    let mut db = cache.writer().await?;
    // What the server sent can be sent again; what a person did cannot, so this one commit waits for the disk.
    sqlx::query("PRAGMA synchronous = FULL").execute(&mut *db).await?;
    let (rows, bytes): (u32, i64) =
        sqlx::query_as("SELECT count(*), coalesce(sum(bytes), 0) FROM outbox WHERE settled_room IS NULL")
            .fetch_one(&mut *db)
            .await?;
    let bytes = u64::try_from(bytes).unwrap_or(0);
    if rows >= ROWS || bytes + text.len() as u64 > BYTES {
        return Err(SendError::Full { rows, bytes });
    }
    sqlx::query("INSERT INTO outbox (id, room, name, bytes, alone, frame) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(id.to_string())
        .bind(room.map(|room| room.to_string()))
        .bind(command.name())
        .bind(text.len() as i64)
        .bind(window::goes_alone(command))
        .bind(&text)
        .execute(&mut *db)
        .await?;
    sqlx::query("PRAGMA synchronous = NORMAL").execute(&mut *db).await?;
    Ok(())
}

impl Cache {
    /// How many commands wait for an answer.
    pub(crate) async fn waiting(&self) -> Result<u32, CacheError> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM outbox WHERE settled_room IS NULL")
            .fetch_one(&mut *self.read().await?)
            .await?)
    }

    /// The next commands behind place `after`, in order.
    pub(crate) async fn queued(&self, after: i64, limit: usize) -> Result<Vec<Queued>, CacheError> {
        let rows: Vec<(i64, String, String, bool)> = sqlx::query_as(
            "SELECT n, id, frame, alone FROM outbox WHERE n > ? AND settled_room IS NULL ORDER BY n LIMIT ?",
        )
        .bind(after)
        .bind(limit as i64)
        .fetch_all(&mut *self.read().await?)
        .await?;
        let queued = |(n, id, frame, alone): (i64, String, String, bool)| {
            id.parse().ok().map(|id| Queued { n, id, frame, alone })
        };
        Ok(rows.into_iter().filter_map(queued).collect())
    }

    /// The server applied a command. It goes when the room has reached the answer's number: until then its effect
    /// would vanish from the screen and come back.
    pub(crate) async fn settle(&self, id: CommandId, answer: &Answer) -> Result<(), CacheError> {
        let mut tx = self.write().await?;
        let (room, seq) = (answer.room.map(|room| room.to_string()), answer.seq.map(|seq| seq.0));
        let settled = sqlx::query(
            "UPDATE outbox SET settled_room = ?1, settled_seq = ?2
             WHERE id = ?3 AND EXISTS (SELECT 1 FROM rooms WHERE room = ?1 AND seq < ?2)",
        )
        .bind(room)
        .bind(seq)
        .bind(id.to_string())
        .execute(&mut *tx)
        .await?;
        if settled.rows_affected() == 0 {
            sqlx::query("DELETE FROM outbox WHERE id = ?").bind(id.to_string()).execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The server refused a command for good: its name, if it was waiting here.
    pub(crate) async fn drop_command(&self, id: CommandId) -> Result<Option<String>, CacheError> {
        Ok(sqlx::query_scalar("DELETE FROM outbox WHERE id = ? RETURNING name")
            .bind(id.to_string())
            .fetch_optional(&mut *self.writer().await?)
            .await?)
    }

    /// Nobody listens to this room any more: what was answered is done.
    pub(crate) async fn forget_settled(&self, room: Room) -> Result<(), CacheError> {
        sqlx::query("DELETE FROM outbox WHERE settled_room = ?")
            .bind(room.to_string())
            .execute(&mut *self.writer().await?)
            .await?;
        Ok(())
    }
}
