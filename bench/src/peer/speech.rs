//! What a client says to each server, and how it knows that it was heard.

use anyhow::{Context as _, Result};
use watchbell_protocol::{
    AnalysisId, ClientFrame, CommandId, List, Position, Room, SUBPROTOCOL, Text,
    command::{AnalysisStart, LogsAppend, PresenceUpdate, RoomJoin, Runner},
    event::{LogLine, Status},
};

use super::{
    Peer, Server, Template,
    payload::{self, POST_MARK, PROGRESS_MARK},
};
use crate::{clock, wire};

/// The log that is written to.
const LOG: &str = "bench";

/// Whose connection it is, and to which room it goes.
#[derive(Debug, Clone, Copy)]
pub struct Seat {
    /// The number of the room.
    pub room: usize,
    /// The number of its place there; several may be the same member's.
    pub place: usize,
}

/// Something to send, and the answers to wait for.
#[derive(Debug, Clone)]
pub struct Step {
    /// Frames.
    pub send: Vec<u8>,
    /// How the text of an answer begins.
    pub answer: &'static [u8],
    /// How many such answers.
    pub times: usize,
}

impl Step {
    /// How Watchbell answers a command.
    pub const COMMAND: &'static [u8] = b"{\"re\":";
}

impl Server {
    /// The request that begins a connection.
    pub fn handshake(&self, seat: Seat) -> Result<Vec<u8>> {
        Ok(match self.peer {
            Peer::Watchbell => {
                let token = &self.world().member(self.whose(seat)?)?.token;
                let headers = format!("Authorization: Bearer {token}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n");
                wire::handshake("/v1/ws", &headers)
            }
            Peer::SocketIo => wire::handshake("/socket.io/?EIO=4&transport=websocket", ""),
            Peer::Bare => wire::handshake("/", ""),
        })
    }

    /// What has to be said to be live: in Watchbell in one's own room and in the project, each from a position if there
    /// is one.
    pub fn joining(&self, seat: Seat, since: [Option<Position>; 2]) -> Result<Vec<Step>> {
        Ok(match self.peer {
            Peer::Watchbell => {
                let own = Room::User(self.world().member(self.whose(seat)?)?.id);
                let rooms = [own, self.world().project_room(seat.room)?];
                let mut send = Vec::new();
                for (room, since) in rooms.into_iter().zip(since) {
                    let command = RoomJoin { since, ..RoomJoin::default() }.into();
                    let frame = ClientFrame { id: Some(CommandId::fresh()), room: Some(room), command };
                    send.extend(wire::text(&serde_json::to_string(&frame)?));
                }
                vec![Step { send, answer: Step::COMMAND, times: rooms.len() }]
            }
            Peer::SocketIo => {
                let join = format!(r#"420["join","room-{}"]"#, seat.room);
                vec![
                    Step { send: wire::text("40"), answer: b"40", times: 1 },
                    Step { send: wire::text(&join), answer: b"430", times: 1 },
                ]
            }
            Peer::Bare => {
                let join = format!("join room-{}", seat.room);
                vec![Step { send: wire::text(&join), answer: b"joined", times: 1 }]
            }
        })
    }

    /// What the first member says before they publish to these rooms, and what they publish then: `keys` values for each
    /// room, in turn. In Watchbell each is an analysis that they run, so that its progress is a value of its own.
    pub fn publications(&self, rooms: usize, keys: usize) -> Result<(Vec<Step>, Vec<Template>)> {
        let (mut steps, mut templates) = (Vec::new(), Vec::new());
        for _ in 0..keys {
            for room in 0..rooms {
                match self.peer {
                    Peer::Watchbell => {
                        let (step, template) = self.analysis(room)?;
                        steps.push(step);
                        templates.push(template);
                    }
                    Peer::SocketIo => {
                        let data = payload::plain(|data| format!(r#"42["event",{data}]"#));
                        let text = format!(r#"42["publish","room-{room}",{data}]"#);
                        templates.push(Template::new(&text, PROGRESS_MARK));
                    }
                    Peer::Bare => {
                        let text = format!("publish room-{room} {}", payload::plain(str::to_owned));
                        templates.push(Template::new(&text, PROGRESS_MARK));
                    }
                }
            }
        }
        if self.peer == Peer::SocketIo {
            steps.push(Step { send: wire::text("40"), answer: b"40", times: 1 });
        }
        Ok((steps, templates))
    }

    fn analysis(&self, room: usize) -> Result<(Step, Template)> {
        let (id, room, member) = (CommandId::fresh(), self.world().project_room(room)?, self.world().member(0)?);
        let start = AnalysisStart {
            runner: Runner::Own,
            runner_name: Text::clip("bench"),
            root: Text::clip("bench"),
            branch: None,
            revision: None,
            files: 0,
            detectors: List::default(),
        };
        let frame = ClientFrame { id: Some(id), room: Some(room), command: start.into() };
        let step = Step { send: wire::text(&serde_json::to_string(&frame)?), answer: Step::COMMAND, times: 1 };
        // What a command makes takes the command's id.
        let renewal = payload::renewal(room, member.id, &member.name, AnalysisId::from(id));
        let frame = ClientFrame { id: None, room: Some(room), command: renewal.into() };
        Ok((step, Template::new(&serde_json::to_string(&frame)?, PROGRESS_MARK)))
    }

    /// A durable entry of the project's feed, under an id of its own.
    pub fn post(&self, room: usize) -> Result<Vec<u8>> {
        let frame = ClientFrame {
            id: Some(CommandId::fresh()),
            room: Some(self.world().project_room(room)?),
            command: payload::post().into(),
        };
        Ok(wire::text(&serde_json::to_string(&frame)?))
    }

    /// What Watchbell is asked, and answers, to get the lines of the log in a project as well.
    pub fn looking(&self, room: usize) -> Result<Step> {
        let streams = List::try_from(vec![Text::clip(format!("logs:{LOG}"))]).unwrap_or_default();
        let command = RoomJoin { since: None, streams }.into();
        let frame = ClientFrame { id: Some(CommandId::fresh()), room: Some(self.world().project_room(room)?), command };
        Ok(Step { send: wire::text(&serde_json::to_string(&frame)?), answer: Step::COMMAND, times: 1 })
    }

    /// A line of that log, in a command of its own.
    pub fn line(&self, room: usize) -> Result<Template> {
        let text = Text::clip(format!("{POST_MARK}{} {}", clock::now(), "x".repeat(80)));
        let lines =
            List::try_from(vec![LogLine { text, raw: None, level: None, written_at: None }]).unwrap_or_default();
        let command = LogsAppend { source: Text::clip(LOG), lines }.into();
        let frame = ClientFrame { id: None, room: Some(self.world().project_room(room)?), command };
        Ok(Template::new(&serde_json::to_string(&frame)?, POST_MARK))
    }

    /// That this device is here, or away for the moment.
    pub fn presence(here: bool) -> Result<Vec<u8>> {
        let status = if here { Status::Online } else { Status::Away };
        let command = PresenceUpdate { status, viewing: None }.into();
        Ok(wire::text(&serde_json::to_string(&ClientFrame { id: None, room: None, command })?))
    }

    /// The words before the stamp of what [`Self::publications`] publishes, and of what [`Self::post`] and
    /// [`Self::line`] do.
    pub fn marks() -> (&'static str, &'static str) {
        (PROGRESS_MARK, POST_MARK)
    }

    fn whose(&self, seat: Seat) -> Result<usize> {
        let shape = self.world().shape.context("only Watchbell knows members")?;
        Ok(shape.member(seat.room, seat.place))
    }
}
