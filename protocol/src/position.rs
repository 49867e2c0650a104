//! Where a receiver stands in a room's journal.

use serde::{Deserialize, Serialize};

/// The number of a durable event in its room: dense, starting at 1. Zero is "before the first".
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ts_rs::TS,
    schemars::JsonSchema,
)]
#[serde(transparent)]
#[ts(export, type = "number")]
pub struct Seq(pub i64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// The number that follows.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The life of a journal: another epoch means other numbers, whatever they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS, schemars::JsonSchema)]
#[serde(transparent)]
#[ts(export)]
pub struct Epoch(pub u32);

/// A random mark of one journal row. It tells a database copied back from yesterday, whose numbers are used again,
/// from the one that a receiver has read. The tag of an empty journal is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS, schemars::JsonSchema)]
#[serde(transparent)]
#[ts(export)]
pub struct Tag(pub u32);

/// The last durable event that a receiver has applied, or a room's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS, schemars::JsonSchema)]
#[ts(export)]
pub struct Position {
    /// The journal's life.
    pub epoch: Epoch,
    /// The event's number.
    pub seq: Seq,
    /// The event's mark.
    pub tag: Tag,
}
