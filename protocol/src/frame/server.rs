//! What a server sends.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use serde_json::value::RawValue;

use super::{Answer, Connected, Gap, GoingAway, Gone, Resync, RoomEvent};
use crate::{CommandId, Position, Room, StatePage, WireError, error};

/// What a server sends.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerFrame {
    /// `{"connected":{…}}`: first on every connection.
    Connected(Connected),
    /// `{"re":"<id>","ok":{…}}` or `{"re":"<id>","error":{…}}`: the answer to a command.
    Answer {
        /// To which command.
        re: CommandId,
        /// What came of it.
        result: Result<Answer, WireError>,
    },
    /// An event.
    Event(Box<RoomEvent>),
    /// `{"batch":[…]}`: several events in one frame.
    Batch(Vec<RoomEvent>),
    /// `{"room","resync":{…}}`: the position can't be served; state pages follow.
    Resync {
        /// Where.
        room: Room,
        /// Why, and from where it goes on.
        resync: Resync,
    },
    /// `{"room","state":{…}}`: a page of state.
    State {
        /// Where.
        room: Room,
        /// The page.
        state: StatePage,
    },
    /// `{"room","board":[…]}`: the latest values; they replace what the receiver had.
    Board {
        /// Where.
        room: Room,
        /// One event per key.
        board: Vec<RoomEvent>,
    },
    /// `{"room","caught_up":{…}}`: from here on live.
    CaughtUp {
        /// Where.
        room: Room,
        /// The journal's head at that moment.
        caught_up: Position,
    },
    /// `{"room","gone":{…}}`: a board value ended.
    Gone {
        /// Where.
        room: Room,
        /// Which.
        gone: Gone,
    },
    /// `{"room","gap":{…}}`: lines of a stream that this slow receiver did not get.
    Gap {
        /// Where.
        room: Room,
        /// Which and how many.
        gap: Gap,
    },
    /// `{"room","left":{}}`: the receiver is no longer a member of the room.
    Left {
        /// Which.
        room: Room,
    },
    /// `{"heads":{…}}`: where the journals of joined rooms stand, behind their events.
    Heads(BTreeMap<Room, Position>),
    /// `{"going_away":{…}}`: the server is stopping.
    GoingAway(GoingAway),
    /// `{"error":{…}}`: about a frame that had no id.
    Error(WireError),
    /// A frame of a later version: skipped and counted.
    Unknown,
}

impl Serialize for ServerFrame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn in_room<S: Serializer, T: Serialize>(s: S, room: Room, key: &str, value: &T) -> Result<S::Ok, S::Error> {
            let mut map = s.serialize_map(Some(2))?;
            map.serialize_entry("room", &room)?;
            map.serialize_entry(key, value)?;
            map.end()
        }
        fn single<S: Serializer, T: Serialize + ?Sized>(s: S, key: &str, value: &T) -> Result<S::Ok, S::Error> {
            let mut map = s.serialize_map(Some(1))?;
            map.serialize_entry(key, value)?;
            map.end()
        }

        match self {
            Self::Connected(connected) => single(serializer, "connected", connected),
            Self::Answer { re, result } => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("re", re)?;
                match result {
                    Ok(answer) => map.serialize_entry("ok", answer)?,
                    Err(error) => map.serialize_entry("error", error)?,
                }
                map.end()
            }
            Self::Event(event) => event.serialize(serializer),
            Self::Batch(batch) => single(serializer, "batch", batch),
            Self::Resync { room, resync } => in_room(serializer, *room, "resync", resync),
            Self::State { room, state } => in_room(serializer, *room, "state", state),
            Self::Board { room, board } => in_room(serializer, *room, "board", board),
            Self::CaughtUp { room, caught_up } => in_room(serializer, *room, "caught_up", caught_up),
            Self::Gone { room, gone } => in_room(serializer, *room, "gone", gone),
            Self::Gap { room, gap } => in_room(serializer, *room, "gap", gap),
            Self::Left { room } => in_room(serializer, *room, "left", &serde_json::Map::new()),
            Self::Heads(heads) => single(serializer, "heads", heads),
            Self::GoingAway(going_away) => single(serializer, "going_away", going_away),
            Self::Error(error) => single(serializer, "error", error),
            Self::Unknown => Err(serde::ser::Error::custom("an unknown frame cannot be written")),
        }
    }
}

impl ServerFrame {
    /// Parses one text message. Unknown fields are ignored, unknown frames become [`Self::Unknown`] and
    /// unknown events [`Event::Unknown`].
    pub fn parse(text: &str) -> Result<Self, WireError> {
        error::parse(text, "")
    }

    /// The frame as text.
    ///
    /// # Panics
    /// Never for a frame that a server builds: every part of it has string keys and plain values.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a server frame is plain JSON")
    }
}

impl<'de> Deserialize<'de> for ServerFrame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Every key a server frame may have; which are there tells what it is.
        #[derive(Deserialize)]
        struct Keys {
            re: Option<CommandId>,
            ok: Option<Answer>,
            error: Option<WireError>,
            room: Option<Room>,
            event: Option<de::IgnoredAny>,
            batch: Option<Vec<RoomEvent>>,
            resync: Option<Resync>,
            state: Option<StatePage>,
            board: Option<Vec<RoomEvent>>,
            caught_up: Option<Position>,
            gone: Option<Gone>,
            gap: Option<Gap>,
            left: Option<de::IgnoredAny>,
            heads: Option<BTreeMap<Room, Position>>,
            connected: Option<Connected>,
            going_away: Option<GoingAway>,
        }

        let json = <&RawValue>::deserialize(deserializer)?;
        let keys: Keys = serde_json::from_str(json.get()).map_err(de::Error::custom)?;
        Ok(match (keys.re, keys.room) {
            (Some(re), _) => match (keys.ok, keys.error) {
                (_, Some(error)) => Self::Answer { re, result: Err(error) },
                (Some(answer), None) => Self::Answer { re, result: Ok(answer) },
                (None, None) => return Err(de::Error::custom("an answer without `ok` or `error`")),
            },
            (None, Some(_)) if keys.event.is_some() => {
                Self::Event(serde_json::from_str(json.get()).map_err(de::Error::custom)?)
            }
            (None, Some(room)) => {
                if let Some(resync) = keys.resync {
                    Self::Resync { room, resync }
                } else if let Some(state) = keys.state {
                    Self::State { room, state }
                } else if let Some(board) = keys.board {
                    Self::Board { room, board }
                } else if let Some(caught_up) = keys.caught_up {
                    Self::CaughtUp { room, caught_up }
                } else if let Some(gone) = keys.gone {
                    Self::Gone { room, gone }
                } else if let Some(gap) = keys.gap {
                    Self::Gap { room, gap }
                } else if keys.left.is_some() {
                    Self::Left { room }
                } else {
                    Self::Unknown
                }
            }
            (None, None) => {
                if let Some(batch) = keys.batch {
                    Self::Batch(batch)
                } else if let Some(connected) = keys.connected {
                    Self::Connected(connected)
                } else if let Some(heads) = keys.heads {
                    Self::Heads(heads)
                } else if let Some(going_away) = keys.going_away {
                    Self::GoingAway(going_away)
                } else if let Some(error) = keys.error {
                    Self::Error(error)
                } else {
                    Self::Unknown
                }
            }
        })
    }
}
