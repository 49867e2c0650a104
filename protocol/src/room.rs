//! Rooms: everything that happens, happens in one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{ProjectId, SessionId, UserId};

/// A room's name on the wire: `user:{id}`, `project:{id}` or `session:{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ts_rs::TS)]
#[ts(export, type = "string")]
pub enum Room {
    /// What concerns one member: notifications, direct messages.
    User(UserId),
    /// What concerns a project's members.
    Project(ProjectId),
    /// A collaboration session.
    Session(SessionId),
}

/// The text is no room name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a room: expected user:{{id}}, project:{{id}} or session:{{id}}")]
pub struct NotARoom;

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Project(id) => write!(f, "project:{id}"),
            Self::Session(id) => write!(f, "session:{id}"),
        }
    }
}

impl FromStr for Room {
    type Err = NotARoom;

    fn from_str(text: &str) -> Result<Self, NotARoom> {
        let (kind, id) = text.split_once(':').ok_or(NotARoom)?;
        match kind {
            "user" => id.parse().map(Self::User).map_err(|_| NotARoom),
            "project" => id.parse().map(Self::Project).map_err(|_| NotARoom),
            "session" => id.parse().map(Self::Session).map_err(|_| NotARoom),
            _ => Err(NotARoom),
        }
    }
}

impl Serialize for Room {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Room {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl schemars::JsonSchema for Room {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Room".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^(user|project|session):[0-9a-f-]{36}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_reads_back_as_it_was_written() {
        for room in [Room::User(UserId::fresh()), Room::Project(ProjectId::fresh()), Room::Session(SessionId::fresh())]
        {
            assert_eq!(room.to_string().parse(), Ok(room));
        }
    }

    #[test]
    fn what_is_no_room_is_refused() {
        for text in ["", "project", "project:", "project:web", "team:0192f0c1-0000-7000-8000-000000000001"] {
            assert_eq!(text.parse::<Room>(), Err(NotARoom), "{text}");
        }
    }
}
