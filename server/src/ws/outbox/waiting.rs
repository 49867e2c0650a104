//! What waits, and the books about it. Pure: the outbox around it has the lock and wakes whoever waits for a change.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use tungstenite::Utf8Bytes;
use watchbell_protocol::{Class, CloseCode, Room, ServerFrame, frame::Gap};

use super::{
    Again, BYTES, Batch, ITEMS, LATE_BYTES, LATE_ITEMS, Out, PAGE_AFTER, Put, seen::Seen, slot::Slot, tally::Tally,
    turn::Turn,
};
use crate::{
    hub::{Lines, board::Key},
    store::journal::Mark,
    ws::shared::Payload,
};

/// Places that an outbox keeps while it is empty.
const RESTING: usize = 8;

/// Everything that waits, in order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) slots: VecDeque<Slot>,
    /// The keys of values among them.
    seen: Seen,
    /// How many of the slots are empty.
    empty: usize,
    /// Of events; control texts don't count.
    pub(super) items: usize,
    pub(super) bytes: usize,
    /// Bytes of everything.
    pub(super) all_bytes: usize,
    pub(super) gaps: BTreeMap<(Room, Arc<str>), u64>,
    /// Rooms that have to be read again; nothing more of them is taken until somebody does.
    pub(super) behind: BTreeMap<Room, Again>,
    /// Rooms of which a durable event waits in the journal.
    pub(super) owed: BTreeSet<Room>,
    pub(super) end: Option<End>,
    pub(super) pace: Pace,
    pub(super) turn: Turn,
    /// Its flusher will come, if it has one.
    pub(super) is_enrolled: bool,
    /// What happened and is not counted yet.
    pub(super) tally: Tally,
}

/// How the receiver takes what goes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pace {
    /// As fast as it comes, as far as anybody knows.
    #[default]
    Steady,
    /// A write has been under way for long.
    Late,
}

/// How the connection ends after what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With this reason, which is told.
    Close(CloseCode),
    /// The other side has said goodbye: nothing is left to tell.
    Leave,
}

impl Waiting {
    fn fits(&self, length: usize) -> bool {
        let (items, bytes) = match self.pace {
            Pace::Steady => (ITEMS, BYTES - self.bytes.min(BYTES)),
            // What else waits counts as well: it is memory, too.
            Pace::Late => (LATE_ITEMS, LATE_BYTES - self.all_bytes.min(LATE_BYTES)),
        };
        self.items == 0 || (self.items < items && length <= bytes)
    }

    /// Whether more waits than a receiver that is late may have.
    fn is_too_much(&self) -> bool {
        self.items > 1 && (self.items > LATE_ITEMS || self.all_bytes > LATE_BYTES)
    }

    /// Whether a page may join what waits. Only what must not be lost counts: a stream that is more than the receiver takes
    /// would otherwise hold up every page for ever.
    pub(super) fn has_room_for_page(&self) -> bool {
        let owed = self.slots.iter().filter(|slot| slot.is_owed()).map(Slot::length);
        self.pace == Pace::Steady && owed.sum::<usize>() <= PAGE_AFTER
    }

    /// Whether anything waits that must not be lost.
    pub(super) fn is_owed(&self) -> bool {
        self.end.is_some() || !self.owed.is_empty() || self.slots.iter().any(Slot::is_owed)
    }

    /// A write has been under way for long: what nobody wants so late goes, and what can be read again is taken back until
    /// the rest fits. `true` if something was.
    pub(super) fn late(&mut self) -> bool {
        if self.pace == Pace::Late {
            return false;
        }
        self.pace = Pace::Late;
        for at in 0..self.slots.len() {
            if matches!(self.slots[at], Slot::Signal { .. }) {
                self.empty(at);
                self.tally.dropped_signals += 1;
            }
        }
        while self.is_too_much() && self.drop_lines() {}
        let mut sets_back = false;
        for room in self.heaviest_first() {
            if self.is_too_much() {
                self.set_back(room);
                sets_back = true;
            }
        }
        self.tidy();
        self.slots.shrink_to_fit();
        sets_back
    }

    /// The rooms of which something waits that can be read again.
    fn heaviest_first(&self) -> Vec<Room> {
        let mut bytes: BTreeMap<Room, usize> = BTreeMap::new();
        for slot in self.slots.iter().filter(|slot| slot.can_be_read_again()) {
            if let Some(room) = slot.room() {
                *bytes.entry(room).or_default() += slot.length();
            }
        }
        let mut rooms: Vec<_> = bytes.into_iter().map(|(room, bytes)| (Reverse(bytes), room)).collect();
        rooms.sort_unstable();
        rooms.into_iter().map(|(_, room)| room).collect()
    }

    /// Takes back what of a room can be read again, and notes from where on. Pages of the journal that come after the first
    /// durable event are read after it again.
    fn set_back(&mut self, room: Room) {
        let mut first = None;
        for at in 0..self.slots.len() {
            let goes = match &self.slots[at] {
                Slot::Durable { room: of, after, .. } if *of == room => {
                    first = first.or(Some(*after));
                    true
                }
                Slot::Control { room: of, .. } => *of == Some(room) && first.is_some(),
                slot => slot.room() == Some(room) && slot.can_be_read_again(),
            };
            if goes {
                self.empty(at);
            }
        }
        match first {
            Some(after) => self.behind(room, after, Class::Durable),
            None => {
                self.behind.entry(room).or_insert(Again::WhereItIs);
            }
        }
    }

    /// Notes that a room has to be read again after `at`, for something of this class did not fit. What was noted before
    /// counts if it is earlier.
    pub(super) fn behind(&mut self, room: Room, at: Mark, class: Class) {
        let again = self.behind.entry(room).or_insert(Again::WhereItIs);
        match again {
            Again::After(before) if before.seq <= at.seq => {}
            Again::After(_) | Again::WhereItIs => *again = Again::After(at),
        }
        if class == Class::Durable {
            self.owed.insert(room);
        }
    }

    /// Puts the heads in the place of those that wait.
    pub(super) fn heads(&mut self, text: Utf8Bytes) {
        if let Some(at) = self.slots.iter().position(|slot| matches!(slot, Slot::Heads(_))) {
            self.empty(at);
            self.tidy();
        }
        self.push(Slot::Heads(text));
    }

    /// The newest reply is enough: a pong to the last ping, and a close after it.
    pub(super) fn reply(&mut self, frame: Bytes) {
        if let Some(at) = self.slots.iter().position(|slot| matches!(slot, Slot::Reply(_))) {
            self.empty(at);
            self.tidy();
        }
        self.push(Slot::Reply(frame));
    }

    /// One ping at a time is enough.
    pub(super) fn ping(&mut self) {
        if !self.slots.iter().any(|slot| matches!(slot, Slot::Ping)) {
            self.push(Slot::Ping);
        }
    }

    pub(super) fn add(&mut self, slot: Slot) -> Put {
        let length = slot.length();
        let waits_for_reader =
            slot.can_be_read_again() && slot.room().is_some_and(|room| self.behind.contains_key(&room));
        if waits_for_reader || !self.fits(length) {
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

    pub(super) fn latest(&mut self, room: Room, key: &Key, text: Utf8Bytes) -> Put {
        if let Some(at) = self.place_of(room, key)
            && let Slot::Latest { text: old, .. } = &mut self.slots[at]
        {
            self.bytes = self.bytes + text.len() - old.len();
            self.all_bytes = self.all_bytes + text.len() - old.len();
            *old = text;
            self.tally.conflated += 1;
            return Put::Waits;
        }
        self.seen.put(key);
        self.add(Slot::Latest { room, key: key.clone(), text })
    }

    /// Where the value of a key waits. Most of the time it does not, and never does much: looking is cheaper than keeping an
    /// index for every receiver.
    fn place_of(&self, room: Room, key: &Key) -> Option<usize> {
        if !self.seen.may_have(key) {
            return None;
        }
        self.slots
            .iter()
            .rposition(|slot| matches!(slot, Slot::Latest { room: of, key: its, .. } if its == key && *of == room))
    }

    pub(super) fn lines(&mut self, room: Room, lines: &Arc<Lines>, payload: Payload) {
        while !self.fits(payload.length()) {
            if !self.drop_lines() {
                return self.missed(room, lines);
            }
        }
        let _: Put = self.add(Slot::Lines { room, lines: lines.clone(), payload });
    }

    /// Drops the oldest frame of lines and counts what was in it; `false` if there is none.
    fn drop_lines(&mut self) -> bool {
        let Some(at) = self.slots.iter().position(|slot| matches!(slot, Slot::Lines { .. })) else { return false };
        if let Slot::Lines { room, lines, .. } = self.empty(at) {
            self.missed(room, &lines);
        }
        self.tidy();
        true
    }

    fn missed(&mut self, room: Room, lines: &Lines) {
        *self.gaps.entry((room, lines.stream.clone())).or_default() += u64::from(lines.count);
        self.tally.dropped_lines += lines.count;
    }

    pub(super) fn withdraw(&mut self, room: Room, key: &Key) {
        if let Some(at) = self.place_of(room, key) {
            self.empty(at);
            self.tidy();
        }
    }

    /// Takes back what of a room is read again.
    pub(super) fn reread(&mut self, room: Room) {
        self.empty_where(|slot| slot.room() == Some(room) && !matches!(slot, Slot::Lines { .. }));
        self.behind.remove(&room);
        self.owed.remove(&room);
    }

    pub(super) fn purge(&mut self, room: Room) {
        self.empty_where(|slot| slot.room() == Some(room));
        self.gaps.retain(|(of, _), _| *of != room);
        self.behind.remove(&room);
        self.owed.remove(&room);
    }

    fn empty_where(&mut self, goes: impl Fn(&Slot) -> bool) {
        for at in 0..self.slots.len() {
            if goes(&self.slots[at]) {
                self.empty(at);
            }
        }
        self.tidy();
    }

    /// Empties a slot in its place; nothing else may hold a place over this.
    fn empty(&mut self, at: usize) -> Slot {
        let slot = std::mem::replace(&mut self.slots[at], Slot::Empty);
        self.forget(&slot);
        self.empty += 1;
        slot
    }

    /// Drops the empty slots when they are most of them: a receiver that takes nothing would gather them for ever.
    fn tidy(&mut self) {
        if self.empty <= RESTING || self.empty * 2 <= self.slots.len() {
            return;
        }
        self.slots.retain(|slot| !matches!(slot, Slot::Empty));
        self.empty = 0;
    }

    /// Takes a slot that leaves out of the books.
    pub(super) fn forget(&mut self, slot: &Slot) {
        self.all_bytes -= slot.length();
        if slot.is_event() {
            self.items -= 1;
            self.bytes -= slot.length();
        }
    }

    pub(super) fn take(&mut self, bytes: usize) -> Batch {
        let mut batch = Batch::default();
        let mut taken = 0;
        for ((room, stream), dropped) in std::mem::take(&mut self.gaps) {
            let gap = ServerFrame::Gap { room, gap: Gap { stream: stream.to_string(), dropped } };
            batch.outs.push(Out::Text(gap.to_text().into()));
        }
        while let Some(slot) = self.slots.front() {
            if taken > 0 && taken + slot.length() > bytes {
                self.seen = self.slots.iter().filter_map(Slot::key).collect();
                return batch;
            }
            taken += slot.length();
            let Some(slot) = self.slots.pop_front() else { break };
            self.forget(&slot);
            self.empty -= usize::from(matches!(slot, Slot::Empty));
            self.tally.took(&slot);
            batch.is_owed |= slot.is_owed();
            batch.outs.extend(slot.out());
        }
        self.rest();
        batch.is_last = self.end.is_some();
        batch.is_owed |= batch.is_last;
        batch.close = self.end.and_then(|end| if let End::Close(code) = end { Some(code) } else { None });
        batch
    }

    /// Gives back what a burst took: most receivers have nothing waiting most of the time.
    fn rest(&mut self) {
        self.seen = Seen::default();
        if self.slots.capacity() > RESTING {
            self.slots = VecDeque::new();
        } else {
            // Begin at the first place again: with thousands of receivers, it is the only one that the processor has at hand.
            self.slots.clear();
        }
    }
}
