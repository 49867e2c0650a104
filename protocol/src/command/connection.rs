//! Commands about the connection itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{List, Position, Text, limits};

/// Join the frame's room: first what was missed, then the board, then live. To join again with other streams changes what
/// is received of streams and nothing else: nothing is read again, whatever `since` says. To join again with the same
/// streams reads again from `since`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct RoomJoin {
    /// The last durable event that the client has applied; absent on a new device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub since: Option<Position>,
    /// The streams to receive, by name (`logs:{source}`); they take the place of those before. None by default: nobody
    /// gets a line that nobody looks at.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub streams: List<Text<{ limits::NAME_BYTES }>, { limits::STREAMS }>,
}

/// Leave the frame's room.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct RoomLeave {}

/// A fresh access token for the live connection: same subject, same sign-in.
#[derive(Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AuthRefresh {
    /// The token.
    pub access_token: Text<{ limits::TOKEN_BYTES }>,
}

impl std::fmt::Debug for AuthRefresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthRefresh(…)")
    }
}
