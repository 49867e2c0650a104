//! A room's board: the latest value per key, already encoded. It is not kept over a restart.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use tungstenite::Utf8Bytes;
use watchbell_protocol::Room;

use super::frames;
use crate::ws::shared::Shared;

/// About how long a list of values may be, so that it fits a frame.
const LIST_BYTES: usize = 128 * 1024;

/// Which value: the event's name and its key. Small, for it stands beside every value that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Of the rest. First, so that two keys are told apart by it: what waits in an outbox is looked through for it.
    hash: u64,
    /// Shared by all outboxes that the same value reached.
    named: Arc<Named>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Named {
    event: &'static str,
    key: Box<str>,
}

impl Key {
    /// The value `key` of the event `event`.
    pub fn new(event: &'static str, key: impl Into<Box<str>>) -> Self {
        let named = Named { event, key: key.into() };
        let mut hasher = DefaultHasher::new();
        named.hash(&mut hasher);
        Self { hash: hasher.finish(), named: Arc::new(named) }
    }

    /// The same for equal keys, and rarely for others.
    pub fn fingerprint(&self) -> u64 {
        self.hash
    }

    /// The event's name.
    pub fn event(&self) -> &'static str {
        self.named.event
    }

    /// The event's key.
    pub fn key(&self) -> &str {
        &self.named.key
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.named.cmp(&other.named)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The values of one room.
#[derive(Debug, Default)]
pub(super) struct Board {
    values: BTreeMap<Key, Utf8Bytes>,
    /// All of them as frames, until something changes: joiners share them.
    encoded: Option<Vec<Shared>>,
}

impl Board {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Puts a value in the place of the one before.
    pub(super) fn set(&mut self, key: Key, text: Utf8Bytes) {
        self.encoded = None;
        self.values.insert(key, text);
    }

    /// Takes a value away; `false` if there was none.
    pub(super) fn remove(&mut self, key: &Key) -> bool {
        let was_there = self.values.remove(key).is_some();
        if was_there {
            self.encoded = None;
        }
        was_there
    }

    /// The values as frames of about `LIST_BYTES`, at least one. The first replaces what a receiver had, the others add to
    /// it.
    pub(super) fn frames(&mut self, room: Room) -> &[Shared] {
        let values = &self.values;
        self.encoded.get_or_insert_with(|| {
            let lists = lists(values.values()).into_iter().enumerate();
            let frame = |(index, list): (usize, Utf8Bytes)| {
                if index == 0 { frames::board(room, &list) } else { frames::batch_of(&list) }
            };
            lists.map(|list| frame(list).into()).collect()
        })
    }
}

/// Values that have changed, as frames of about `LIST_BYTES`; a single one goes alone.
pub(super) fn diffs(texts: &[Utf8Bytes]) -> Vec<Utf8Bytes> {
    match texts {
        [single] => vec![single.clone()],
        texts => lists(texts.iter()).iter().map(|list| frames::batch_of(list)).collect(),
    }
}

fn lists<'a>(texts: impl Iterator<Item = &'a Utf8Bytes>) -> Vec<Utf8Bytes> {
    let (mut lists, mut waiting, mut bytes) = (Vec::new(), Vec::new(), 0);
    for text in texts {
        if !waiting.is_empty() && bytes + text.as_str().len() > LIST_BYTES {
            lists.push(list(std::mem::take(&mut waiting).into_iter()));
            bytes = 0;
        }
        bytes += text.as_str().len();
        waiting.push(text);
    }
    if lists.is_empty() || !waiting.is_empty() {
        lists.push(list(waiting.into_iter()));
    }
    lists
}

/// A JSON list of values that are JSON already.
pub(super) fn list<'a>(texts: impl ExactSizeIterator<Item = &'a Utf8Bytes> + Clone) -> Utf8Bytes {
    let length: usize = texts.clone().map(|text| text.as_str().len() + 1).sum();
    let mut list = String::with_capacity(length + 2);
    list.push('[');
    for (index, text) in texts.enumerate() {
        if index > 0 {
            list.push(',');
        }
        list.push_str(text);
    }
    list.push(']');
    list.into()
}
