//! What waits to go to one receiver: bounded in number and bytes, and the delivery class alone decides what happens
//! when it is full.
//!
//! - `Durable`: not taken; the receiver goes back to paging that room's journal.
//! - `Latest`: replaces the waiting value of its key in place. When a new key does not fit, the receiver goes back to
//!   paging as well, for the board comes with that.
//! - `Stream`: the oldest waiting lines go, and the gap is counted and told.
//! - `Signal`: dropped.
//!
//! A receiver that is late, because a write has been under way for long, is given less: signals and lines go, and what of
//! a room can be read again is taken back, to be read when the receiver takes something. It may be late for ever, for that
//! costs little; but not when something durable waits for it.
//!
//! Control texts (answers, pages, boards) always fit: whoever puts them bounds how many there are.

mod seen;
mod slot;
mod tally;
mod turn;
mod waiting;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;
use tungstenite::Utf8Bytes;
use watchbell_protocol::{Class, CloseCode, Room};

pub use self::turn::Express;
use self::{
    slot::Slot,
    waiting::{End, Waiting},
};
use super::shared::{Packing, Payload, Shared};
use crate::{
    hub::{Lines, board::Key},
    metrics::Deliveries,
    store::journal::Mark,
};

/// About how much goes out in one write. A receiver that takes nothing holds as much beside what waits.
const WRITE_BYTES: usize = 16 * 1024;
/// Events that may wait.
const ITEMS: usize = 512;
/// Bytes of events that may wait. The texts are shared with the other receivers.
const BYTES: usize = 256 * 1024;
/// Events that may wait for a receiver that is late …
const LATE_ITEMS: usize = 96;
/// … and bytes of anything. With what is being written, the places of the queue and the names of the values, that makes
/// less than 64 KiB, though other receivers share the texts and names.
const LATE_BYTES: usize = 28 * 1024;
/// Bytes of what must not be lost beyond which a page waits, or a board.
const PAGE_AFTER: usize = 8 * 1024;
/// Bytes of anything beyond which nothing more is taken from the other side: it would only cause more answers.
const HEAVY: usize = 2 * BYTES;

/// Whether something found room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Put {
    /// It waits.
    Waits,
    /// It did not fit and was not taken.
    Full,
}

/// From where on a room is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// After this event.
    After(Mark),
    /// From where the receiver is: only values of the board were taken back.
    WhereItIs,
}

/// One thing to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Out {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Packed(Bytes),
    /// A ping.
    Ping,
    /// A frame that the protocol itself answers with, whole: of what carries the frames, not of the session.
    Reply(Bytes),
}

/// What goes out at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// In this order. Most of the time it is one.
    pub outs: SmallVec<[Out; 1]>,
    /// This reason is told after that.
    pub close: Option<CloseCode>,
    /// The connection ends after that.
    pub is_last: bool,
    /// Some of it must not be lost.
    pub is_owed: bool,
}

/// What waits to go to one receiver.
pub struct Outbox {
    waiting: Mutex<Waiting>,
    /// The way out beside the connection's own task, if there is one.
    express: Option<Express>,
    packing: Packing,
    counted: Arc<Deliveries>,
    /// Something for the connection's own task to write.
    written: Notify,
    /// Something of much was taken, or taken back, or a write that was late is done: for whoever has a page.
    taken: Notify,
    /// The same, for whoever would cause more.
    lightened: Notify,
    /// A room fell behind.
    fell_behind: Notify,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl Outbox {
    /// Empty; what becomes of everything is counted.
    pub fn new(counted: Arc<Deliveries>) -> Self {
        Self {
            waiting: Mutex::default(),
            express: None,
            packing: Packing::None,
            counted,
            written: Notify::new(),
            taken: Notify::new(),
            lightened: Notify::new(),
            fell_behind: Notify::new(),
        }
    }

    /// For a receiver with whom this was agreed on.
    #[must_use]
    pub fn with(mut self, packing: Packing) -> Self {
        self.packing = packing;
        self
    }

    /// What rooms put is written by others than the connection's own task, most of the time.
    #[must_use]
    pub fn by(mut self, express: Express) -> Self {
        self.express = Some(express);
        self
    }

    /// What was agreed on with the receiver.
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// A durable event, for a receiver that is at `after`.
    pub fn event(&self, room: Room, after: Mark, text: Utf8Bytes) -> Put {
        self.add(Slot::Durable { room, after, text })
    }

    /// A change of the board in several keys: it must not be missed either.
    pub fn diff(&self, room: Room, text: Utf8Bytes) -> Put {
        self.add(Slot::Diff { room, text })
    }

    /// The latest value of a key.
    pub fn latest(&self, room: Room, key: &Key, text: Utf8Bytes) -> Put {
        self.put_by_room(|waiting| waiting.latest(room, key, text))
    }

    /// A frame with these lines of a stream.
    pub fn lines(&self, room: Room, lines: &Arc<Lines>, frame: &Shared) {
        let payload = frame.payload(self.packing);
        self.put_by_room(|waiting| waiting.lines(room, lines, payload));
    }

    /// A signal.
    pub fn signal(&self, room: Room, text: Utf8Bytes) {
        if self.add(Slot::Signal { room, text }) == Put::Full {
            self.counted.dropped_signals.increment(1);
        }
    }

    /// An answer, or a frame about the connection.
    pub fn control(&self, text: Utf8Bytes) {
        self.change(|waiting| waiting.push(Slot::Control { room: None, payload: text.into() }));
        self.written.notify_one();
    }

    /// A frame about a room.
    pub fn about(&self, room: Room, text: Utf8Bytes) {
        self.about_room(room, text.into());
    }

    /// A board.
    pub fn board(&self, room: Room, frame: &Shared) {
        self.about_room(room, frame.payload(self.packing));
    }

    /// A page, as it was agreed on with the receiver.
    pub fn page(&self, room: Room, payload: Payload) {
        self.about_room(room, payload);
    }

    fn about_room(&self, room: Room, payload: Payload) {
        self.change(|waiting| waiting.push(Slot::Control { room: Some(room), payload }));
        self.written.notify_one();
    }

    /// The heads of the rooms, in the place of those that wait.
    pub fn heads(&self, text: Utf8Bytes) {
        self.change(|waiting| waiting.heads(text));
        self.written.notify_one();
    }

    /// A ping.
    pub fn ping(&self) {
        self.waiting.lock().ping();
        self.written.notify_one();
    }

    /// A frame that the protocol itself answers with.
    pub fn reply(&self, frame: Bytes) {
        self.change(|waiting| waiting.reply(frame));
        self.written.notify_one();
    }

    /// Takes back the waiting value of a key that has ended.
    pub fn withdraw(&self, room: Room, key: &Key) {
        self.change(|waiting| waiting.withdraw(room, key));
    }

    /// Takes back what of a room is read again: everything but lines.
    pub fn reread(&self, room: Room) {
        self.change(|waiting| waiting.reread(room));
    }

    /// Takes back everything of a room.
    pub fn purge(&self, room: Room) {
        self.change(|waiting| waiting.purge(room));
    }

    /// Notes that a room has to be read again after `at`, for something of this class did not fit.
    pub fn behind(&self, room: Room, at: Mark, class: Class) {
        self.waiting.lock().behind(room, at, class);
        self.counted.fell_behind.increment(1);
        self.fell_behind.notify_one();
    }

    /// A durable event of a room that is being read waits in the journal.
    pub fn owes(&self, room: Room) {
        self.waiting.lock().owed.insert(room);
    }

    /// Everything of a room that was read is here.
    pub fn has_all(&self, room: Room) {
        self.waiting.lock().owed.remove(&room);
    }

    /// Ends the connection after what waits. The first reason counts.
    pub fn close(&self, code: CloseCode) {
        self.waiting.lock().end.get_or_insert(End::Close(code));
        self.written.notify_one();
    }

    /// Ends the connection after what waits, without a word: the other side has said goodbye.
    pub fn leave(&self) {
        self.waiting.lock().end.get_or_insert(End::Leave);
        self.written.notify_one();
    }

    /// A write has been under way for long.
    pub fn late(&self) {
        if self.change(Waiting::late) {
            self.counted.fell_behind.increment(1);
            self.fell_behind.notify_one();
        }
    }

    /// Whether anything waits that must not be lost.
    pub fn is_owed(&self) -> bool {
        self.waiting.lock().is_owed()
    }

    /// Takes up to about `bytes` of what waits, if anything does.
    #[cfg(test)]
    pub(crate) fn take(&self, bytes: usize) -> Batch {
        self.change(|waiting| waiting.take(bytes))
    }

    /// Whether so little waits that more may be caused.
    pub fn is_light(&self) -> bool {
        self.waiting.lock().all_bytes <= HEAVY
    }

    /// Waits until it does.
    pub async fn light(&self) {
        while !self.is_light() {
            self.lightened.notified().await;
        }
    }

    /// Waits until so little waits that a page may join it: small ones go out together. A receiver that is late gets none,
    /// nor a board, until it has taken what is being written.
    pub async fn room_for_page(&self) {
        while !self.waiting.lock().has_room_for_page() {
            self.taken.notified().await;
        }
    }

    /// Waits until a room fell behind.
    pub async fn next_behind(&self) -> Room {
        loop {
            if let Some((room, _)) = self.waiting.lock().behind.first_key_value() {
                return *room;
            }
            self.fell_behind.notified().await;
        }
    }

    /// Whether there is a note that a room fell behind.
    pub fn is_behind(&self, room: Room) -> bool {
        self.waiting.lock().behind.contains_key(&room)
    }

    /// Takes the note that a room fell behind, if there is one: what comes of it from now on is taken again.
    pub fn take_behind(&self, room: Room) -> Option<Again> {
        self.waiting.lock().behind.remove(&room)
    }

    fn add(&self, slot: Slot) -> Put {
        self.put_by_room(|waiting| waiting.add(slot))
    }

    /// Changes what waits, and counts what that did.
    fn change<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        let mut waiting = self.waiting.lock();
        let before = waiting.all_bytes;
        let changed = change(&mut waiting);
        let (after, tally) = (waiting.all_bytes, std::mem::take(&mut waiting.tally));
        drop(waiting);
        if after != before {
            self.counted.queue_bytes.increment(after as f64 - before as f64);
        }
        // With less before, nobody waited for that; for the end of a late write, they are told when it is written.
        if after < before && before > PAGE_AFTER {
            self.taken.notify_one();
            self.lightened.notify_one();
        }
        tally.add_to(&self.counted);
        changed
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.counted.queue_bytes.decrement(self.waiting.get_mut().all_bytes as f64);
    }
}

#[cfg(test)]
mod late_tests;
#[cfg(test)]
mod tests;
