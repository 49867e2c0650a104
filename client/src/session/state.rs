//! Where the connection stands, and what a status bar says of that.

use std::time::Duration;

use watchbell_protocol::UnixMillis;

use super::open::Open;
use crate::view::{ConnectionState, Transport};

/// Where the connection stands; each state has only what it needs. It is stopped by the person, or by the server for good;
/// it gave up when every attempt that there may be had failed.
#[derive(Debug)]
pub(super) enum State {
    Stopped { since: UnixMillis, reason: Option<String> },
    GaveUp { since: UnixMillis, reason: String },
    SignInNeeded { reason: String },
    Renewing,
    Opening { via: Transport, until: Duration },
    Open(Open),
    Waiting { until: Duration, until_wall: UnixMillis, reason: String },
}

impl State {
    /// What a status bar says.
    pub(super) fn view(&self, offline_since: Option<UnixMillis>) -> ConnectionState {
        match self {
            Self::Stopped { since, reason } => ConnectionState::Disconnected { since: *since, reason: reason.clone() },
            Self::GaveUp { since, reason } => {
                ConnectionState::Disconnected { since: *since, reason: Some(reason.clone()) }
            }
            Self::SignInNeeded { reason } => ConnectionState::SignInNeeded { reason: reason.clone() },
            Self::Renewing | Self::Opening { .. } => ConnectionState::Connecting { offline_since },
            Self::Open(Open { live: Some((_, since)), .. }) => ConnectionState::Live { since: *since },
            Self::Open(Open { rooms: (done, of), .. }) => ConnectionState::CatchingUp { done: *done, of: *of },
            Self::Waiting { until_wall, reason, .. } => ConnectionState::Offline {
                since: offline_since.unwrap_or(*until_wall),
                next_try_at: *until_wall,
                reason: reason.clone(),
            },
        }
    }
}
