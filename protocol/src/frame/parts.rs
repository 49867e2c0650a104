//! What server frames are made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AnalysisId, ConnectionId, Position, Room, Seq, Text, UnixMillis, event::Project, limits};

/// The answer to a command that was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// Where its event stands; absent when it caused none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// The number of its (last) event there: an optimistic row is settled even when a resync skipped the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// To `analysis:start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Started>,
}

/// What the starter of an analysis needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    /// The analysis.
    pub analysis: AnalysisId,
    /// Its number in the project.
    pub number: u32,
    /// How long detectors usually take here, by the last complete runs.
    pub usual: Vec<Usual>,
}

/// How long a detector usually takes in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usual {
    /// Which detector.
    pub detector: Text<{ limits::NAME_BYTES }>,
    /// Durations of its last complete runs (at most 10), milliseconds, newest first.
    pub ms: Vec<u64>,
    /// Files those runs looked at, in the same order.
    pub files: Vec<u32>,
}

/// The first frame of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connected {
    /// The server's version.
    pub version: String,
    /// This connection, for logs.
    pub connection: ConnectionId,
    /// What the server can do beyond the base, by name.
    pub capabilities: Vec<String>,
    /// The largest frame it takes, bytes.
    pub max_frame_bytes: u32,
    /// The server's clock.
    pub now: UnixMillis,
    /// The member's own room; absent for an API token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_room: Option<Room>,
    /// The projects of an API token; empty for a member, who learns them from their own room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<Project>,
}

/// The server says why a position can't be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResyncReason {
    /// The client has no position.
    New,
    /// The journal no longer reaches back that far.
    TooOld,
    /// The journal has another epoch.
    OtherEpoch,
    /// The mark differs, or the position lies beyond the head: the server's data was copied back.
    Diverged,
    /// The member was admitted again after the position.
    Readmitted,
}

/// `resync`: state pages follow, and `head` is the position they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resync {
    /// Why.
    pub reason: ResyncReason,
    /// Where the journal goes on after the state.
    pub head: Position,
}

/// `gap`: lines of a stream that this slow receiver did not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Which stream.
    pub stream: String,
    /// How many.
    pub dropped: u64,
}

/// `gone`: a board value ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gone {
    /// The event's name.
    pub event: String,
    /// The value's key.
    pub key: String,
}

/// `going_away`: reconnect after this long, spread by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GoingAway {
    /// Milliseconds.
    pub reconnect_in_ms: u32,
}
