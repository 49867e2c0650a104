//! One connection, as a pure machine: what comes in and the time, effects out. No socket, no clock, no database.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use watchbell_protocol::{
    Answer, ClientFrame, CloseCode, Command, CommandId, Delivery, ErrorCode, Room, ServerFrame, UnixMillis, WireError,
    command::RoomJoin, frame::GoingAway,
};

use crate::{auth::Principal, clock::Moment, limits, timing::Timing};

/// Commands of one connection at work; it is not read further while there are more.
const AT_WORK: usize = 64;
/// The shortest pause of a connection that sends too much. Everything that comes meanwhile is refused as well: of what
/// was sent in one go, nothing is taken after something was refused.
const PAUSE: Duration = Duration::from_millis(250);
/// Messages that are refused in a row before the connection is closed: the other side does not listen.
const DEAF: u32 = 10_000;
/// Rooms that one connection may be in.
const ROOMS: usize = 512;

/// The time, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The time of day.
    pub wall: UnixMillis,
    /// The monotonic clock.
    pub moment: Moment,
}

/// What comes in.
#[derive(Debug)]
pub enum Input<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary,
    /// A message beyond the limit.
    TooLarge,
    /// A message, or something that is none, beyond what the connection may send.
    Beyond {
        /// The message.
        text: Option<&'a str>,
        /// How long until it may send again.
        wait: Duration,
    },
    /// Something that is no message: a pong, a ping.
    Heard,
    /// What came of a command.
    Answered(CommandId, Result<Answer, WireError>),
    /// What came of a fresh token.
    Refreshed(CommandId, Result<Principal, WireError>),
    /// A momentary command was refused.
    Refused(WireError),
    /// Time passed.
    Tick(Ear),
    /// The server ends the connection.
    Ended(CloseCode),
    /// The server stops.
    Stopping {
        /// How long the client should wait.
        reconnect_in_ms: u32,
    },
}

/// Whether anything could have been heard at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ear {
    /// It could.
    Open,
    /// The other side is not listened to, for enough of what it said is still at work, or waits for it.
    Closed,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Send this.
    Send(ServerFrame),
    /// Send a ping.
    Ping,
    /// Send the heads of the rooms.
    Heads,
    /// Hand a durable command to `ingest`.
    Submit(CommandId, ClientFrame),
    /// Do a momentary command.
    Momentary(ClientFrame),
    /// Join a room.
    Join(CommandId, Room, RoomJoin),
    /// Leave a room.
    Leave(Room),
    /// Check a fresh token.
    Verify(CommandId, String),
    /// End the connection after what waits.
    Close(CloseCode),
}

/// How often, and how long.
#[derive(Debug)]
struct Rhythm {
    ping_every: Duration,
    heads_every: Duration,
    silence: Duration,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    principal: Arc<Principal>,
    /// The server's, as far as they are of a connection: each keeps no more of them than it needs.
    rhythm: Rhythm,
    rooms: BTreeSet<Room>,
    at_work: usize,
    heard: Moment,
    ping_at: Moment,
    heads_at: Moment,
    /// When the token runs out; an API token's does not.
    expires: Option<Moment>,
    /// Until when nothing is taken, because too much was sent.
    paused_until: Option<Moment>,
    /// Messages refused for that since the last one that was taken.
    refused: u32,
    closing: bool,
}

impl Session {
    /// A connection that was just let in.
    pub fn new(principal: Arc<Principal>, timing: Timing, now: Now) -> Self {
        let Timing { ping_every, heads_every, silence, .. } = timing;
        Self {
            expires: expires(&principal, now),
            principal,
            rhythm: Rhythm { ping_every, heads_every, silence },
            rooms: BTreeSet::new(),
            at_work: 0,
            heard: now.moment,
            ping_at: now.moment + ping_every,
            heads_at: now.moment + heads_every,
            paused_until: None,
            refused: 0,
            closing: false,
        }
    }

    /// Who is on the other side.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// The rooms that were asked for and not left.
    pub fn rooms(&self) -> &BTreeSet<Room> {
        &self.rooms
    }

    /// Whether the next message has to wait until something at work is done.
    pub fn is_busy(&self) -> bool {
        self.at_work >= AT_WORK
    }

    /// When time itself is the next thing to happen.
    pub fn deadline(&self) -> Moment {
        let silent = self.heard + self.rhythm.silence;
        let next = self.ping_at.min(self.heads_at).min(silent);
        self.expires.map_or(next, |expires| next.min(expires))
    }

    /// Takes what comes in.
    pub fn handle(&mut self, input: Input<'_>, now: Now) -> Vec<Effect> {
        if self.closing {
            return Vec::new();
        }
        match input {
            Input::Text(text) => {
                self.heard = now.moment;
                match self.paused_until {
                    Some(until) if until > now.moment => self.beyond(Some(text), until - now.moment),
                    _ => {
                        self.refused = 0;
                        self.text(text)
                    }
                }
            }
            Input::Beyond { text, wait } => {
                self.heard = now.moment;
                let until = now.moment + wait.max(PAUSE);
                let until = self.paused_until.map_or(until, |earlier| earlier.max(until));
                self.paused_until = Some(until);
                self.beyond(text, until - now.moment)
            }
            Input::Heard => {
                self.heard = now.moment;
                Vec::new()
            }
            Input::Binary => self.close(CloseCode::Protocol),
            Input::TooLarge => self.close(CloseCode::TooLarge),
            Input::Answered(re, result) => {
                self.at_work = self.at_work.saturating_sub(1);
                vec![Effect::Send(ServerFrame::Answer { re, result })]
            }
            Input::Refreshed(re, result) => {
                self.at_work = self.at_work.saturating_sub(1);
                let result = result.and_then(|fresh| self.renewed(fresh, now));
                vec![Effect::Send(ServerFrame::Answer { re, result })]
            }
            Input::Refused(error) => vec![Effect::Send(ServerFrame::Error(error))],
            Input::Tick(ear) => self.tick(ear, now.moment),
            Input::Ended(code) => self.close(code),
            Input::Stopping { reconnect_in_ms } => {
                let mut effects = vec![Effect::Send(ServerFrame::GoingAway(GoingAway { reconnect_in_ms }))];
                effects.extend(self.close(CloseCode::GoingAway));
                effects
            }
        }
    }

    /// Refuses what is beyond the connection's allowance.
    fn beyond(&mut self, text: Option<&str>, wait: Duration) -> Vec<Effect> {
        self.refused += 1;
        if self.refused > DEAF {
            return self.close(CloseCode::RateLimited);
        }
        let refused = text.map(|text| refusal(ClientFrame::id_of(text), limits::too_many("too many commands", wait)));
        refused.into_iter().collect()
    }

    fn text(&mut self, text: &str) -> Vec<Effect> {
        let frame = match ClientFrame::parse(text) {
            Ok(frame) => frame,
            Err(refused) => return vec![refusal(refused.id, refused.error)],
        };
        match frame.command.delivery() {
            Delivery::Momentary => vec![Effect::Momentary(frame)],
            Delivery::Durable | Delivery::Connection => {
                let Some(id) = frame.id else {
                    let message = format!("is missing: {} wants an answer", frame.command.name());
                    return vec![refusal(None, WireError::new(ErrorCode::BadRequest, message).at("id"))];
                };
                self.command(id, frame)
            }
        }
    }

    fn command(&mut self, id: CommandId, frame: ClientFrame) -> Vec<Effect> {
        let needs_room = || WireError::new(ErrorCode::BadRequest, "is missing").at("room");
        match (&frame.command, frame.room) {
            (Command::RoomJoin(join), Some(room)) => {
                if self.rooms.len() >= ROOMS && !self.rooms.contains(&room) {
                    let message = format!("a connection may be in at most {ROOMS} rooms");
                    return vec![refusal(Some(id), WireError::new(ErrorCode::BadRequest, message).at("room"))];
                }
                let join = join.clone();
                self.rooms.insert(room);
                self.at_work += 1;
                vec![Effect::Join(id, room, join)]
            }
            (Command::RoomLeave(_), Some(room)) => {
                self.rooms.remove(&room);
                let result = Ok(Answer { room: Some(room), ..Answer::default() });
                vec![Effect::Leave(room), Effect::Send(ServerFrame::Answer { re: id, result })]
            }
            (Command::RoomJoin(_) | Command::RoomLeave(_), None) => vec![refusal(Some(id), needs_room())],
            (Command::AuthRefresh(refresh), _) => {
                self.at_work += 1;
                vec![Effect::Verify(id, refresh.access_token.to_string())]
            }
            _ => {
                self.at_work += 1;
                vec![Effect::Submit(id, frame)]
            }
        }
    }

    fn renewed(&mut self, fresh: Principal, now: Now) -> Result<Answer, WireError> {
        if !self.principal.may_become(&fresh) {
            let message = "the token is of another member, device or sign-in than this connection";
            return Err(WireError::new(ErrorCode::Forbidden, message).at("data.access_token"));
        }
        self.expires = expires(&fresh, now);
        self.principal = Arc::new(fresh);
        Ok(Answer::default())
    }

    fn tick(&mut self, ear: Ear, now: Moment) -> Vec<Effect> {
        if ear == Ear::Closed {
            // Its silence counts from when it is listened to again; one that takes nothing is noticed by that.
            self.heard = now;
        }
        if self.expires.is_some_and(|expires| expires <= now) {
            return self.close(CloseCode::TokenExpired);
        }
        if self.heard + self.rhythm.silence <= now {
            return self.close(CloseCode::Silent);
        }
        let mut effects = Vec::new();
        if self.ping_at <= now {
            self.ping_at = now + self.rhythm.ping_every;
            effects.push(Effect::Ping);
        }
        if self.heads_at <= now {
            self.heads_at = now + self.rhythm.heads_every;
            effects.push(Effect::Heads);
        }
        effects
    }

    fn close(&mut self, code: CloseCode) -> Vec<Effect> {
        self.closing = true;
        vec![Effect::Close(code)]
    }
}

/// When the proof runs out, on the monotonic clock.
fn expires(principal: &Principal, now: Now) -> Option<Moment> {
    principal.expires_at().map(|at| now.moment + at.since(now.wall).max(Duration::ZERO))
}

/// An answer if there is an id to answer to, an error frame otherwise.
fn refusal(id: Option<CommandId>, error: WireError) -> Effect {
    Effect::Send(match id {
        Some(re) => ServerFrame::Answer { re, result: Err(error) },
        None => ServerFrame::Error(error),
    })
}

#[cfg(test)]
mod tests;
