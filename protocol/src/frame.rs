//! Frames: what one WebSocket text message, or one element of a long-poll answer, is.
//!
//! A server frame is told apart by the keys it has, so both directions parse by hand instead of by trial.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::{
    AnalysisId, Command, CommandId, ConnectionId, ErrorCode, Event, Origin, Position, Room, Seq, StatePage, Tag, Text,
    UnixMillis, WireError, error, limits,
};

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientFrame {
    /// Present on everything that wants an answer; makes a durable command idempotent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<CommandId>,
    /// Where; absent for what concerns the connection as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// What.
    #[serde(flatten)]
    pub command: Command,
}

/// A frame that could not be taken, with the id to answer to when it had one.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The frame's id, if it could be read.
    pub id: Option<CommandId>,
    /// What is wrong with it.
    pub error: WireError,
}

impl ClientFrame {
    /// Parses one text message. Unknown fields are ignored, an unknown command is refused.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(default)]
            id: Option<CommandId>,
            #[serde(default)]
            room: Option<Room>,
            cmd: std::borrow::Cow<'a, str>,
            #[serde(default, borrow)]
            data: Option<&'a RawValue>,
        }

        if text.len() > limits::FRAME_BYTES {
            let message = format!("the frame has {} bytes, at most {} are allowed", text.len(), limits::FRAME_BYTES);
            return Err(Refused { id: None, error: WireError::new(ErrorCode::TooLarge, message) });
        }
        let envelope: Envelope<'_> = error::parse(text, "").map_err(|error| Refused { id: None, error })?;
        let data = envelope.data.map_or("{}", RawValue::get);
        let command = Command::parse(&envelope.cmd, data).map_err(|error| Refused { id: envelope.id, error })?;
        Ok(Self { id: envelope.id, room: envelope.room, command })
    }
}

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

/// The answer to a command that was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// Where its event stands; absent when it caused none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// The number of its (last) event there: an optimistic row is settled even when a resync skipped the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// To `analysis:start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Started>,
}

/// What the starter of an analysis needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    /// The analysis.
    pub analysis: AnalysisId,
    /// Its number in the project.
    pub number: u32,
    /// How long detectors usually take here, by the last complete runs.
    pub usual: Vec<Usual>,
}

/// How long a detector usually takes in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usual {
    /// Which detector.
    pub detector: Text<{ limits::NAME_BYTES }>,
    /// Durations of its last complete runs (at most 10), milliseconds, newest first.
    pub ms: Vec<u64>,
    /// Files those runs looked at, in the same order.
    pub files: Vec<u32>,
}

/// The first frame of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connected {
    /// The server's version.
    pub version: String,
    /// This connection, for logs.
    pub connection: ConnectionId,
    /// What the server can do beyond the base, by name.
    pub capabilities: Vec<String>,
    /// The largest frame it takes, bytes.
    pub max_frame_bytes: u32,
    /// The server's clock.
    pub now: UnixMillis,
    /// The member's own room; absent for an API token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_room: Option<Room>,
    /// The rooms of an API token's projects; empty for a member, who learns them from their own room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<Room>,
}

/// The server says why a position can't be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResyncReason {
    /// The client has no position.
    New,
    /// The journal no longer reaches back that far.
    TooOld,
    /// The journal has another epoch.
    OtherEpoch,
    /// The mark differs, or the position lies beyond the head: the server's data was copied back.
    Diverged,
    /// The member was admitted again after the position.
    Readmitted,
}

/// `resync`: state pages follow, and `head` is the position they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resync {
    /// Why.
    pub reason: ResyncReason,
    /// Where the journal goes on after the state.
    pub head: Position,
}

/// `gap`: lines of a stream that this slow receiver did not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Which stream.
    pub stream: String,
    /// How many.
    pub dropped: u64,
}

/// `gone`: a board value ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gone {
    /// The event's name.
    pub event: String,
    /// The value's key.
    pub key: String,
}

/// `going_away`: reconnect after this long, spread by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GoingAway {
    /// Milliseconds.
    pub reconnect_in_ms: u32,
}

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
