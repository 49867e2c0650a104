//! What the client tells its listeners: small values whole, long lists as "pull again".
//!
//! A listener that applies every change to the snapshot it began with shows what the cache holds.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use watchbell_protocol::{
    AnalysisId, CommandId, ProjectId, WireError,
    event::{Activity, Analysis, AnalysisProgress, Counts, Notification},
};

use crate::view::{Connection, Person, ProjectRow};

/// How a notification that just arrived is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Shown {
    /// By the operating system.
    Popup,
    /// In the window, which has the focus.
    Toast,
    /// Only in the list.
    Silent,
    /// With others in one popup: the summary of a catch-up or of a burst.
    Grouped,
}

/// Something changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum Change {
    /// The connection.
    Connection {
        /// As it is now.
        connection: Connection,
    },
    /// The list of projects, or a mark in it.
    Projects {
        /// All of them, by name.
        projects: Vec<ProjectRow>,
    },
    /// Members of a project, or their presence.
    People {
        /// Which project.
        project: ProjectId,
        /// All of them, online first, then by name.
        people: Vec<Person>,
    },
    /// The latest analysis of a project: started, a detector ended, came to its end.
    Analysis {
        /// As it is now.
        analysis: Box<Analysis>,
    },
    /// The progress of a running analysis.
    Progress {
        /// Which project.
        project: ProjectId,
        /// The latest; older ones were left out.
        progress: Box<AnalysisProgress>,
    },
    /// Issues were added: pull the page that is shown.
    Issues {
        /// To which analysis.
        analysis: AnalysisId,
        /// How many there are now.
        counts: Counts,
    },
    /// New entries of a project's feed.
    Activity {
        /// Which project.
        project: ProjectId,
        /// The entries, newest first; one that is known already (by id) replaces.
        entries: Vec<Activity>,
    },
    /// The list of notifications changed: pull the page that is shown.
    Notifications {
        /// Unread in all.
        unread: u32,
    },
    /// A notification arrived, was decided upon, and is new to this device.
    Arrived {
        /// The notification.
        notification: Notification,
        /// The name of its project.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        project_name: Option<String>,
        /// How it is shown.
        shown: Shown,
    },
    /// Notifications that came while the client was away, or in a burst, and are told of together.
    Summary {
        /// How many.
        count: u32,
        /// Unread in all.
        unread: u32,
        /// How it is shown: a popup or, with the focus in the window, a toast.
        shown: Shown,
    },
    /// The server refused a command that was shown as done; the optimistic change was taken back.
    Refused {
        /// Which command.
        command: CommandId,
        /// Its name, such as `notification:read`.
        name: String,
        /// Why.
        error: WireError,
    },
    /// A project's room was rebuilt from the state, or is gone: pull everything of it.
    Reset {
        /// Which project.
        project: ProjectId,
    },
}
