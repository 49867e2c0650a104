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

/// The ids of the journal rows of one transaction: read when it begins, counted here, and noted before it commits. The
/// transaction holds the writer all the time, so nobody else counts meanwhile. There are no holes: the follower takes one
/// for the rows of another process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    /// The newest row's before the transaction …
    before: i64,
    /// … and the last one that was given away. A savepoint that is rolled back gives its ids back.
    last: i64,
}

impl Ids {
    /// Begins to count, in a transaction that writes.
    pub(super) async fn open(conn: &mut Conn) -> sqlx::Result<Self> {
        let last = store::journal::last_id(conn).await?;
        Ok(Self { before: last, last })
    }

    /// The first of `count` ids in a row.
    fn draw(&mut self, count: usize) -> i64 {
        let first = self.last + 1;
        self.last += count as i64;
        first
    }

    /// Notes how far it has counted.
    pub(super) async fn close(self, conn: &mut Conn) -> sqlx::Result<()> {
        if self.last == self.before { Ok(()) } else { store::journal::set_last_id(conn, self.last).await }
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
    let mut id = ids.draw(drafts.len());
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
