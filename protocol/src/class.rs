//! The four delivery classes. A class is the only thing that decides what a full outbox does.

use serde::Serialize;

/// How an event is kept and delivered. Declared once per event type, beside its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Kept in the room's journal under a sequence number; never dropped. A receiver that is too slow reads the
    /// journal in pages instead.
    Durable,
    /// Kept on the room's board, one value per key; a newer value replaces the waiting one.
    Latest,
    /// Kept nowhere but on the way, where a few go together; the oldest are dropped, and the gap is counted and told.
    Stream,
    /// Kept nowhere; dropped when late.
    Signal,
}
