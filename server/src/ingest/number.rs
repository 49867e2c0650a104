//! Gives events their numbers, and writes them into the journal: all of a transaction at once, before it ends. Nothing
//! else numbers an event.

use std::collections::{BTreeMap, BTreeSet};

use watchbell_protocol::{Event, Room, RoomEvent, Seq, Tag, UnixMillis, event::Activity};

use crate::{
    domain::Draft,
    hub::{Entry, frames},
    store::{
        self, Conn,
        journal::{Mark, Row},
    },
};

/// The numbers that one transaction gives away. It holds the writer all the time, so nobody else counts meanwhile: what
/// was read once holds until it ends.
#[derive(Debug)]
pub(super) struct Numbers {
    /// The id of the newest row. There are no holes: the follower takes one for the rows of another process.
    last_id: i64,
    /// The heads that were looked up.
    found: BTreeMap<Room, Mark>,
    /// The heads of the rooms that got something.
    heads: BTreeMap<Room, Mark>,
    /// What is still to be written: the journal …
    rows: Vec<(Row, UnixMillis)>,
    /// … and the entries of feeds: each is nothing but its event.
    feed: Vec<Activity>,
}

impl Numbers {
    /// Begins to count, in a transaction that writes, most likely to these rooms.
    pub(super) async fn open(conn: &mut Conn, rooms: &BTreeSet<Room>) -> sqlx::Result<Self> {
        let (last_id, found) = store::journal::ends(conn, rooms).await?;
        Ok(Self { last_id, found, heads: BTreeMap::new(), rows: Vec::new(), feed: Vec::new() })
    }

    /// Numbers the drafts room by room, rooms in sorted order.
    pub(super) async fn number(
        &mut self,
        conn: &mut Conn,
        drafts: Vec<Draft>,
        now: UnixMillis,
    ) -> sqlx::Result<Vec<Entry>> {
        let mut rooms: BTreeMap<Room, Vec<Draft>> = BTreeMap::new();
        for draft in drafts {
            rooms.entry(draft.room).or_default().push(draft);
        }
        let mut entries = Vec::new();
        for (room, drafts) in rooms {
            let mut head = match self.heads.get(&room).or_else(|| self.found.get(&room)) {
                Some(head) => *head,
                None => store::journal::head(conn, room).await?,
            };
            for draft in drafts {
                head = Mark { seq: head.seq.next(), tag: Tag(rand::random()) };
                entries.push(self.add(conn, head, draft, now).await?);
            }
            self.heads.insert(room, head);
        }
        Ok(entries)
    }

    async fn add(&mut self, conn: &mut Conn, mark: Mark, draft: Draft, now: UnixMillis) -> sqlx::Result<Entry> {
        let Draft { room, origin, mut event } = draft;
        with_own_number(conn, room, mark.seq, &mut event).await?;
        let event = RoomEvent { room, seq: Some(mark.seq), tag: Some(mark.tag), at: now, origin, event };
        let text = frames::event(&event);
        if let Event::ActivityNew(new) = &event.event {
            self.feed.push(new.activity.clone());
        }
        self.last_id += 1;
        let row = Row { id: self.last_id, room, seq: mark.seq, tag: mark.tag, body: text.clone() };
        self.rows.push((row, now));
        Ok(Entry { id: self.last_id, mark, event, text })
    }

    /// Writes the journal, how far it goes, and the feeds.
    pub(super) async fn close(self, conn: &mut Conn) -> sqlx::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        store::journal::insert(conn, &self.rows).await?;
        store::activity::insert(conn, &self.feed).await?;
        store::journal::set_heads(conn, &self.heads).await?;
        store::journal::set_last_id(conn, self.last_id).await
    }
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
