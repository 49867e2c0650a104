//! The activity feed of a project: what happened, in words a view can form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{AnalysisState, Counts, EventType};
use crate::{ActivityId, AnalysisId, Class, Origin, ProjectId, Text, UnixMillis, limits};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum ActivityKind {
    /// The project was added.
    ProjectAdded,
    /// Somebody joined the project.
    MemberAdded {
        /// Their display name.
        name: Text<{ limits::NAME_BYTES }>,
    },
    /// Somebody left the project.
    MemberRemoved {
        /// Their display name.
        name: Text<{ limits::NAME_BYTES }>,
    },
    /// An analysis started.
    AnalysisStarted {
        /// Which.
        analysis: AnalysisId,
        /// Its number in the project.
        number: u32,
    },
    /// An analysis came to its end.
    AnalysisEnded {
        /// Which.
        analysis: AnalysisId,
        /// Its number in the project.
        number: u32,
        /// How it ended.
        state: AnalysisState,
        /// What it found.
        counts: Counts,
    },
    /// Posted by a member or a producer.
    Posted {
        /// One line.
        title: Text<{ limits::TITLE_BYTES }>,
        /// More, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        body: Option<Text<{ limits::BODY_BYTES }>>,
    },
}

/// An entry of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct Activity {
    /// Its id.
    pub id: ActivityId,
    /// Where.
    pub project: ProjectId,
    /// When.
    pub at: UnixMillis,
    /// Who.
    pub by: Origin,
    /// What.
    pub what: ActivityKind,
}

/// Something happened in the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ActivityNew {
    /// The entry.
    pub activity: Activity,
}

impl EventType for ActivityNew {
    const CLASS: Class = Class::Durable;
}
