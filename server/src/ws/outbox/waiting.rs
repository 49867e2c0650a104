//! What waits, and the books about it. Pure: the outbox around it has the lock and wakes whoever waits for a change.

use std::collections::{BTreeMap, HashMap, VecDeque};

use axum::extract::ws::Utf8Bytes;
use watchbell_protocol::{Class, CloseCode, Room, ServerFrame, frame::Gap};

use super::{BYTES, Batch, ITEMS, Out, Put, tally::Tally};
use crate::{hub::board::Key, store::journal::Mark};

/// Everything that waits, in order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) slots: VecDeque<Slot>,
    /// How many slots were taken before the first of `slots`: numbers of slots stay while others leave.
    pub(super) taken: u64,
    pub(super) latest: HashMap<(Room, Key), u64>,
    /// Of events; control texts don't count.
    pub(super) items: usize,
    pub(super) bytes: usize,
    /// Bytes of everything.
    pub(super) all_bytes: usize,
    pub(super) gaps: BTreeMap<(Room, String), u64>,
    pub(super) behind: BTreeMap<Room, Mark>,
    pub(super) close: Option<CloseCode>,
    /// What happened and is not counted yet.
    pub(super) tally: Tally,
}

/// One thing that waits.
#[derive(Debug)]
pub(super) enum Slot {
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

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.gaps.is_empty() && self.close.is_none()
    }

    /// The number of the slot that comes next.
    pub(super) fn end(&self) -> u64 {
        self.taken + self.slots.len() as u64
    }

    pub(super) fn fits(&self, length: usize) -> bool {
        self.items == 0 || (self.items < ITEMS && self.bytes + length <= BYTES)
    }

    pub(super) fn add(&mut self, slot: Slot) -> Put {
        let length = slot.length();
        if !self.fits(length) {
            return Put::Full;
        }
        self.items += 1;
        self.bytes += length;
        self.push(slot);
        Put::Waits
    }

    pub(super) fn push(&mut self, slot: Slot) {
        self.all_bytes += slot.length();
        self.slots.push_back(slot);
    }

    pub(super) fn latest(&mut self, room: Room, key: Key, text: Utf8Bytes) -> Put {
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

    pub(super) fn line(&mut self, room: Room, stream: &str, text: Utf8Bytes) {
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

    pub(super) fn withdraw(&mut self, room: Room, key: &Key) {
        let name = (room, key.clone());
        if let Some(number) = self.latest.get(&name) {
            self.empty((number - self.taken) as usize);
        }
    }

    pub(super) fn purge(&mut self, room: Room) {
        for at in 0..self.slots.len() {
            if self.slots[at].room() == Some(room) {
                self.empty(at);
            }
        }
        self.gaps.retain(|(of, _), _| *of != room);
        self.behind.remove(&room);
    }

    /// Empties a slot in its place.
    pub(super) fn empty(&mut self, at: usize) -> Slot {
        let slot = std::mem::replace(&mut self.slots[at], Slot::Empty);
        self.forget(&slot);
        slot
    }

    /// Takes a slot that leaves out of the books.
    pub(super) fn forget(&mut self, slot: &Slot) {
        self.all_bytes -= slot.length();
        if slot.is_event() {
            self.items -= 1;
            self.bytes -= slot.length();
        }
        if let Slot::Latest { room, key, .. } = slot {
            self.latest.remove(&(*room, key.clone()));
        }
    }

    pub(super) fn take(&mut self, bytes: usize) -> Batch {
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
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Event { text, .. }
            | Self::Latest { text, .. }
            | Self::Line { text, .. }
            | Self::Control { text, .. } => text.len(),
            Self::Ping | Self::Empty => 0,
        }
    }

    pub(super) fn is_event(&self) -> bool {
        matches!(self, Self::Event { .. } | Self::Latest { .. } | Self::Line { .. })
    }

    pub(super) fn room(&self) -> Option<Room> {
        match self {
            Self::Event { room, .. } | Self::Latest { room, .. } | Self::Line { room, .. } => Some(*room),
            Self::Control { room, .. } => *room,
            Self::Ping | Self::Empty => None,
        }
    }
}
