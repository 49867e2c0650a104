//! A room on this server: the newest event that was sent out, the board, and who receives.
//!
//! A member that joins is registered first and reads the journal then; it goes live under the room's lock when it has
//! read up to what was sent out. So there is no gap, and no old value over a newer one.

use std::{collections::HashMap, sync::Arc};

use tungstenite::Utf8Bytes;
use watchbell_protocol::{Class, ConnectionId, Epoch, Position, Room, Seq, UserId};

use super::{
    Entry,
    board::{self, Board, Key},
    frames,
    streams::{Batching, Bundle, Gathering, Looking},
};
use crate::{
    clock::Moment,
    store::journal::Mark,
    tables::give_back,
    ws::{
        outbox::{Again, Outbox, Put},
        shared::Payload,
    },
};

/// Who receives, and how far it is.
#[derive(Debug)]
struct Member {
    outbox: Arc<Outbox>,
    user: Option<UserId>,
    admission: Admission,
    stage: Stage,
    looking: Looking,
}

/// Since which event somebody belongs to the room. A removal from before that, which is sent out late because another
/// process wrote it, does not remove them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    /// Not looked up yet; the newest removal that was sent out meanwhile.
    Unknown { removed: Seq },
    /// Since this event.
    Since(Seq),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It reads the journal by itself.
    Reading,
    /// It has, or will get from its outbox, everything up to this.
    Live(Mark),
}

/// What became of a wish to go live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landing {
    /// Live.
    Live,
    /// Something newer was sent out meanwhile: read on.
    Behind,
    /// It is no longer a member.
    Gone,
}

/// What became of a wish to look at other streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It looks at them now, and is this far in the room, if it is live.
    Changed {
        /// How far.
        at: Option<Position>,
    },
    /// It is not in the room, or looked at the same already.
    Unchanged,
}

#[derive(Debug)]
pub(super) struct LiveRoom {
    name: Room,
    epoch: Epoch,
    /// The newest event that was sent out since this room is in memory.
    head: Option<Mark>,
    board: Board,
    members: HashMap<ConnectionId, Member>,
    gathering: Gathering,
    /// Whether it was asked for to be woken when something that gathers is due.
    has_alarm: bool,
}

impl LiveRoom {
    pub(super) fn new(name: Room, epoch: Epoch) -> Self {
        Self {
            name,
            epoch,
            head: None,
            board: Board::default(),
            members: HashMap::new(),
            gathering: Gathering::default(),
            has_alarm: false,
        }
    }

    /// Whether it need not be remembered.
    pub(super) fn is_idle(&self) -> bool {
        self.members.is_empty() && self.board.is_empty()
    }

    pub(super) fn enter(
        &mut self,
        connection: ConnectionId,
        outbox: Arc<Outbox>,
        user: Option<UserId>,
        looking: Looking,
    ) {
        // Whoever enters again has an admission, until a newer one is looked up: lines go on meanwhile.
        let unknown = Admission::Unknown { removed: Seq::ZERO };
        let admission = self.members.get(&connection).map_or(unknown, |before| before.admission);
        outbox.reread(self.name);
        self.members.insert(connection, Member { outbox, user, admission, stage: Stage::Reading, looking });
    }

    /// Changes what a member looks at.
    pub(super) fn look(&mut self, connection: ConnectionId, looking: &Looking) -> Look {
        let member = self.members.get_mut(&connection).filter(|member| member.looking != *looking);
        let Some(member) = member else { return Look::Unchanged };
        member.looking = looking.clone();
        Look::Changed { at: self.position(connection) }
    }

    /// Notes since when a member belongs to the room; `false` if it was removed after that, or left.
    pub(super) fn admit(&mut self, connection: ConnectionId, since: Seq) -> bool {
        let Some(member) = self.members.get_mut(&connection) else { return false };
        if matches!(member.admission, Admission::Unknown { removed } if removed > since) {
            self.members.remove(&connection);
            return false;
        }
        member.admission = Admission::Since(since);
        true
    }

    /// `false` if it was no member.
    pub(super) fn leave(&mut self, connection: ConnectionId) -> bool {
        let Some(member) = self.members.remove(&connection) else { return false };
        give_back(&mut self.members);
        member.outbox.purge(self.name);
        true
    }

    /// Removes every connection of somebody, as the event `at` says, and tells them.
    pub(super) fn expel(&mut self, user: UserId, at: Seq) {
        for (_, member) in self.members.extract_if(|_, member| member.user == Some(user) && member.goes(at)) {
            member.outbox.purge(self.name);
            member.outbox.control(frames::left(self.name));
        }
    }

    /// Lets a member that fell behind read again; gives from where on. `None` if it is no member, or reads already.
    pub(super) fn read_again(&mut self, connection: ConnectionId) -> Option<Mark> {
        let member = self.members.get_mut(&connection)?;
        let from = match (member.outbox.take_behind(self.name)?, member.stage) {
            (Again::After(mark), _) | (Again::WhereItIs, Stage::Live(mark)) => mark,
            (Again::WhereItIs, Stage::Reading) => return None,
        };
        member.stage = Stage::Reading;
        Some(from)
    }

    /// Gives a page to a member that reads; `false` if it is no longer one.
    pub(super) fn page(&self, connection: ConnectionId, payload: Payload) -> bool {
        let Some(member) = self.members.get(&connection) else { return false };
        member.outbox.page(self.name, payload);
        true
    }

    /// Lets a member that has read up to `mark` go live: the board, then `caught_up`.
    pub(super) fn land(&mut self, connection: ConnectionId, mark: Mark) -> Landing {
        let Some(member) = self.members.get_mut(&connection) else { return Landing::Gone };
        if self.head.is_some_and(|head| head.seq > mark.seq) {
            return Landing::Behind;
        }
        let position = Position { epoch: self.epoch, seq: mark.seq, tag: mark.tag };
        for frame in self.board.frames(self.name) {
            member.outbox.board(self.name, frame);
        }
        member.outbox.has_all(self.name);
        member.outbox.about(self.name, frames::caught_up(self.name, position));
        member.stage = Stage::Live(mark);
        Landing::Live
    }

    /// How far a live member is: everything up to there is in its outbox or behind it.
    pub(super) fn position(&self, connection: ConnectionId) -> Option<Position> {
        match self.members.get(&connection)?.stage {
            Stage::Live(mark) => Some(Position { epoch: self.epoch, seq: mark.seq, tag: mark.tag }),
            Stage::Reading => None,
        }
    }

    /// Sends a durable event out. They come in order, each once.
    pub(super) fn publish(&mut self, entry: &Entry) {
        let mark = entry.mark;
        self.head = Some(mark);
        let ending = entry.event.event.closes().map(|(event, key)| Key::new(event, key));
        let closed = ending.filter(|key| self.board.remove(key));
        for member in self.members.values_mut() {
            let Stage::Live(at) = member.stage else {
                member.outbox.owes(self.name);
                continue;
            };
            if let Some(key) = &closed {
                member.outbox.withdraw(self.name, key);
            }
            if at.seq >= mark.seq {
                // It read this event from the journal before it was sent out, and the board after: the end is news.
                if let Some(key) = &closed {
                    member.outbox.about(self.name, frames::gone(self.name, key));
                }
            } else if at.seq.next() == mark.seq && member.outbox.event(self.name, at, entry.text.clone()) == Put::Waits
            {
                member.stage = Stage::Live(mark);
            } else {
                member.fall_behind(self.name, at, Class::Durable);
            }
        }
    }

    /// Puts a value on the board and sends it out.
    pub(super) fn set(&mut self, key: &Key, text: &Utf8Bytes) {
        self.board.set(key.clone(), text.clone());
        let name = self.name;
        self.each_live(|member| member.outbox.latest(name, key, text.clone()));
    }

    /// Changes several values and sends the change out, as one frame if that fits.
    pub(super) fn change(&mut self, values: Vec<(Key, Utf8Bytes, Lasts)>) {
        let texts: Vec<Utf8Bytes> = values.iter().map(|(_, text, _)| text.clone()).collect();
        for (key, text, lasts) in values {
            match lasts {
                Lasts::UntilReplaced => self.board.set(key, text),
                Lasts::NotAtAll => {
                    self.board.remove(&key);
                }
            }
        }
        let name = self.name;
        for diff in board::diffs(&texts) {
            self.each_live(|member| member.outbox.diff(name, diff.clone()));
        }
    }

    /// Takes a value from the board and tells so.
    pub(super) fn end(&mut self, key: &Key) {
        if !self.board.remove(key) {
            return;
        }
        let gone = frames::gone(self.name, key);
        for member in self.members.values().filter(|member| member.stage != Stage::Reading) {
            member.outbox.withdraw(self.name, key);
            member.outbox.about(self.name, gone.clone());
        }
    }

    /// Takes an event of a stream, encoded if anybody looks at that; gives when to come back for what waits, unless that
    /// was said before.
    pub(super) fn line(
        &mut self,
        stream: &str,
        now: Moment,
        batching: Batching,
        text: impl FnOnce() -> Utf8Bytes,
    ) -> Option<Moment> {
        if !self.members.values().any(|member| member.looks_at(stream)) {
            return None;
        }
        match self.gathering.add(stream, text(), now, batching) {
            Some(full) => self.send(&full),
            None if !self.has_alarm => return self.alarm(),
            None => {}
        }
        None
    }

    /// Sends out what of the streams is due; gives when to come back for what waits.
    pub(super) fn flush(&mut self, now: Moment) -> Option<Moment> {
        for due in self.gathering.take_due(now) {
            self.send(&due);
        }
        self.alarm()
    }

    fn alarm(&mut self) -> Option<Moment> {
        let due = self.gathering.due();
        self.has_alarm = due.is_some();
        due
    }

    /// Also to those who read: a stream is not in the journal, so it is nowhere else.
    fn send(&self, bundle: &Bundle) {
        for member in self.members.values().filter(|member| member.looks_at(&bundle.lines.stream)) {
            member.outbox.lines(self.name, &bundle.lines, &bundle.frame);
        }
    }

    /// Sends out what is kept nowhere.
    pub(super) fn pass(&self, send: impl Fn(&Outbox)) {
        self.members.values().filter(|member| member.stage != Stage::Reading).for_each(|member| send(&member.outbox));
    }

    fn each_live(&mut self, put: impl Fn(&Member) -> Put) {
        for member in self.members.values_mut() {
            if let Stage::Live(at) = member.stage
                && put(member) == Put::Full
            {
                member.fall_behind(self.name, at, Class::Latest);
            }
        }
    }
}

/// How long a changed value stays on the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// Until another comes.
    UntilReplaced,
    /// It is told and forgotten: somebody went offline.
    NotAtAll,
}

impl Member {
    /// Whether a removal by the event `at` means this membership.
    fn goes(&mut self, at: Seq) -> bool {
        match &mut self.admission {
            Admission::Unknown { removed } => {
                *removed = at;
                false
            }
            Admission::Since(admitted) => at > *admitted,
        }
    }

    /// Whether it may have the lines of a stream, and wants them.
    fn looks_at(&self, stream: &str) -> bool {
        matches!(self.admission, Admission::Since(_)) && self.looking.at(stream)
    }

    /// Something of this class did not fit: the room is read again, from the journal and the board.
    fn fall_behind(&mut self, room: Room, at: Mark, class: Class) {
        self.stage = Stage::Reading;
        self.outbox.behind(room, at, class);
    }
}
