//! Who caused an event.

use serde::{Deserialize, Serialize};

use crate::{Text, UserId, limits};

/// The author of an event. The name travels along, so that a feed reads right even after the author has left.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum Origin {
    /// A member.
    User {
        /// Who.
        id: UserId,
        /// The display name at that time.
        name: Text<{ limits::NAME_BYTES }>,
    },
    /// A producer with an API token, such as a CI job.
    Token {
        /// The token's name.
        name: Text<{ limits::NAME_BYTES }>,
    },
    /// The server itself.
    Server,
}

impl Origin {
    /// The member behind the event, if it was one.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::Token { .. } | Self::Server => None,
        }
    }

    /// A name to show.
    pub fn name(&self) -> &str {
        match self {
            Self::User { name, .. } | Self::Token { name } => name,
            Self::Server => "Watchbell",
        }
    }
}
