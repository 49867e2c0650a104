//! Reading, clearing and sending notifications.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    List, NotificationId, Seq, Text,
    event::{Level, Link},
    limits,
};

/// Mark these as read. In the member's own room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NotificationReadCmd {
    /// Which; unknown ones are ignored, they may have been cleared elsewhere.
    pub ids: List<NotificationId, { limits::IDS }>,
}

/// Mark all as read. In the member's own room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NotificationReadAll {
    /// Up to and including this notification: what arrived after the member looked is not meant.
    pub through: Seq,
}

/// Clear all. In the member's own room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NotificationClear {
    /// Up to and including this notification.
    pub through: Seq,
}

/// Notify every member of the frame's project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Notify {
    /// How much it matters.
    pub level: Level,
    /// One line; not empty.
    pub title: Text<{ limits::TITLE_BYTES }>,
    /// More, if any.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub body: Text<{ limits::BODY_BYTES }>,
    /// Where a click leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub link: Option<Link>,
}
