//! What the shell itself tells the window: who is signed in, the keyring, the popups.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use watchbell_client::{
    change::Change,
    view::{Connection, ProjectRow},
};
use watchbell_protocol::UserId;

/// Whether the operating system keeps the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum KeyringState {
    /// It does.
    Kept,
    /// It can, but nothing is stored yet.
    Empty,
    /// It is there, but locked or not answering.
    Locked,
    /// There is none: the session lives in memory only.
    Absent,
}

/// Whether the operating system shows popups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum PopupState {
    /// Not tried yet.
    Unknown,
    /// The last one was taken.
    On {
        /// The notification service's name.
        service: String,
    },
    /// There is no service, or it failed.
    Off {
        /// Why, in a sentence.
        reason: String,
    },
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum Session {
    /// Nobody. What was used last is filled in.
    SignedOut {
        /// The server's address.
        address: String,
        /// The member's name.
        name: String,
        /// Why, if it was not the person's own doing.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        reason: Option<String>,
    },
    /// A member.
    SignedIn {
        /// Their id.
        user: UserId,
        /// The name to sign in with.
        name: String,
        /// The name to show.
        display_name: String,
        /// The server's name.
        server: String,
        /// The server's address.
        address: String,
    },
}

/// Everything a window needs to begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Snapshot {
    /// The app's version.
    pub version: String,
    /// Who is signed in.
    pub session: Session,
    /// The keyring.
    pub keyring: KeyringState,
    /// The popups.
    pub popups: PopupState,
    /// The connection; absent while nobody is signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub connection: Option<Connection>,
    /// The projects, by name.
    pub projects: Vec<ProjectRow>,
    /// Unread notifications in all.
    pub unread: u32,
}

/// What the shell sends to a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "from", content = "value", rename_all = "snake_case")]
#[ts(export)]
pub enum AppChange {
    /// Everything: at the start, and after signing in or out.
    Snapshot(Box<Snapshot>),
    /// From the client.
    Client(Box<Change>),
    /// The keyring.
    Keyring(KeyringState),
    /// The popups.
    Popups(PopupState),
    /// A popup was clicked: show this.
    Open(OpenTarget),
}

/// What to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum OpenTarget {
    /// A project's overview.
    Project {
        /// Which.
        project: watchbell_protocol::ProjectId,
    },
    /// The notifications.
    Notifications,
}

/// Why something the window asked for could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct AppError {
    /// For people: one sentence, and what to do.
    pub message: String,
    /// The field of the form it belongs to: `address`, `name` or `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub field: Option<String>,
}
