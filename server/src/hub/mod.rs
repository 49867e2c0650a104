//! The rooms on this server: journal heads, boards, members, fan-out. A room is in memory only while somebody is in it
//! or something is on its board.
//!
//! Deliberately absent: numbering (that is `ingest`) and the order between rooms (that is `bus`).

pub mod board;
pub(crate) mod frames;
mod room;
mod streams;

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tungstenite::Utf8Bytes;
use watchbell_protocol::{Class, ConnectionId, Epoch, Position, Room, RoomEvent, Seq, UserId};

use self::{board::Key, room::LiveRoom, streams::Alarms};
pub use self::{
    room::{Landing, Lasts, Look},
    streams::{Batching, Lines, Looking},
};
use crate::{
    clock::Moment,
    store::journal::Mark,
    tables::give_back,
    ws::{outbox::Outbox, shared::Payload},
};

/// A durable event as it goes to everybody.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place among the journal's rows of all rooms.
    pub id: i64,
    /// Its number and mark.
    pub mark: Mark,
    /// What happened.
    pub event: RoomEvent,
    /// The same, encoded.
    pub text: Utf8Bytes,
}

/// The rooms on this server.
#[derive(Debug)]
pub struct Hub {
    epoch: Epoch,
    rooms: Mutex<HashMap<Room, Arc<Mutex<LiveRoom>>>>,
    alarms: Alarms,
    batching: Batching,
}

impl Hub {
    /// No rooms yet.
    pub fn new(epoch: Epoch) -> Self {
        Self { epoch, rooms: Mutex::default(), alarms: Alarms::default(), batching: Batching::default() }
    }

    /// The same, with streams gathered as configured.
    #[must_use]
    pub fn batching(self, batching: Batching) -> Self {
        Self { batching, ..self }
    }

    /// Registers a connection. It gets nothing yet: it reads the journal, from now on, and then lands.
    pub fn enter(
        &self,
        room: Room,
        connection: ConnectionId,
        outbox: Arc<Outbox>,
        user: Option<UserId>,
        looking: Looking,
    ) {
        self.with(room, |live| live.enter(connection, outbox, user, looking));
    }

    /// Changes which streams a connection in the room looks at.
    pub fn look(&self, room: Room, connection: ConnectionId, looking: &Looking) -> Look {
        self.if_live(room, |live| live.look(connection, looking)).unwrap_or(Look::Unchanged)
    }

    /// Forgets a connection, and takes back what waits for it; `false` if it was not there.
    pub fn leave(&self, room: Room, connection: ConnectionId) -> bool {
        self.if_live(room, |live| live.leave(connection)).unwrap_or(false)
    }

    /// Notes since which event a connection that entered belongs to the room; `false` if it no longer does.
    pub fn admit(&self, room: Room, connection: ConnectionId, since: Seq) -> bool {
        self.if_live(room, |live| live.admit(connection, since)).unwrap_or(false)
    }

    /// Removes every connection of somebody from a room, as the event `at` says.
    pub fn expel(&self, room: Room, user: UserId, at: Seq) {
        self.if_live(room, |live| live.expel(user, at));
    }

    /// Lets a connection that fell behind read again; gives from where on. `None` if it left, or reads already.
    pub fn read_again(&self, room: Room, connection: ConnectionId) -> Option<Mark> {
        self.if_live(room, |live| live.read_again(connection)).flatten()
    }

    /// Gives a page to a connection that reads; `false` if it is no longer in the room.
    pub fn page(&self, room: Room, connection: ConnectionId, payload: Payload) -> bool {
        self.if_live(room, |live| live.page(connection, payload)).unwrap_or(false)
    }

    /// Lets a connection that has read up to `mark` go live.
    pub fn land(&self, room: Room, connection: ConnectionId, mark: Mark) -> Landing {
        self.if_live(room, |live| live.land(connection, mark)).unwrap_or(Landing::Gone)
    }

    /// How far a connection is in a room; `None` unless it is live there.
    pub fn position(&self, room: Room, connection: ConnectionId) -> Option<Position> {
        self.if_live(room, |live| live.position(connection)).flatten()
    }

    /// Sends a durable event to everybody who is live.
    pub fn publish(&self, entry: &Entry) {
        self.if_live(entry.event.room, |live| live.publish(entry));
    }

    /// Sends a momentary event; its class says what is kept of it.
    pub fn emit(&self, event: &RoomEvent) {
        let text = frames::event(event);
        let name = event.event.name();
        match event.event.class() {
            Class::Latest => {
                let key = Key::new(name, event.event.key().unwrap_or_default());
                self.with(event.room, |live| live.set(&key, &text));
            }
            Class::Signal => {
                self.if_live(event.room, |live| live.pass(|outbox| outbox.signal(event.room, text.clone())));
            }
            // Those come numbered, by `publish`, and those by `line`.
            Class::Durable | Class::Stream => tracing::error!(event = name, "it came by the wrong way and was dropped"),
        }
    }

    /// Sends an event of a stream to whoever looks at it, soon: with others, as one frame.
    pub fn line(&self, event: &RoomEvent, now: Moment) {
        let stream = event.event.key().unwrap_or_default();
        let due =
            self.if_live(event.room, |live| live.line(&stream, now, self.batching, || frames::event(event))).flatten();
        if let Some(due) = due {
            self.alarms.set(due, event.room);
        }
    }

    /// Waits until events of streams wait; gives until when those wait for others that wait longest.
    pub async fn streams_due(&self) -> Moment {
        self.alarms.next().await
    }

    /// Sends out what of the streams has waited long enough.
    pub fn flush_streams(&self, now: Moment) {
        for room in self.alarms.take_due(now) {
            if let Some(due) = self.if_live(room, |live| live.flush(now)).flatten() {
                self.alarms.set(due, room);
            }
        }
    }

    /// Changes several values of a room's board and sends the change, as one frame if that fits.
    pub fn change(&self, room: Room, events: &[(RoomEvent, Lasts)]) {
        let value = |(event, lasts): &(RoomEvent, Lasts)| {
            let key = Key::new(event.event.name(), event.event.key().unwrap_or_default());
            (key, frames::event(event), *lasts)
        };
        let values = events.iter().map(value).collect();
        self.with(room, |live| live.change(values));
    }

    /// Ends a value of a room's board.
    pub fn end(&self, room: Room, key: &Key) {
        self.if_live(room, |live| live.end(key));
    }

    /// How many rooms are in memory.
    pub fn rooms(&self) -> usize {
        self.rooms.lock().len()
    }

    /// Works on a room, which is made if it is not there and forgotten if it is idle after.
    fn with<R>(&self, room: Room, work: impl FnOnce(&mut LiveRoom) -> R) -> R {
        let live = {
            let mut rooms = self.rooms.lock();
            let live = rooms.entry(room).or_insert_with(|| Arc::new(Mutex::new(LiveRoom::new(room, self.epoch))));
            live.clone()
        };
        self.work(room, live, work)
    }

    /// Works on a room if it is in memory.
    fn if_live<R>(&self, room: Room, work: impl FnOnce(&mut LiveRoom) -> R) -> Option<R> {
        let live = self.rooms.lock().get(&room).cloned()?;
        Some(self.work(room, live, work))
    }

    fn work<R>(&self, room: Room, live: Arc<Mutex<LiveRoom>>, work: impl FnOnce(&mut LiveRoom) -> R) -> R {
        let (result, idle) = {
            let mut live = live.lock();
            (work(&mut live), live.is_idle())
        };
        drop(live);
        if idle {
            self.forget(room);
        }
        result
    }

    /// Forgets a room that nobody is in or works on: whoever works on it holds a second handle.
    fn forget(&self, room: Room) {
        let mut rooms = self.rooms.lock();
        if let Some(live) = rooms.get(&room)
            && Arc::strong_count(live) == 1
            && live.lock().is_idle()
        {
            rooms.remove(&room);
            give_back(&mut rooms);
        }
    }
}

#[cfg(test)]
mod tests;
