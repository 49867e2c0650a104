//! The table of commands. Each family has a file with the payloads.

pub mod activity;
pub mod analysis;
pub mod connection;
pub mod logs;
pub mod notification;
pub mod presence;

pub use activity::ActivityPost;
pub use analysis::{
    AnalysisCancel, AnalysisRenew, AnalysisReport, AnalysisStart, DetectorPlan, End, ReportItem, Runner,
};
pub use connection::{AuthRefresh, RoomJoin, RoomLeave};
pub use logs::LogsAppend;
pub use notification::{NotificationClear, NotificationReadAll, NotificationReadCmd, Notify};
pub use presence::PresenceUpdate;

/// How a command travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// Changes something for good: waits in the client's outbox over restarts, has an id, is applied once, answered
    /// after the commit.
    Durable,
    /// About this connection: has an id and an answer, but means nothing on another connection.
    Connection,
    /// True at this moment only: no id, no answer unless refused, no transaction.
    Momentary,
}

commands! {
    "room:join" Connection => RoomJoin,
    "room:leave" Connection => RoomLeave,
    "auth:refresh" Connection => AuthRefresh,
    "presence:update" Momentary => PresenceUpdate,
    "analysis:start" Durable => AnalysisStart,
    "analysis:renew" Momentary => AnalysisRenew,
    "analysis:report" Durable => AnalysisReport,
    "analysis:cancel" Durable => AnalysisCancel,
    "notification:read" Durable => NotificationReadCmd,
    "notification:read_all" Durable => NotificationReadAll,
    "notification:clear" Durable => NotificationClear,
    "notify" Durable => Notify,
    "activity:post" Durable => ActivityPost,
    "logs:append" Momentary => LogsAppend,
}
