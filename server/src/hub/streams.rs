//! Streams of a room: who looks at which, and the events that wait a moment so that several go out as one frame, encoded
//! once for all receivers. Pure: time is passed in, and whoever is due is asked for from outside.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tungstenite::Utf8Bytes;
use watchbell_protocol::{List, Room, Text, limits};

use super::frames;
use crate::{clock::Moment, config, ws::shared::Shared};

/// A frame goes out when it has so many bytes, however it is batched.
const BYTES: usize = 16 * 1024;

/// When else a frame goes out.
#[derive(Debug, Clone, Copy)]
pub struct Batching {
    /// When it has so many events, …
    pub events: usize,
    /// … or when its first event has waited for so long.
    pub wait: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self::from(&config::Streams::default())
    }
}

impl From<&config::Streams> for Batching {
    fn from(streams: &config::Streams) -> Self {
        Self { events: streams.batch_events as usize, wait: streams.batch_wait.0 }
    }
}

/// The streams that a connection looks at in a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looking(Box<[Text<{ limits::NAME_BYTES }>]>);

impl From<List<Text<{ limits::NAME_BYTES }>, { limits::STREAMS }>> for Looking {
    fn from(names: List<Text<{ limits::NAME_BYTES }>, { limits::STREAMS }>) -> Self {
        let mut names = names.into_vec();
        names.sort_unstable();
        names.dedup();
        Self(names.into())
    }
}

impl Looking {
    pub(super) fn at(&self, stream: &str) -> bool {
        self.0.binary_search_by(|name| name.as_str().cmp(stream)).is_ok()
    }
}

/// What is in a frame of a stream, in case it is dropped.
#[derive(Debug)]
pub struct Lines {
    /// Of which stream.
    pub stream: Arc<str>,
    /// How many events.
    pub count: u32,
}

/// Events of one stream as a frame.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) lines: Arc<Lines>,
    pub(super) frame: Shared,
}

/// Events of one stream that wait.
#[derive(Debug)]
struct Open {
    texts: Vec<Utf8Bytes>,
    bytes: usize,
    due: Moment,
}

/// What waits in a room, by the name of its stream.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    open: BTreeMap<Arc<str>, Open>,
}

impl Gathering {
    /// Takes an event; gives the frame that is full with it.
    pub(super) fn add(&mut self, stream: &str, text: Utf8Bytes, now: Moment, batching: Batching) -> Option<Bundle> {
        if !self.open.contains_key(stream) {
            let fresh = Open { texts: Vec::with_capacity(batching.events), bytes: 0, due: now + batching.wait };
            self.open.insert(stream.into(), fresh);
        }
        let open = self.open.get_mut(stream)?;
        open.bytes += text.len();
        open.texts.push(text);
        if open.texts.len() < batching.events && open.bytes < BYTES {
            return None;
        }
        self.open.remove_entry(stream).map(bundle)
    }

    /// When the next frame is due, full or not; `None` while nothing waits.
    pub(super) fn due(&self) -> Option<Moment> {
        self.open.values().map(|open| open.due).min()
    }

    /// The frames that are due.
    pub(super) fn take_due(&mut self, now: Moment) -> Vec<Bundle> {
        self.open.extract_if(.., |_, open| open.due <= now).map(bundle).collect()
    }
}

fn bundle((stream, open): (Arc<str>, Open)) -> Bundle {
    let lines = Arc::new(Lines { stream, count: open.texts.len() as u32 });
    Bundle { lines, frame: frames::batch(&open.texts).into() }
}

/// When which room has frames that are due. A room is in it at most once.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    set: Mutex<BTreeSet<(Moment, Room)>>,
    changed: Notify,
}

impl Alarms {
    pub(super) fn set(&self, at: Moment, room: Room) {
        self.set.lock().insert((at, room));
        self.changed.notify_one();
    }

    /// Waits until there is one; the first.
    pub(super) async fn next(&self) -> Moment {
        loop {
            if let Some((at, _)) = self.set.lock().first() {
                return *at;
            }
            self.changed.notified().await;
        }
    }

    /// The rooms whose time has come.
    pub(super) fn take_due(&self, now: Moment) -> Vec<Room> {
        let mut set = self.set.lock();
        let mut rooms = Vec::new();
        while let Some(&(at, room)) = set.first()
            && at <= now
        {
            set.pop_first();
            rooms.push(room);
        }
        rooms
    }
}

#[cfg(test)]
#[path = "streams_tests.rs"]
mod tests;
