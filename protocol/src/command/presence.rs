//! Presence, as a device says it of itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::event::{Status, Viewing};

/// How this device stands; it replaces what the device said before. The frame names no room: the server tells the
/// projects that the connection has joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct PresenceUpdate {
    /// Online or away. (A connected device is never offline; `offline` is refused.)
    pub status: Status,
    /// What is being looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub viewing: Option<Viewing>,
}
