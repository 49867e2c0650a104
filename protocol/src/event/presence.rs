//! Presence: who is here, merged over their devices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::EventType;
use crate::{Class, DeviceId, List, ProjectId, Text, UnixMillis, UserId, limits};

/// Whether somebody is here. Ordered: the best of all devices is the member's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Status {
    /// No device is connected.
    Offline,
    /// Connected, but idle on every device, or set by hand.
    Away,
    /// Connected and active.
    Online,
}

/// What kind of client a device runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum DeviceKind {
    /// The desktop app.
    Desktop,
    /// The command line.
    Cli,
    /// Anything else.
    #[serde(other)]
    Other,
}

/// What somebody is looking at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct Viewing {
    /// The project; shown only to its members.
    pub project: ProjectId,
    /// The place in it, such as "Overview" or a file's name.
    pub place: Text<{ limits::NAME_BYTES }>,
}

/// One connected device of a member.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct Device {
    /// Which.
    pub id: DeviceId,
    /// What it runs.
    pub kind: DeviceKind,
    /// Active or idle there.
    pub status: Status,
}

/// One member's presence in a room.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct Presence {
    /// Who.
    pub user: UserId,
    /// The best status over all devices.
    pub status: Status,
    /// Since when the status holds.
    pub since: UnixMillis,
    /// Connected devices; empty when offline.
    pub devices: List<Device, { limits::DEVICES }>,
    /// What they are looking at, if it is in this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub viewing: Option<Viewing>,
}

/// Somebody's presence changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct PresenceChanged {
    /// As it is now.
    #[serde(flatten)]
    pub presence: Presence,
}

impl EventType for PresenceChanged {
    const CLASS: Class = Class::Latest;

    fn key(&self) -> Option<String> {
        Some(self.presence.user.to_string())
    }
}
