//! What a client sends.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::depth::is_deeper;
use crate::{Command, CommandId, ErrorCode, Room, WireError, error, limits};

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
            #[serde(borrow)]
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
        // The frame itself is the first level.
        if is_deeper(data, limits::FRAME_DEPTH - 1) {
            let message = format!("is nested deeper than {} levels", limits::FRAME_DEPTH);
            let error = WireError::new(ErrorCode::BadRequest, message).at("data");
            return Err(Refused { id: envelope.id, error });
        }
        let command = Command::parse(&envelope.cmd, data).map_err(|error| Refused { id: envelope.id, error })?;
        Ok(Self { id: envelope.id, room: envelope.room, command })
    }

    /// The id of a frame that will not be looked at further, to answer to.
    pub fn id_of(text: &str) -> Option<CommandId> {
        #[derive(Deserialize)]
        struct Identified {
            id: Option<CommandId>,
        }

        serde_json::from_str::<Identified>(text).ok()?.id
    }
}
