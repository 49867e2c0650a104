//! Frames around parts that are encoded already: what is shared is not encoded again for each receiver.

use serde::Serialize as _;
use serde_json::Serializer;
use tungstenite::Utf8Bytes;
use watchbell_protocol::{Position, Room, RoomEvent, ServerFrame, frame::Gone};

use super::board::{self, Key};

/// A JSON list of values that are JSON already.
pub(crate) fn list(texts: &[Utf8Bytes]) -> Utf8Bytes {
    board::list(texts.iter())
}

/// Most events are shorter.
const EVENT_BYTES: usize = 1024;

/// An event, encoded once for everybody. It may be kept for long, and so takes no more than its length.
pub(crate) fn event(event: &RoomEvent) -> Utf8Bytes {
    // Not `to_writer`: that writes through a reference, which a profile shows as a call of its own for each piece.
    let mut json = Serializer::new(Vec::with_capacity(EVENT_BYTES));
    event.serialize(&mut json).expect("an event is plain JSON: string keys and plain values");
    str::from_utf8(&json.into_inner()).expect("JSON is UTF-8").into()
}

/// `{"batch":[…]}`; one event goes alone.
pub(crate) fn batch(events: &[Utf8Bytes]) -> Utf8Bytes {
    match events {
        [single] => single.clone(),
        events => batch_of(&list(events)),
    }
}

/// `{"batch":[…]}` of a JSON list.
pub(crate) fn batch_of(list: &str) -> Utf8Bytes {
    format!(r#"{{"batch":{list}}}"#).into()
}

/// `{"room","board":[…]}`
pub(crate) fn board(room: Room, values: &str) -> Utf8Bytes {
    format!(r#"{{"room":"{room}","board":{values}}}"#).into()
}

/// `{"room","gone":{…}}`
pub(crate) fn gone(room: Room, key: &Key) -> Utf8Bytes {
    let gone = Gone { event: key.event().to_owned(), key: key.key().to_owned() };
    ServerFrame::Gone { room, gone }.to_text().into()
}

/// `{"room","caught_up":{…}}`
pub(crate) fn caught_up(room: Room, caught_up: Position) -> Utf8Bytes {
    ServerFrame::CaughtUp { room, caught_up }.to_text().into()
}

/// `{"room","left":{}}`
pub(crate) fn left(room: Room) -> Utf8Bytes {
    ServerFrame::Left { room }.to_text().into()
}
