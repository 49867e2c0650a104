//! The journal: durable events in order, and the head of each room.
//!
//! A row's `id` rises in commit order over all rooms and leaves none out, so that a follower sees every row by asking for
//! the ids after the last it knows; its `seq` is dense within its room.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use serde::Serialize;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use tungstenite::Utf8Bytes;
use watchbell_protocol::{Room, Seq, Tag, UnixMillis};

use super::{
    Conn, codec, list, portions,
    together::{Queue, Together, Wish},
};

/// Rows of a page, at most: more is not worth looking up ahead.
const PAGE_ROWS: i64 = 256;

/// One event in a room's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its place among the rows of all rooms.
    pub id: i64,
    /// Where.
    pub room: Room,
    /// Its number in the room.
    pub seq: Seq,
    /// Its mark.
    pub tag: Tag,
    /// The event as it travels.
    pub body: Utf8Bytes,
}

/// The number and mark of an event: a position without its epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The number.
    pub seq: Seq,
    /// The mark.
    pub tag: Tag,
}

/// The newest event of a room; zero for an empty journal.
pub async fn head(conn: &mut Conn, room: Room) -> sqlx::Result<Mark> {
    let row: Option<(i64, i64)> = sqlx::query_as("SELECT seq, tag FROM rooms WHERE room = $1")
        .bind(room.to_string())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|(seq, tag)| Mark { seq: Seq(seq), tag: Tag(tag as u32) }).unwrap_or_default())
}

/// Wished for: the newest event of a room, as [`head`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct HeadOf(pub Room);

impl Wish for HeadOf {
    type Found = Mark;

    fn queue(together: &Together) -> &Queue<Self> {
        &together.heads
    }

    async fn find(conn: &mut Conn, wishes: &BTreeSet<Self>) -> sqlx::Result<BTreeMap<Self, Mark>> {
        let heads: Vec<(Room, Seq, Tag)> = list(
            conn,
            "SELECT json_group_array(json_array(room, seq, tag)) AS list FROM rooms
             WHERE room IN (SELECT value FROM json_each($1))",
            wishes,
        )
        .await?;
        Ok(heads.into_iter().map(|(room, seq, tag)| (Self(room), Mark { seq, tag })).collect())
    }
}

/// The id of the newest row of all, as [`last_id`], and the newest event of each of these rooms, as [`head`].
pub async fn ends(conn: &mut Conn, rooms: &BTreeSet<Room>) -> sqlx::Result<(i64, BTreeMap<Room, Mark>)> {
    let row = sqlx::query(
        "SELECT meta.value AS last, (SELECT json_group_array(json_array(room, seq, tag)) FROM rooms
                                     WHERE room IN (SELECT value FROM json_each($1))) AS heads
         FROM meta WHERE key = 'journal'",
    )
    .bind(codec::to_json(rooms)?)
    .fetch_one(conn)
    .await?;
    let mut heads: BTreeMap<Room, Mark> = rooms.iter().map(|room| (*room, Mark::default())).collect();
    let found: Vec<(Room, i64, i64)> = codec::json(&row, "heads")?;
    heads.extend(found.into_iter().map(|(room, seq, tag)| (room, Mark { seq: Seq(seq), tag: Tag(tag as u32) })));
    Ok((row.try_get("last")?, heads))
}

/// Moves the heads of rooms to these events.
pub async fn set_heads(conn: &mut Conn, heads: &BTreeMap<Room, Mark>) -> sqlx::Result<()> {
    let heads: Vec<_> = heads.iter().collect();
    for part in portions(&heads) {
        let mut upsert = QueryBuilder::<Sqlite>::new("INSERT INTO rooms (room, seq, tag) ");
        upsert.push_values(part, |mut row, (room, head)| {
            row.push_bind(room.to_string()).push_bind(head.seq.0).push_bind(i64::from(head.tag.0));
        });
        upsert.push(" ON CONFLICT (room) DO UPDATE SET seq = excluded.seq, tag = excluded.tag");
        upsert.build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// The id of the newest row of all. It outlives the row.
pub async fn last_id(conn: &mut Conn) -> sqlx::Result<i64> {
    let (last,): (i64,) = sqlx::query_as("SELECT value FROM meta WHERE key = 'journal'").fetch_one(conn).await?;
    Ok(last)
}

/// Notes the id of the newest row of all. Whoever adds rows reads the one before in the same transaction that writes, so
/// that ids rise in commit order.
pub async fn set_last_id(conn: &mut Conn, last: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE meta SET value = $1 WHERE key = 'journal'").bind(last).execute(conn).await?;
    Ok(())
}

/// Adds rows, each with its time.
pub async fn insert(conn: &mut Conn, rows: &[(Row, UnixMillis)]) -> sqlx::Result<()> {
    for part in portions(rows) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO journal (id, room, seq, tag, at, body) ");
        insert.push_values(part, |mut values, (row, at)| {
            values.push_bind(row.id).push_bind(row.room.to_string()).push_bind(row.seq.0);
            values.push_bind(i64::from(row.tag.0)).push_bind(at.0).push_bind(row.body.as_str());
        });
        insert.build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// The mark of one event; `None` when it is no longer (or not yet) in the journal.
pub async fn tag_at(conn: &mut Conn, room: Room, seq: Seq) -> sqlx::Result<Option<Tag>> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT tag FROM journal WHERE room = $1 AND seq = $2")
        .bind(room.to_string())
        .bind(seq.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|(tag,)| Tag(tag as u32)))
}

/// Wished for: the mark of one event, as [`tag_at`]. As many as come back after a restart saw the same event last, often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagOf {
    /// Where.
    pub room: Room,
    /// Which.
    pub seq: Seq,
}

impl Wish for TagOf {
    type Found = Option<Tag>;

    fn queue(together: &Together) -> &Queue<Self> {
        &together.tags
    }

    async fn find(conn: &mut Conn, wishes: &BTreeSet<Self>) -> sqlx::Result<BTreeMap<Self, Option<Tag>>> {
        let wishes: BTreeSet<_> = wishes.iter().map(|wish| (wish.room, wish.seq)).collect();
        let tags: Vec<(Room, Seq, Tag)> = list(
            conn,
            "SELECT json_group_array(json_array(j.room, j.seq, j.tag)) AS list FROM json_each($1) AS wish
             JOIN journal j ON j.room = wish.value ->> 0 AND j.seq = wish.value ->> 1",
            &wishes,
        )
        .await?;
        Ok(tags.into_iter().map(|(room, seq, tag)| (Self { room, seq }, Some(tag))).collect())
    }
}

/// The first events of `room` after `after`, until they have `bytes` of text, and whether the journal ended with them.
pub async fn page(conn: &mut Conn, room: Room, after: Seq, bytes: usize) -> sqlx::Result<(Vec<Row>, bool)> {
    let mut coming = sqlx::query(
        "SELECT id, room, seq, tag, body FROM journal WHERE room = $1 AND seq > $2 ORDER BY seq LIMIT $3 + 0",
    )
    .bind(room.to_string())
    .bind(after.0)
    .bind(PAGE_ROWS)
    .fetch(conn);
    let (mut rows, mut length) = (Vec::new(), 0);
    while let Some(row) = coming.try_next().await? {
        let row = read(&row)?;
        length += row.body.as_str().len();
        rows.push(row);
        if length >= bytes || rows.len() as i64 == PAGE_ROWS {
            return Ok((rows, false));
        }
    }
    Ok((rows, true))
}

/// The first events of all rooms after the row `id`, at most `limit`.
pub async fn after_id(conn: &mut Conn, id: i64, limit: u32) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query("SELECT id, room, seq, tag, body FROM journal WHERE id > $1 ORDER BY id LIMIT $2 + 0")
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(conn)
        .await?;
    rows.iter().map(read).collect()
}

/// Deletes at most `limit` rows from before `before`; gives how many.
pub async fn prune(conn: &mut Conn, before: UnixMillis, limit: u32) -> sqlx::Result<u64> {
    let done =
        sqlx::query("DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE at < $1 ORDER BY at LIMIT $2 + 0)")
            .bind(before.0)
            .bind(i64::from(limit))
            .execute(conn)
            .await?;
    Ok(done.rows_affected())
}

/// Deletes what a room has beyond its newest `kept` rows: the oldest at most `limit` of one room; gives how many.
pub async fn prune_beyond(conn: &mut Conn, kept: u32, limit: u32) -> sqlx::Result<u64> {
    let full: Option<(String, i64, i64)> = sqlx::query_as(
        "SELECT room, head, oldest FROM (
             SELECT room, seq AS head, (SELECT min(seq) FROM journal WHERE journal.room = rooms.room) AS oldest
             FROM rooms WHERE seq > $1
         ) AS long WHERE oldest <= head - $1 LIMIT 1",
    )
    .bind(i64::from(kept))
    .fetch_optional(&mut *conn)
    .await?;
    let Some((room, head, oldest)) = full else { return Ok(0) };
    // From the oldest on without a gap, so that what is left has none either.
    let last = (head - i64::from(kept)).min(oldest + i64::from(limit) - 1);
    let done =
        sqlx::query("DELETE FROM journal WHERE room = $1 AND seq <= $2").bind(room).bind(last).execute(conn).await?;
    Ok(done.rows_affected())
}

fn read(row: &sqlx::sqlite::SqliteRow) -> sqlx::Result<Row> {
    Ok(Row {
        id: row.try_get("id")?,
        room: codec::parsed(row, "room")?,
        seq: Seq(row.try_get("seq")?),
        tag: Tag(codec::count(row, "tag")?),
        body: row.try_get::<String, _>("body")?.into(),
    })
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::UserId;

    use super::*;
    use crate::store::{FILE_NAME, Store};

    #[tokio::test]
    async fn beyond_its_number_a_room_loses_its_oldest_in_steps_and_what_is_left_has_no_gap() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(FILE_NAME)).await.unwrap();
        let mut tx = store.write().await.unwrap();
        let [long, other, short] = [(); 3].map(|()| Room::User(UserId::fresh()));
        let (mut rows, mut heads) = (Vec::new(), BTreeMap::new());
        for number in 1..=11 {
            for room in [long, other, short].into_iter().take(if number > 3 { 2 } else { 3 }) {
                let (id, mark) = (rows.len() as i64 + 1, Mark { seq: Seq(number), tag: Tag(0) });
                let row = Row { id, room, seq: mark.seq, tag: mark.tag, body: "".into() };
                rows.push((row, UnixMillis(id)));
                heads.insert(room, mark);
            }
        }
        insert(&mut tx, &rows).await.unwrap();
        set_heads(&mut tx, &heads).await.unwrap();
        let mut steps = Vec::new();
        loop {
            let deleted = prune_beyond(&mut tx, 4, 5).await.unwrap();
            for room in [long, other, short] {
                let (rows, _) = page(&mut tx, room, Seq::ZERO, usize::MAX).await.unwrap();
                let seqs: Vec<i64> = rows.iter().map(|row| row.seq.0).collect();
                let head = head(&mut tx, room).await.unwrap().seq.0;
                assert_eq!(seqs, (head + 1 - seqs.len() as i64..=head).collect::<Vec<_>>());
                assert!(seqs.len() >= 4.min(head as usize));
            }
            steps.push(deleted);
            if deleted == 0 {
                break;
            }
        }
        steps.sort_unstable();
        assert_eq!(steps, [0, 2, 2, 5, 5], "two rooms, each in two steps");
        assert_eq!(page(&mut tx, short, Seq::ZERO, usize::MAX).await.unwrap().0.len(), 3);
    }
}
