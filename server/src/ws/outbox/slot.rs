//! One thing that waits for a receiver, and what its kind decides.

use std::sync::Arc;

use bytes::Bytes;
use tungstenite::Utf8Bytes;
use watchbell_protocol::Room;

use super::Out;
use crate::{
    hub::{Lines, board::Key},
    store::journal::Mark,
    ws::shared::Payload,
};

/// One thing that waits. Hundreds may, for each receiver: a test holds how large it is.
#[derive(Debug)]
pub(super) enum Slot {
    /// A durable event, and where the receiver is before it.
    Durable {
        room: Room,
        after: Mark,
        text: Utf8Bytes,
    },
    /// Several values of the board.
    Diff {
        room: Room,
        text: Utf8Bytes,
    },
    Latest {
        room: Room,
        key: Key,
        text: Utf8Bytes,
    },
    /// A frame with lines of a stream.
    Lines {
        room: Room,
        lines: Arc<Lines>,
        payload: Payload,
    },
    Signal {
        room: Room,
        text: Utf8Bytes,
    },
    Control {
        room: Option<Room>,
        payload: Payload,
    },
    /// The heads of the rooms.
    Heads(Utf8Bytes),
    Ping,
    /// A frame that the protocol itself answers with, whole.
    Reply(Bytes),
    /// It was withdrawn.
    Empty,
}

impl Slot {
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Durable { text, .. }
            | Self::Diff { text, .. }
            | Self::Latest { text, .. }
            | Self::Signal { text, .. }
            | Self::Heads(text) => text.len(),
            Self::Lines { payload, .. } | Self::Control { payload, .. } => payload.length(),
            Self::Reply(frame) => frame.len(),
            Self::Ping | Self::Empty => 0,
        }
    }

    /// What is written of it.
    pub(super) fn out(self) -> Option<Out> {
        match self {
            Self::Durable { text, .. }
            | Self::Diff { text, .. }
            | Self::Latest { text, .. }
            | Self::Signal { text, .. }
            | Self::Heads(text) => Some(Out::Text(text)),
            Self::Lines { payload, .. } | Self::Control { payload, .. } => Some(match payload {
                Payload::Text(text) => Out::Text(text),
                Payload::Packed(bytes) => Out::Packed(bytes),
            }),
            Self::Reply(frame) => Some(Out::Reply(frame)),
            Self::Ping => Some(Out::Ping),
            Self::Empty => None,
        }
    }

    /// Of a value, whose it is.
    pub(super) fn key(&self) -> Option<&Key> {
        if let Self::Latest { key, .. } = self { Some(key) } else { None }
    }

    pub(super) fn is_event(&self) -> bool {
        self.can_be_read_again() || matches!(self, Self::Signal { .. } | Self::Lines { .. })
    }

    /// Whether the journal or the board has it too.
    pub(super) fn can_be_read_again(&self) -> bool {
        matches!(self, Self::Durable { .. } | Self::Diff { .. } | Self::Latest { .. })
    }

    /// Whether it must not be lost.
    pub(super) fn is_owed(&self) -> bool {
        matches!(self, Self::Durable { .. } | Self::Control { .. })
    }

    pub(super) fn room(&self) -> Option<Room> {
        match self {
            Self::Durable { room, .. }
            | Self::Diff { room, .. }
            | Self::Latest { room, .. }
            | Self::Signal { room, .. }
            | Self::Lines { room, .. } => Some(*room),
            Self::Control { room, .. } => *room,
            Self::Heads(_) | Self::Ping | Self::Reply(_) | Self::Empty => None,
        }
    }
}
