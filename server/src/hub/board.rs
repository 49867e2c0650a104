//! A room's board: the latest value per key, already encoded. It is not kept over a restart.

use std::collections::BTreeMap;

use axum::extract::ws::Utf8Bytes;

/// Which value: the event's name and its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The event's name.
    pub event: &'static str,
    /// The event's key.
    pub key: String,
}

/// The values of one room.
#[derive(Debug, Default)]
pub(super) struct Board {
    values: BTreeMap<Key, Utf8Bytes>,
    /// All of them as a JSON list, until something changes: joiners share it.
    encoded: Option<Utf8Bytes>,
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

    /// The values as a JSON list.
    pub(super) fn encoded(&mut self) -> Utf8Bytes {
        let values = &self.values;
        self.encoded.get_or_insert_with(|| list(values.values())).clone()
    }
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
