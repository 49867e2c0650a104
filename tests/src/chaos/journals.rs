//! Pure: everything that the server's journal ever said. A database that is copied back makes the server forget what came
//! after the copy; so besides the journal as it is in the end there are the ends of those that were.

use std::collections::{BTreeMap, HashMap};

use watchbell_protocol::{Room, Seq, Tag};

use super::work::What;

/// A row of the server's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub room: Room,
    /// Its number there.
    pub seq: Seq,
    /// Its tag.
    pub tag: Tag,
    /// What it says.
    pub what: What,
}

/// A place in a room's journal.
pub type Place = (Seq, Tag);

/// What the server said after a copy was taken, and no longer says since that was put back.
#[derive(Debug, Clone)]
pub struct Forgotten {
    /// How far the copy goes in each room.
    kept: BTreeMap<Room, Seq>,
    /// What came after it.
    entries: Vec<Entry>,
}

impl Forgotten {
    /// What of the journal `now` comes after `kept`.
    pub fn after(kept: BTreeMap<Room, Seq>, now: Vec<Entry>) -> Self {
        let is_after = |entry: &Entry| kept.get(&entry.room).is_none_or(|kept| entry.seq > *kept);
        let entries = now.into_iter().filter(is_after).collect();
        Self { kept, entries }
    }

    /// How many events it is.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was forgotten.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

type ByPlace<'a> = HashMap<(Room, Seq), &'a Entry>;

/// All journals, to look things up. Each copy is taken after the one before was put back, so up to a copy's end the journal
/// that it ended is the last one.
pub struct Journals<'a> {
    last: ByPlace<'a>,
    forgotten: Vec<(&'a BTreeMap<Room, Seq>, ByPlace<'a>)>,
    marks: HashMap<&'a str, &'a Entry>,
    forgotten_marks: HashMap<&'a str, &'a Entry>,
}

impl<'a> Journals<'a> {
    /// Sorts the entries of the last journal, and those that were forgotten, oldest first.
    pub fn new(last: &'a [Entry], forgotten: &'a [Forgotten]) -> Self {
        let by_place = |entries: &'a [Entry]| entries.iter().map(|entry| ((entry.room, entry.seq), entry)).collect();
        let by_mark = |entries: &'a [Entry]| {
            entries.iter().filter_map(|entry| Some((entry.what.mark()?, entry))).collect::<Vec<_>>()
        };
        Self {
            last: by_place(last),
            forgotten: forgotten.iter().map(|past| (&past.kept, by_place(&past.entries))).collect(),
            marks: by_mark(last).into_iter().collect(),
            forgotten_marks: forgotten.iter().flat_map(|past| by_mark(&past.entries)).collect(),
        }
    }

    /// The entry with this mark in the last journal.
    pub fn marked(&self, mark: &str) -> Option<&'a Entry> {
        self.marks.get(mark).copied()
    }

    /// The entry with this mark in a journal that was forgotten.
    pub fn marked_before(&self, mark: &str) -> Option<&'a Entry> {
        self.forgotten_marks.get(mark).copied()
    }

    /// Whatever any journal has under this number.
    pub fn numbered(&self, room: Room, seq: Seq) -> impl Iterator<Item = &'a Entry> {
        self.all().filter_map(move |journal| self.entry(journal, room, seq))
    }

    /// Whether any journal has this place.
    pub fn have(&self, room: Room, place: Place) -> bool {
        self.with(room, place).next().is_some()
    }

    /// Whether the last journal has this place.
    pub fn last_has(&self, room: Room, place: Place) -> bool {
        self.has(self.forgotten.len(), room, place)
    }

    /// Whether any journal has both.
    pub fn have_both(&self, room: Room, one: Place, other: Place) -> bool {
        self.with(room, one).any(|journal| self.has(journal, room, other))
    }

    /// The marks which a cache that stands at `at` must show: of the newest end of a detector and the newest post.
    pub fn newest(&self, room: Room, at: Place) -> impl Iterator<Item = &'a str> {
        let journal = self.with(room, at).next();
        let before = move || {
            let down = journal.into_iter().flat_map(move |journal| (1..=at.0.0).rev().map(move |seq| (journal, seq)));
            down.filter_map(move |(journal, seq)| self.entry(journal, room, Seq(seq)))
        };
        let detector = before().find(|entry| matches!(entry.what, What::Detector(_)));
        let post = before().find(|entry| matches!(entry.what, What::Post(_)));
        detector.into_iter().chain(post).filter_map(|entry| entry.what.mark())
    }

    /// The journals by number; the highest is the last.
    fn all(&self) -> impl Iterator<Item = usize> + use<> {
        (0..=self.forgotten.len()).rev()
    }

    /// The journals that have this place.
    fn with(&self, room: Room, place: Place) -> impl Iterator<Item = usize> {
        self.all().filter(move |journal| self.has(*journal, room, place))
    }

    fn has(&self, journal: usize, room: Room, (seq, tag): Place) -> bool {
        seq == Seq::ZERO || self.entry(journal, room, seq).is_some_and(|entry| entry.tag == tag)
    }

    fn entry(&self, journal: usize, room: Room, seq: Seq) -> Option<&'a Entry> {
        let entries = match self.forgotten.get(journal) {
            Some((kept, entries)) if kept.get(&room).is_none_or(|kept| seq > *kept) => entries,
            _ => &self.last,
        };
        entries.get(&(room, seq)).copied()
    }
}
