//! What a view shows: rows that queries of the cache give, in the shape the screens need them.
//!
//! Deliberately absent: wording. A view turns these into sentences.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use watchbell_protocol::{
    AnalysisId, ProjectId, Seq, UnixMillis, UserId,
    event::{
        Activity, Analysis, AnalysisProgress, AnalysisState, DeviceKind, Issue, Notification, Role, Severity, Status,
        Viewing,
    },
};

/// How the client stands with the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum ConnectionState {
    /// An attempt is under way.
    Connecting {
        /// Since when there was no connection; absent at the first attempt since the start.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        offline_since: Option<UnixMillis>,
    },
    /// Connected; what was missed is still arriving.
    CatchingUp {
        /// Rooms that are up to date.
        done: u32,
        /// Rooms in all.
        of: u32,
    },
    /// Connected and up to date.
    Live {
        /// Since when.
        since: UnixMillis,
    },
    /// Not connected; the next attempt comes by itself.
    Offline {
        /// Since when.
        since: UnixMillis,
        /// When the next attempt is made.
        next_try_at: UnixMillis,
        /// Why the last attempt failed, in a sentence.
        reason: String,
    },
    /// Disconnected by the person, by the server for good, or because every attempt that there may be has failed; it stays
    /// so until they connect again.
    Disconnected {
        /// Since when.
        since: UnixMillis,
        /// Why, when it was not the person.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
    },
    /// The server wants a sign-in; nothing is tried until then.
    SignInNeeded {
        /// Why, in a sentence.
        reason: String,
    },
}

/// What carries the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Transport {
    /// A WebSocket.
    #[serde(rename = "websocket")]
    WebSocket,
    /// Requests that wait for news: slower, for where a proxy lets no WebSocket through.
    LongPoll,
}

/// The connection as a status bar shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Connection {
    /// Where it stands.
    pub state: ConnectionState,
    /// What carries the frames; absent without a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub transport: Option<Transport>,
    /// Round trip of the last answered ping, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub latency_ms: Option<u32>,
    /// Durable commands waiting to be sent or answered.
    pub waiting: u32,
    /// When the cache last was up to date with the server; absent if it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub saved_at: Option<UnixMillis>,
}

/// The run state of a project, for its row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RunMark {
    /// Where its latest analysis stands.
    pub state: AnalysisState,
    /// Per cent, while it runs and the progress is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub percent: Option<f32>,
}

/// A project in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ProjectRow {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// Its latest analysis; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub run: Option<RunMark>,
    /// Unread notifications that belong to it.
    pub unread: u32,
}

/// A project's member with their presence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// The name to mention with.
    pub name: String,
    /// The name to show.
    pub display_name: String,
    /// What they may do.
    pub role: Role,
    /// As last heard; while the client is offline that is old news, and the view must say so.
    pub status: Status,
    /// Since when the status holds, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub since: Option<UnixMillis>,
    /// When they were last connected, when known and not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub last_seen: Option<UnixMillis>,
    /// What their connected devices run.
    pub devices: Vec<DeviceKind>,
    /// What they are looking at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub viewing: Option<Viewing>,
}

/// Everything the overview of a project shows, but the issues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ProjectView {
    /// The project.
    pub project: ProjectRow,
    /// Whether the cache has ever been in step with this project's room; if not, nothing is known yet.
    pub known: bool,
    /// Its members, online first, then by name.
    pub people: Vec<Person>,
    /// Its latest analysis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub analysis: Option<Analysis>,
    /// The last progress heard of it, if it has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub progress: Option<AnalysisProgress>,
    /// The newest entries of the feed, newest first, at most 100.
    pub activity: Vec<Activity>,
    /// Issues of each earlier complete analysis, oldest first, at most 30: the trend.
    pub trend: Vec<u32>,
}

/// Which issues, in which order: worst first, then by path and line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export)]
pub struct IssueFilter {
    /// Only these severities; all when empty.
    pub severities: Vec<Severity>,
    /// Only of this detector.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub detector: Option<String>,
    /// Only those whose message, rule or path contains this, whatever the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub text: Option<String>,
}

/// A page of issues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct IssuePage {
    /// Of which analysis.
    pub analysis: AnalysisId,
    /// The rows from the offset that was asked for.
    pub rows: Vec<Issue>,
    /// How many the filter lets through in all.
    pub total: u32,
}

/// Which notifications, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export)]
pub struct NotificationFilter {
    /// Only unread ones.
    pub unread: bool,
    /// Only those older than this number: the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub before: Option<Seq>,
}

/// A notification in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct NotificationRow {
    /// The notification, as this device's own waiting actions make it.
    pub notification: Notification,
    /// The name of its project.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub project_name: Option<String>,
    /// Whether an action on it still waits to be sent.
    pub waiting: bool,
}

/// A page of notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct NotificationPage {
    /// The rows, newest first, at most 50.
    pub rows: Vec<NotificationRow>,
    /// Whether there are older ones.
    pub more: bool,
    /// Unread in all.
    pub unread: u32,
    /// The newest notification's number: what "read all" and "clear all" name.
    pub newest: Seq,
}
