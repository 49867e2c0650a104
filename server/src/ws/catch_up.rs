//! Brings a connection up to date in a room, at the pace of its socket: what was missed, then the board, then live.
//!
//! No live events queue up meanwhile: the journal keeps them. A page goes out when little is left of the one before.

pub mod pages;

use std::{future::Future, sync::Arc};

use tungstenite::Utf8Bytes;
use watchbell_protocol::{
    Answer, ConnectionId, ErrorCode, Position, Room, Seq, ServerFrame, StateItem, StatePage, Tag, WireError,
    command::RoomJoin,
    frame::{Resync, ResyncReason},
};

use self::pages::{Page, Then, Wanted};
use super::{
    outbox::{Again, Outbox},
    shared::Shared,
};
use crate::{
    App,
    auth::{
        Principal,
        policy::{self, Place, Standing},
    },
    hub::{Landing, Look, Looking, frames},
    ingest,
    metrics::Join,
    store::{
        self, Conn,
        journal::{HeadOf, Mark, TagOf},
        project::{Membership, StandingOf},
        state::Cursor,
    },
};

/// About how large a frame of a page may get, and a page of the journal. Whoever takes nothing holds one that is being
/// written, and one that waits.
const PAGE_BYTES: usize = 16 * 1024;

/// A connection that reads.
pub struct Reader {
    /// The shared parts.
    pub app: App,
    /// Which connection.
    pub connection: ConnectionId,
    /// Where its pages go.
    pub outbox: Arc<Outbox>,
}

/// From where the journal is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// After this event. The head, if it was looked up since the connection is registered.
    After { at: Mark, head: Option<Mark> },
    /// From the head, with the state before.
    State(Resync),
}

impl Start {
    /// Whether there is something that the receiver must not miss, as far as is known.
    fn is_behind(&self) -> bool {
        match self {
            Self::After { at, head } => head.is_some_and(|head| head.seq > at.seq),
            Self::State(_) => true,
        }
    }
}

/// Why joining came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Refused(#[from] WireError),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// It left, or was removed, meanwhile.
    #[error("no longer in the room")]
    Gone,
}

impl Reader {
    /// `room:join`. The answer, which carries the head, comes after `caught_up`. Whoever is in the room and only looks at
    /// other streams now goes on from where it is.
    pub async fn join(&self, principal: &Principal, room: Room, asked: RoomJoin) -> Result<Answer, WireError> {
        let RoomJoin { since, streams } = asked;
        let looking = Looking::from(streams);
        if let Look::Changed { at } = self.app.hub.look(room, self.connection, &looking) {
            return Ok(Answer { room: Some(room), seq: at.map(|at| at.seq), started: None });
        }
        // Registered before anything is read: what is sent out from now on is noticed.
        self.app.hub.enter(room, self.connection, self.outbox.clone(), principal.user(), looking);
        let joined = async {
            let start = self.start(principal, room, since).await?;
            if start.is_behind() {
                // Also while nothing of it waits in the outbox: pages wait for a receiver that is late.
                self.outbox.owes(room);
            }
            self.read(room, start).await
        };
        joined.await.map(|mark| Answer { room: Some(room), seq: Some(mark.seq), started: None }).map_err(|failure| {
            self.app.hub.leave(room, self.connection);
            match failure {
                Failure::Refused(error) => error,
                Failure::Gone => left_before(),
                Failure::Store(error) => {
                    tracing::error!(%error, connection.id = %self.connection, room.id = %room, "a room could not be joined");
                    WireError::new(ErrorCode::Unavailable, "the server failed; join again").retry_after_ms(1000)
                }
            }
        })
    }

    /// Reads on after a live connection fell behind. `false` if that failed: it has to come back by its position.
    pub async fn resume(&self, room: Room, after: Mark) -> bool {
        match self.read(room, Start::After { at: after, head: None }).await {
            Ok(_) | Err(Failure::Gone) => true,
            Err(failure) => {
                tracing::error!(%failure, connection.id = %self.connection, room.id = %room, "a slow receiver could not be brought up to date");
                false
            }
        }
    }

    /// Authorises, and finds out from where to read.
    async fn start(&self, principal: &Principal, room: Room, since: Option<Position>) -> Result<Start, Failure> {
        let (standing, admitted, head) = self.standing(principal, room).await?;
        policy::may_join(principal, room, standing)?;
        if !self.app.hub.admit(room, self.connection, admitted) {
            return Err(Failure::Gone);
        }
        let unusable = match since {
            None => Some(ResyncReason::New),
            Some(since) => self.unusable(room, since, head, admitted).await?,
        };
        self.app.metrics.joins.count(unusable.map_or(Join::Resumed, Join::from));
        Ok(match (unusable, since) {
            (None, Some(since)) => Start::After { at: Mark { seq: since.seq, tag: since.tag }, head: Some(head) },
            (reason, _) => self.resync(reason.unwrap_or(ResyncReason::New), head),
        })
    }

    /// What somebody is in a room's project, since which event, and the room's head.
    async fn standing(&self, principal: &Principal, room: Room) -> sqlx::Result<(Standing, Seq, Mark)> {
        let store = &self.app.store;
        if let (Room::Project(project), Some(member)) = (room, principal.user()) {
            let (membership, head) = store.find(StandingOf { member, project }).await?;
            let of_member = |membership: Membership| (Standing::Member(membership.role), membership.admitted);
            let (standing, admitted) = membership.map_or((Standing::Stranger, Seq::ZERO), of_member);
            return Ok((standing, admitted, head));
        }
        let standing = match room {
            Room::Project(project) => ingest::without_membership(principal, Place::Project(project)),
            Room::User(_) | Room::Session(_) => Standing::Stranger,
        };
        Ok((standing, Seq::ZERO, store.find(HeadOf(room)).await?))
    }

    /// Why a position cannot be served, if it cannot.
    async fn unusable(
        &self,
        room: Room,
        since: Position,
        head: Mark,
        admitted: Seq,
    ) -> sqlx::Result<Option<ResyncReason>> {
        if since.epoch != self.app.store.epoch() {
            return Ok(Some(ResyncReason::OtherEpoch));
        }
        if since.seq > head.seq || since.seq < Seq::ZERO {
            return Ok(Some(ResyncReason::Diverged));
        }
        if since.seq < admitted {
            return Ok(Some(ResyncReason::Readmitted));
        }
        let tag_at = |seq| self.app.store.find(TagOf { room, seq });
        let kept = match since.seq {
            seq if seq == head.seq => Some(head.tag),
            Seq::ZERO => tag_at(Seq(1)).await?.map(|_| Tag::default()),
            seq => tag_at(seq).await?,
        };
        Ok(match kept {
            None => Some(ResyncReason::TooOld),
            Some(tag) if tag != since.tag => Some(ResyncReason::Diverged),
            Some(_) => None,
        })
    }

    /// Reads up to what was sent out, and lands.
    async fn read(&self, room: Room, start: Start) -> Result<Mark, Failure> {
        let mut start = start;
        loop {
            let (mut at, head) = match start {
                Start::After { at, head } => (at, head),
                Start::State(resync) => {
                    let head = Mark { seq: resync.head.seq, tag: resync.head.tag };
                    self.state(room, head, &text(&ServerFrame::Resync { room, resync })).await?;
                    (head, Some(head))
                }
            };
            match self.journal(room, &mut at, head).await? {
                Read::Landed => return Ok(at),
                Read::Pruned(head) => start = self.resync(ResyncReason::TooOld, head),
            }
        }
    }

    /// Reads the journal in pages until the connection is live. Whoever has everything up to a head that was looked up
    /// after it was registered need not read more: what came later was sent out later, and landing notices that.
    async fn journal(&self, room: Room, at: &mut Mark, mut head: Option<Mark>) -> Result<Read, Failure> {
        let mut has_all = head.is_some_and(|head| head.seq <= at.seq);
        loop {
            self.outbox.room_for_page().await;
            // What waited from before was taken back meanwhile: it is read again too.
            if let Some(Again::After(mark)) = self.outbox.take_behind(room) {
                (*at, has_all, head) = (mark, false, None);
            }
            if has_all {
                match self.app.hub.land(room, self.connection, *at) {
                    Landing::Live => return Ok(Read::Landed),
                    Landing::Gone => return Err(Failure::Gone),
                    // What was read for others does not reach so far.
                    Landing::Behind => head = None,
                }
            }
            let page = match head {
                // As many as come back after a restart were live at the same event, often.
                Some(head) => self.shared(Wanted::Journal { room, head, after: *at }, self.rows(room, *at)).await?,
                None => Arc::new(self.rows(room, *at).await?),
            };
            if self.outbox.is_behind(room) {
                continue;
            }
            for frame in &page.frames {
                self.send(room, frame)?;
            }
            (*at, has_all) = match page.then {
                Then::Journal(last) => (last, false),
                Then::EndOfJournal(last) => (last, true),
                Then::Pruned(head) => return Ok(Read::Pruned(head)),
                Then::State(_) | Then::EndOfState => (*at, true),
            };
        }
    }

    /// A page of the journal.
    async fn rows(&self, room: Room, at: Mark) -> sqlx::Result<Page> {
        let mut conn = self.app.store.look().await?;
        let (rows, is_end) = store::journal::page(&mut conn, room, at.seq, PAGE_BYTES).await?;
        if let Some(head) = pruned(&mut conn, room, at, &rows).await? {
            return Ok(Page { frames: Vec::new(), then: Then::Pruned(head) });
        }
        let last = rows.last().map_or(at, |row| Mark { seq: row.seq, tag: row.tag });
        let then = if is_end { Then::EndOfJournal(last) } else { Then::Journal(last) };
        let texts: Vec<Utf8Bytes> = rows.into_iter().map(|row| row.body).collect();
        let frame = (!texts.is_empty()).then(|| frames::batch(&texts).into());
        Ok(Page { frames: frame.into_iter().collect(), then })
    }

    /// Sends the state in pages, frame by frame, as the receiver takes them. What announces them goes out with the first.
    async fn state(&self, room: Room, head: Mark, resync: &Shared) -> Result<(), Failure> {
        let mut announced = Some(resync);
        let mut cursor = Cursor::first(room);
        while let Some(at) = cursor {
            let page = match room {
                Room::Project(_) => {
                    self.shared(Wanted::State { room, head, at: at.clone() }, self.items(room, at)).await?
                }
                // One member's own: hardly anybody else wants it.
                Room::User(_) | Room::Session(_) => Arc::new(self.items(room, at).await?),
            };
            for frame in announced.take().into_iter().chain(&page.frames) {
                self.outbox.room_for_page().await;
                self.send(room, frame)?;
            }
            cursor = if let Then::State(next) = &page.then { Some(next.clone()) } else { None };
        }
        let last = text(&ServerFrame::State { room, state: StatePage { items: Vec::new(), last: true } });
        announced.into_iter().chain([&last]).try_for_each(|frame| self.send(room, frame))
    }

    /// A page of the state.
    async fn items(&self, room: Room, at: Cursor) -> sqlx::Result<Page> {
        let (items, next) = at.page(&self.app.store, self.app.clock.now()).await?;
        let items: Vec<Utf8Bytes> = items.into_iter().map(|item| self.encoded(item)).collect();
        let frame = |page: &Vec<Utf8Bytes>| {
            let text = format!(r#"{{"room":"{room}","state":{{"items":{},"last":false}}}}"#, frames::list(page));
            Shared::from(Utf8Bytes::from(text))
        };
        Ok(Page { frames: pages(items).iter().map(frame).collect(), then: next.map_or(Then::EndOfState, Then::State) })
    }

    /// A page that others may want as well.
    async fn shared(&self, wanted: Wanted, read: impl Future<Output = sqlx::Result<Page>>) -> sqlx::Result<Arc<Page>> {
        self.app.pages.get(wanted, self.app.clock.moment(), read).await
    }

    fn encoded(&self, mut item: StateItem) -> Utf8Bytes {
        if let StateItem::Member(member) = &mut item
            && self.app.presences.is_here(member.user)
        {
            member.last_seen = None;
        }
        serde_json::to_string(&item).expect("a state item is plain JSON: string keys and plain values").into()
    }

    fn send(&self, room: Room, frame: &Shared) -> Result<(), Failure> {
        // Packed before the room is worked on: everybody in it would wait for that.
        let payload = frame.payload(self.outbox.packing());
        self.app.hub.page(room, self.connection, payload).then_some(()).ok_or(Failure::Gone)
    }

    fn resync(&self, reason: ResyncReason, head: Mark) -> Start {
        let head = Position { epoch: self.app.store.epoch(), seq: head.seq, tag: head.tag };
        Start::State(Resync { reason, head })
    }
}

fn text(frame: &ServerFrame) -> Shared {
    Utf8Bytes::from(frame.to_text()).into()
}

/// The answer to a join that was overtaken by a leave.
pub(super) fn left_before() -> WireError {
    WireError::new(ErrorCode::Forbidden, "left before it was caught up").at("room")
}

enum Read {
    Landed,
    /// The journal no longer reaches back to where the reader is; its head.
    Pruned(Mark),
}

/// The head, if something is missing between `at` and the rows that were read after it, or behind it where none were.
async fn pruned(conn: &mut Conn, room: Room, at: Mark, rows: &[store::journal::Row]) -> sqlx::Result<Option<Mark>> {
    // Also in the middle: pruning goes by time, and a clock may once have run backwards.
    let dense = std::iter::successors(Some(at.seq.next()), |seq| Some(seq.next()));
    if !rows.is_empty() && rows.iter().zip(dense).all(|(row, seq)| row.seq == seq) {
        return Ok(None);
    }
    let head = store::journal::head(conn, room).await?;
    // What is there now was written after the rows were read.
    let is_new = rows.is_empty() && store::journal::tag_at(conn, room, at.seq.next()).await?.is_some();
    Ok((head.seq > at.seq && !is_new).then_some(head))
}

/// Cuts into pages of about `PAGE_BYTES`, each with at least one.
fn pages(all: Vec<Utf8Bytes>) -> Vec<Vec<Utf8Bytes>> {
    let mut pages: Vec<Vec<Utf8Bytes>> = Vec::new();
    let mut bytes = 0;
    for one in all {
        let more = one.len();
        match pages.last_mut() {
            Some(page) if bytes + more <= PAGE_BYTES => page.push(one),
            _ => {
                pages.push(vec![one]);
                bytes = 0;
            }
        }
        bytes += more;
    }
    pages
}
