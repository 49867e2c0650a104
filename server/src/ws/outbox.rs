//! What waits to go to one receiver: bounded in number and bytes, and the delivery class alone decides what happens
//! when it is full.
//!
//! - `Durable`: not taken; the receiver goes back to paging that room's journal.
//! - `Latest`: replaces the waiting value of its key in place. When a new key does not fit, the receiver goes back to
//!   paging as well, for the board comes with that.
//! - `Stream`: the oldest waiting lines go, and the gap is counted and told.
//! - `Signal`: dropped.
//!
//! Control texts (answers, pages, boards) always fit: whoever puts them bounds how many there are.

mod tally;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::Arc,
};

use axum::extract::ws::Utf8Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use watchbell_protocol::{Class, CloseCode, Room, ServerFrame, frame::Gap};

use self::tally::Tally;
use crate::{hub::board::Key, metrics::Deliveries, store::journal::Mark};

/// Events that may wait.
const ITEMS: usize = 512;
/// Bytes of events that may wait. The texts are shared with the other receivers.
const BYTES: usize = 256 * 1024;
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

/// One thing to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Out {
    /// A text frame.
    Text(Utf8Bytes),
    /// A ping.
    Ping,
}

/// What goes out at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// In this order.
    pub outs: Vec<Out>,
    /// The connection ends after that.
    pub close: Option<CloseCode>,
}

/// What waits to go to one receiver.
pub struct Outbox {
    waiting: Mutex<Waiting>,
    counted: Arc<Deliveries>,
    /// Something to write.
    written: Notify,
    /// Something was taken.
    taken: Notify,
    /// The same, for whoever waits for less to wait.
    lightened: Notify,
    /// A room fell behind.
    fell_behind: Notify,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Waiting {
    slots: VecDeque<Slot>,
    /// How many slots were taken before the first of `slots`: numbers of slots stay while others leave.
    taken: u64,
    latest: HashMap<(Room, Key), u64>,
    /// Of events; control texts don't count.
    items: usize,
    bytes: usize,
    /// Bytes of everything.
    all_bytes: usize,
    gaps: BTreeMap<(Room, String), u64>,
    behind: BTreeMap<Room, Mark>,
    close: Option<CloseCode>,
    /// What happened and is not counted yet.
    tally: Tally,
}

#[derive(Debug)]
enum Slot {
    Event {
        room: Room,
        class: Class,
        text: Utf8Bytes,
    },
    Latest {
        room: Room,
        key: Key,
        text: Utf8Bytes,
    },
    Line {
        room: Room,
        stream: String,
        text: Utf8Bytes,
    },
    Control {
        room: Option<Room>,
        text: Utf8Bytes,
    },
    Ping,
    /// It was withdrawn.
    Empty,
}

impl Outbox {
    /// Empty; what becomes of everything is counted.
    pub fn new(counted: Arc<Deliveries>) -> Self {
        Self {
            waiting: Mutex::default(),
            counted,
            written: Notify::new(),
            taken: Notify::new(),
            lightened: Notify::new(),
            fell_behind: Notify::new(),
        }
    }

    /// A durable event.
    pub fn event(&self, room: Room, text: Utf8Bytes) -> Put {
        self.add(Slot::Event { room, class: Class::Durable, text })
    }

    /// A change of the board in several keys: it must not be missed either.
    pub fn diff(&self, room: Room, text: Utf8Bytes) -> Put {
        self.add(Slot::Event { room, class: Class::Latest, text })
    }

    /// The latest value of a key.
    pub fn latest(&self, room: Room, key: Key, text: Utf8Bytes) -> Put {
        let put = self.change(|waiting| waiting.latest(room, key, text));
        self.told(put)
    }

    /// A line of a stream.
    pub fn line(&self, room: Room, stream: &str, text: Utf8Bytes) {
        self.change(|waiting| waiting.line(room, stream, text));
        self.written.notify_one();
    }

    /// A signal.
    pub fn signal(&self, room: Room, text: Utf8Bytes) {
        if self.add(Slot::Event { room, class: Class::Signal, text }) == Put::Full {
            self.counted.dropped_signals.increment(1);
        }
    }

    /// An answer, or a frame about the connection.
    pub fn control(&self, text: Utf8Bytes) {
        self.change(|waiting| waiting.push(Slot::Control { room: None, text }));
        self.written.notify_one();
    }

    /// A page, a board, or another frame about a room.
    pub fn about(&self, room: Room, text: Utf8Bytes) {
        self.change(|waiting| waiting.push(Slot::Control { room: Some(room), text }));
        self.written.notify_one();
    }

    /// A ping.
    pub fn ping(&self) {
        self.waiting.lock().push(Slot::Ping);
        self.written.notify_one();
    }

    /// Takes back the waiting value of a key that has ended.
    pub fn withdraw(&self, room: Room, key: &Key) {
        self.change(|waiting| waiting.withdraw(room, key));
    }

    /// Takes back everything of a room.
    pub fn purge(&self, room: Room) {
        self.change(|waiting| waiting.purge(room));
    }

    /// Notes that a room has to be read from its journal again, after `mark`.
    pub fn behind(&self, room: Room, mark: Mark) {
        self.waiting.lock().behind.insert(room, mark);
        self.counted.fell_behind.increment(1);
        self.fell_behind.notify_one();
    }

    /// Ends the connection after what waits. The first reason counts.
    pub fn close(&self, code: CloseCode) {
        self.waiting.lock().close.get_or_insert(code);
        self.written.notify_one();
    }

    /// Waits until there is something to write.
    pub async fn ready(&self) {
        loop {
            if !self.waiting.lock().is_empty() {
                return;
            }
            self.written.notified().await;
        }
    }

    /// Takes what waits, up to about `bytes`; at least one thing if there is any.
    pub fn take(&self, bytes: usize) -> Batch {
        let batch = self.change(|waiting| waiting.take(bytes));
        self.taken.notify_one();
        self.lightened.notify_one();
        batch
    }

    /// Waits until so little waits that more may be caused.
    pub async fn light(&self) {
        while self.waiting.lock().all_bytes > HEAVY {
            self.lightened.notified().await;
        }
    }

    /// Waits until the receiver has taken everything that waits now.
    pub async fn drained(&self) {
        let last = self.waiting.lock().end();
        while self.waiting.lock().taken < last {
            self.taken.notified().await;
        }
    }

    /// Waits until a room fell behind.
    pub async fn next_behind(&self) -> (Room, Mark) {
        loop {
            if let Some(behind) = self.waiting.lock().behind.pop_first() {
                return behind;
            }
            self.fell_behind.notified().await;
        }
    }

    /// Takes the note that a room fell behind, if there is one.
    #[cfg(test)]
    pub(crate) fn take_behind(&self, room: Room) -> Option<Mark> {
        self.waiting.lock().behind.remove(&room)
    }

    fn add(&self, slot: Slot) -> Put {
        let put = self.change(|waiting| waiting.add(slot));
        self.told(put)
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
        tally.add_to(&self.counted);
        changed
    }

    fn told(&self, put: Put) -> Put {
        if put == Put::Waits {
            self.written.notify_one();
        }
        put
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.counted.queue_bytes.decrement(self.waiting.get_mut().all_bytes as f64);
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.gaps.is_empty() && self.close.is_none()
    }

    /// The number of the slot that comes next.
    fn end(&self) -> u64 {
        self.taken + self.slots.len() as u64
    }

    fn fits(&self, length: usize) -> bool {
        self.items == 0 || (self.items < ITEMS && self.bytes + length <= BYTES)
    }

    fn add(&mut self, slot: Slot) -> Put {
        let length = slot.length();
        if !self.fits(length) {
            return Put::Full;
        }
        self.items += 1;
        self.bytes += length;
        self.push(slot);
        Put::Waits
    }

    fn push(&mut self, slot: Slot) {
        self.all_bytes += slot.length();
        self.slots.push_back(slot);
    }

    fn latest(&mut self, room: Room, key: Key, text: Utf8Bytes) -> Put {
        let name = (room, key);
        if let Some(&number) = self.latest.get(&name)
            && let Some(Slot::Latest { text: old, .. }) = self.slots.get_mut((number - self.taken) as usize)
        {
            self.bytes = self.bytes + text.len() - old.len();
            self.all_bytes = self.all_bytes + text.len() - old.len();
            *old = text;
            self.tally.conflated += 1;
            return Put::Waits;
        }
        let number = self.end();
        let put = self.add(Slot::Latest { room, key: name.1.clone(), text });
        if put == Put::Waits {
            self.latest.insert(name, number);
        }
        put
    }

    fn line(&mut self, room: Room, stream: &str, text: Utf8Bytes) {
        while !self.fits(text.len()) {
            let Some(at) = self.slots.iter().position(|slot| matches!(slot, Slot::Line { .. })) else {
                *self.gaps.entry((room, stream.to_owned())).or_default() += 1;
                self.tally.dropped_lines += 1;
                return;
            };
            if let Slot::Line { room, stream, .. } = self.empty(at) {
                *self.gaps.entry((room, stream)).or_default() += 1;
                self.tally.dropped_lines += 1;
            }
        }
        let _: Put = self.add(Slot::Line { room, stream: stream.to_owned(), text });
    }

    fn withdraw(&mut self, room: Room, key: &Key) {
        let name = (room, key.clone());
        if let Some(number) = self.latest.get(&name) {
            self.empty((number - self.taken) as usize);
        }
    }

    fn purge(&mut self, room: Room) {
        for at in 0..self.slots.len() {
            if self.slots[at].room() == Some(room) {
                self.empty(at);
            }
        }
        self.gaps.retain(|(of, _), _| *of != room);
        self.behind.remove(&room);
    }

    /// Empties a slot in its place.
    fn empty(&mut self, at: usize) -> Slot {
        let slot = std::mem::replace(&mut self.slots[at], Slot::Empty);
        self.forget(&slot);
        slot
    }

    /// Takes a slot that leaves out of the books.
    fn forget(&mut self, slot: &Slot) {
        self.all_bytes -= slot.length();
        if slot.is_event() {
            self.items -= 1;
            self.bytes -= slot.length();
        }
        if let Slot::Latest { room, key, .. } = slot {
            self.latest.remove(&(*room, key.clone()));
        }
    }

    fn take(&mut self, bytes: usize) -> Batch {
        let mut batch = Batch::default();
        let mut taken = 0;
        for ((room, stream), dropped) in std::mem::take(&mut self.gaps) {
            let gap = ServerFrame::Gap { room, gap: Gap { stream, dropped } };
            batch.outs.push(Out::Text(gap.to_text().into()));
        }
        while let Some(slot) = self.slots.front() {
            if taken > 0 && taken + slot.length() > bytes {
                return batch;
            }
            taken += slot.length();
            let Some(slot) = self.slots.pop_front() else { break };
            self.forget(&slot);
            self.taken += 1;
            self.tally.took(&slot);
            match slot {
                Slot::Event { text, .. }
                | Slot::Latest { text, .. }
                | Slot::Line { text, .. }
                | Slot::Control { text, .. } => batch.outs.push(Out::Text(text)),
                Slot::Ping => batch.outs.push(Out::Ping),
                Slot::Empty => {}
            }
        }
        batch.close = self.close;
        batch
    }
}

impl Slot {
    fn length(&self) -> usize {
        match self {
            Self::Event { text, .. }
            | Self::Latest { text, .. }
            | Self::Line { text, .. }
            | Self::Control { text, .. } => text.len(),
            Self::Ping | Self::Empty => 0,
        }
    }

    fn is_event(&self) -> bool {
        matches!(self, Self::Event { .. } | Self::Latest { .. } | Self::Line { .. })
    }

    fn room(&self) -> Option<Room> {
        match self {
            Self::Event { room, .. } | Self::Latest { room, .. } | Self::Line { room, .. } => Some(*room),
            Self::Control { room, .. } => *room,
            Self::Ping | Self::Empty => None,
        }
    }
}

#[cfg(test)]
mod tests;
