//! Ids: UUIDs, one type per thing, so that no id is taken for another.
//!
//! Fresh ids are version 7 and therefore sort by creation; that is a convenience, never a promise the code leans on.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
            schemars::JsonSchema,
        )]
        #[serde(transparent)]
        #[ts(export)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, unique without asking anyone.
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// A member of the server.
    UserId,
    /// A project.
    ProjectId,
    /// A collaboration session.
    SessionId,
    /// One run of a set of detectors. Equal to the id of the command that started it.
    AnalysisId,
    /// A notification of one member.
    NotificationId,
    /// An entry of a project's activity feed.
    ActivityId,
    /// A durable command; resending it under the same id applies it once.
    CommandId,
    /// One connection, for logs.
    ConnectionId,
    /// An installation of a client: one desktop app, or one run of the command line.
    DeviceId,
    /// An API token.
    TokenId,
}

impl From<CommandId> for AnalysisId {
    /// A created thing takes its command's id.
    fn from(id: CommandId) -> Self {
        Self(id.0)
    }
}
