//! Notifications: what one member should know, durable and in step on all their devices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::EventType;
use crate::{AnalysisId, Class, List, NotificationId, ProjectId, Seq, Text, UnixMillis, limits};

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum NotificationKind {
    /// An analysis completed.
    AnalysisComplete,
    /// An analysis failed, was cancelled, or lost its runner.
    AnalysisEnded,
    /// Sent by a member or a producer (`watchbell notify`).
    Notice,
    /// From the server itself.
    #[serde(other)]
    System,
}

/// How much it matters. The operating system's urgency follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something went well.
    Success,
    /// Look at it.
    Warning,
    /// Look at it now.
    Error,
}

/// Where a click leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum Link {
    /// An analysis.
    Analysis {
        /// Which.
        analysis: AnalysisId,
    },
    /// A web page (http or https).
    Url {
        /// Its address.
        url: Text<{ limits::URL_BYTES }>,
    },
}

/// A notification of one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// The number of its `notification:new` in the member's room; "read all" and "clear all" name it.
    pub seq: Seq,
    /// What it is about.
    pub kind: NotificationKind,
    /// How much it matters.
    pub level: Level,
    /// One line.
    pub title: Text<{ limits::TITLE_BYTES }>,
    /// More, if any; empty otherwise.
    pub body: Text<{ limits::BODY_BYTES }>,
    /// The project it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub project: Option<ProjectId>,
    /// Where a click leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub link: Option<Link>,
    /// When it was made.
    pub at: UnixMillis,
    /// When the member read it; absent while unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub read_at: Option<UnixMillis>,
}

/// A notification was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NotificationNew {
    /// The notification.
    pub notification: Notification,
}

/// Which notifications are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Selection {
    /// These.
    Ids(List<NotificationId, { limits::IDS }>),
    /// All up to and including this number: one that arrived after the member looked is not meant.
    Through(Seq),
}

/// Notifications were read, on whichever device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NotificationRead {
    /// Which.
    pub which: Selection,
    /// When.
    pub at: UnixMillis,
}

/// Notifications were cleared: they are gone from every list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct NotificationCleared {
    /// Which.
    pub which: Selection,
}

impl EventType for NotificationNew {
    const CLASS: Class = Class::Durable;
}

impl EventType for NotificationRead {
    const CLASS: Class = Class::Durable;
}

impl EventType for NotificationCleared {
    const CLASS: Class = Class::Durable;
}
