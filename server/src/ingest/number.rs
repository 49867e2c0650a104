//! Gives events their numbers and writes them into the journal. Nothing else numbers an event.

use std::collections::BTreeMap;

use watchbell_protocol::{Event, Room, RoomEvent, Seq, Tag, UnixMillis};

use crate::{
    domain::Draft,
    hub::{Entry, frames},
    store::{
        self, Conn,
        journal::{Mark, Row},
    },
};

/// Ids of journal rows that one transaction has taken and not used. Taken outside of savepoints, whose end would give
/// them back; what is left over is nobody's.
#[derive(Debug, Default)]
pub(super) struct Ids {
    next: i64,
    end: i64,
}

impl Ids {
    /// Takes ids for `jobs` at once, as many as most of them need.
    pub(super) async fn take(conn: &mut Conn, jobs: usize) -> sqlx::Result<Self> {
        let count = jobs * 4;
        let end = store::journal::take_ids(conn, count).await? + 1;
        Ok(Self { next: end - count as i64, end })
    }

    /// The first of `count` ids in a row.
    async fn draw(&mut self, conn: &mut Conn, count: usize) -> sqlx::Result<i64> {
        let (first, after) = (self.next, self.next + count as i64);
        if after <= self.end {
            self.next = after;
            return Ok(first);
        }
        // What is left is lower than what comes now: ids rise within a transaction too.
        *self = Self::default();
        Ok(store::journal::take_ids(conn, count).await? + 1 - count as i64)
    }
}

/// Numbers the drafts room by room, rooms in sorted order, and writes them into the journal.
pub(super) async fn number(
    conn: &mut Conn,
    ids: &mut Ids,
    drafts: Vec<Draft>,
    now: UnixMillis,
) -> sqlx::Result<Vec<Entry>> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let mut id = ids.draw(conn, drafts.len()).await?;
    let mut rooms: BTreeMap<Room, Vec<Draft>> = BTreeMap::new();
    for draft in drafts {
        rooms.entry(draft.room).or_default().push(draft);
    }
    let mut entries = Vec::new();
    for (room, drafts) in rooms {
        let tags: Vec<Tag> = drafts.iter().map(|_| Tag(rand::random())).collect();
        let last = tags.last().copied().unwrap_or_default();
        let head = store::journal::advance(conn, room, drafts.len(), last).await?;
        let mut seq = Seq(head.0 - drafts.len() as i64);
        for (draft, tag) in drafts.into_iter().zip(tags) {
            seq = seq.next();
            entries.push(write(conn, id, Mark { seq, tag }, draft, now).await?);
            id += 1;
        }
    }
    Ok(entries)
}

async fn write(conn: &mut Conn, id: i64, mark: Mark, draft: Draft, now: UnixMillis) -> sqlx::Result<Entry> {
    let Draft { room, origin, mut event } = draft;
    with_own_number(conn, room, mark.seq, &mut event).await?;
    let event = RoomEvent { room, seq: Some(mark.seq), tag: Some(mark.tag), at: now, origin, event };
    let text = frames::event(&event);
    let row = Row { id, room, seq: mark.seq, tag: mark.tag, body: text.as_str().to_owned() };
    store::journal::insert(conn, &row, now).await?;
    Ok(Entry { id, mark, event, text })
}

/// Two rows of the state carry the number of the event that made them, so they are written here: a notification, and a
/// membership.
async fn with_own_number(conn: &mut Conn, room: Room, seq: Seq, event: &mut Event) -> sqlx::Result<()> {
    match (room, event) {
        (Room::User(member), Event::NotificationNew(new)) => {
            new.notification.seq = seq;
            store::notification::insert(conn, member, &new.notification).await
        }
        (Room::Project(project), Event::ProjectMemberAdded(added)) => {
            store::project::admit(conn, project, added.member.user, added.member.role, seq).await
        }
        _ => Ok(()),
    }
}
