//! A room's state in pages, for a receiver without a usable position. Items are upserted by id.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    AnalysisId,
    event::{Activity, Analysis, Issue, Member, Notification, Project},
};

/// One thing that is so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum StateItem {
    /// In a project's room: the project. In a member's room: each project they belong to.
    Project(Project),
    /// In a project's room: a member.
    Member(Member),
    /// In a project's room: an analysis, newest last.
    Analysis(Analysis),
    /// In a project's room: issues of an analysis (the latest complete one, and any later).
    Issues {
        /// Of which.
        analysis: AnalysisId,
        /// Some of them.
        issues: Vec<Issue>,
    },
    /// In a project's room: an entry of the feed.
    Activity(Activity),
    /// In a member's room: a notification.
    Notification(Notification),
}

/// A page of state. After the last one, what the receiver holds of the room and was in no page is gone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct StatePage {
    /// The items.
    pub items: Vec<StateItem>,
    /// Whether this was the last page.
    pub last: bool,
}
