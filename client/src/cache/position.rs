//! Where this device stands in each room's journal.

use std::collections::BTreeMap;

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use watchbell_protocol::{Epoch, Position, Room, Seq, Tag};

use super::{Cache, Result};

impl Cache {
    /// The position in one room.
    pub(crate) async fn position(&self, room: Room) -> Result<Option<Position>> {
        position(&mut *self.read().await?, room).await
    }

    /// The positions in all rooms.
    pub(crate) async fn positions(&self) -> Result<BTreeMap<Room, Option<Position>>> {
        let rows = sqlx::query("SELECT room, epoch, seq, tag FROM rooms").fetch_all(&mut *self.read().await?).await?;
        rows.iter()
            .filter_map(|row| match row.try_get::<String, _>("room") {
                Ok(room) => room.parse().ok().map(|room| Ok((room, from_row(row)?))),
                Err(error) => Some(Err(error.into())),
            })
            .collect()
    }
}

/// The position, as this transaction sees it.
pub(super) async fn position(db: &mut SqliteConnection, room: Room) -> Result<Option<Position>> {
    let row = sqlx::query("SELECT epoch, seq, tag FROM rooms WHERE room = ?")
        .bind(room.to_string())
        .fetch_optional(db)
        .await?;
    row.as_ref().map_or(Ok(None), from_row)
}

fn from_row(row: &SqliteRow) -> Result<Option<Position>> {
    let epoch: Option<u32> = row.try_get("epoch")?;
    let (seq, tag): (Option<i64>, Option<u32>) = (row.try_get("seq")?, row.try_get("tag")?);
    Ok(epoch.zip(seq).zip(tag).map(|((epoch, seq), tag)| Position {
        epoch: Epoch(epoch),
        seq: Seq(seq),
        tag: Tag(tag),
    }))
}

/// Moves on within an epoch, and lets go of commands whose effect has now arrived.
pub(super) async fn advance(db: &mut SqliteConnection, room: Room, seq: Seq, tag: Tag) -> Result<()> {
    sqlx::query("UPDATE rooms SET seq = ?, tag = ? WHERE room = ?")
        .bind(seq.0)
        .bind(tag.0)
        .bind(room.to_string())
        .execute(&mut *db)
        .await?;
    sqlx::query("DELETE FROM outbox WHERE settled_room = ? AND settled_seq <= ?")
        .bind(room.to_string())
        .bind(seq.0)
        .execute(db)
        .await?;
    Ok(())
}
