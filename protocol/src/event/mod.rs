//! The table of events. Each family has a file with payloads, delivery class, key and what it ends.
//!
//! An event type has exactly one class: what is both momentary and lasting is two events.

pub mod activity;
pub mod analysis;
pub mod issue;
pub mod logs;
pub mod notification;
pub mod presence;
pub mod project;

pub use activity::{Activity, ActivityKind, ActivityNew};
pub use analysis::{
    Analysis, AnalysisCancelled, AnalysisCancelling, AnalysisComplete, AnalysisError, AnalysisIssues, AnalysisProgress,
    AnalysisStarted, AnalysisState, DetectorComplete, DetectorProgress, DetectorRun, DetectorState, TimeLeft,
};
pub use issue::{Counts, Issue, Severity};
pub use logs::{LogLevel, LogLine, LogsStream};
pub use notification::{
    Level, Link, Notification, NotificationCleared, NotificationKind, NotificationNew, NotificationRead, Selection,
};
pub use presence::{Device, DeviceKind, Presence, PresenceChanged, Status, Viewing};
pub use project::{Member, Project, ProjectMemberAdded, ProjectMemberRemoved, ProjectUpdate, Role};

use crate::Class;

/// What every event's payload declares about itself.
pub trait EventType {
    /// How it is kept and delivered.
    const CLASS: Class;

    /// For `Latest`: which value on the board it replaces. For `Stream`: the stream's name, as `room:join` names it.
    fn key(&self) -> Option<String> {
        None
    }

    /// The board value (event name, key) that it ends: nobody sees 97 % after the end.
    fn closes(&self) -> Option<(&'static str, String)> {
        None
    }
}

events! {
    "project:update" => ProjectUpdate,
    "project:member:added" => ProjectMemberAdded,
    "project:member:removed" => ProjectMemberRemoved,
    "presence:changed" => PresenceChanged,
    "activity:new" => ActivityNew,
    "analysis:started" => AnalysisStarted,
    "analysis:progress" => AnalysisProgress,
    "analysis:detector:complete" => DetectorComplete,
    "analysis:issues" => AnalysisIssues,
    "analysis:cancelling" => AnalysisCancelling,
    "analysis:complete" => AnalysisComplete,
    "analysis:cancelled" => AnalysisCancelled,
    "analysis:error" => AnalysisError,
    "notification:new" => NotificationNew,
    "notification:read" => NotificationRead,
    "notification:cleared" => NotificationCleared,
    "logs:stream" => LogsStream,
}
