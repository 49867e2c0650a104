//! An event with where, when and by whom.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use crate::{Event, Origin, Room, Seq, Tag, UnixMillis};

/// An event in its room.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RoomEvent {
    /// Where.
    pub room: Room,
    /// Its number; on durable events only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// Its mark; on durable events only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// When the server took it.
    pub at: UnixMillis,
    /// Who caused it.
    pub origin: Origin,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl<'de> Deserialize<'de> for RoomEvent {
    /// From JSON text only. An event of a later version becomes [`Event::Unknown`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            room: Room,
            seq: Option<Seq>,
            tag: Option<Tag>,
            at: UnixMillis,
            origin: Origin,
            event: std::borrow::Cow<'a, str>,
            #[serde(borrow)]
            data: &'a RawValue,
        }

        let Wire { room, seq, tag, at, origin, event, data } = Wire::deserialize(deserializer)?;
        let event = Event::parse(&event, data.get()).map_err(de::Error::custom)?;
        Ok(Self { room, seq, tag, at, origin, event })
    }
}
