//! A client that speaks the wire, and keeps what it is not asked for.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, protocol::CloseFrame},
};
use watchbell_protocol::{
    Answer, ClientFrame, Command, CommandId, Event, Position, Room, RoomEvent, ServerFrame, StateItem, WireError,
    command::RoomJoin,
    frame::{Connected, ResyncReason},
    limits, packed,
};

use crate::fixture::SOON;

/// What a join gave.
#[derive(Debug)]
pub struct Joined {
    pub answer: Answer,
    pub resync: Option<ResyncReason>,
    pub state: Vec<StateItem>,
    pub events: Vec<RoomEvent>,
    pub board: Vec<RoomEvent>,
    pub at: Position,
}

/// A client that speaks the wire and keeps what it is not asked for.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    kept: VecDeque<ServerFrame>,
    pub connected: Connected,
    received: usize,
    binaries: usize,
}

impl Client {
    pub async fn new(mut socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>) -> Self {
        let first = timeout(SOON, socket.next()).await.expect("the greeting comes").unwrap().unwrap();
        let ServerFrame::Connected(connected) = ServerFrame::parse(first.to_text().unwrap()).unwrap() else {
            panic!("{first} is no greeting")
        };
        Self { socket, kept: VecDeque::new(), connected, received: 0, binaries: 0 }
    }

    pub async fn raw(&mut self, message: impl Into<Message>) {
        self.socket.send(message.into()).await.unwrap();
    }

    /// Sends without waiting for what becomes of it.
    pub async fn send(&mut self, id: Option<CommandId>, room: Option<Room>, command: impl Into<Command>) {
        let frame = ClientFrame { id, room, command: command.into() };
        self.raw(serde_json::to_string(&frame).unwrap()).await;
    }

    /// Sends under a fresh id and waits for the answer.
    pub async fn ask(&mut self, room: Room, command: impl Into<Command>) -> Result<Answer, WireError> {
        self.ask_as(CommandId::fresh(), room, command).await
    }

    /// Sends under this id and waits for the answer.
    pub async fn ask_as(
        &mut self,
        id: CommandId,
        room: Room,
        command: impl Into<Command>,
    ) -> Result<Answer, WireError> {
        self.send(Some(id), Some(room), command).await;
        self.answer(id).await
    }

    pub async fn answer(&mut self, id: CommandId) -> Result<Answer, WireError> {
        self.find(|frame| match frame {
            ServerFrame::Answer { re, result } if *re == id => Some(result.clone()),
            _ => None,
        })
        .await
    }

    /// The next frame that came, in order.
    pub async fn next(&mut self) -> ServerFrame {
        match self.kept.pop_front() {
            Some(frame) => frame,
            None => self.receive().await.unwrap_or_else(|close| panic!("closed: {close:?}")),
        }
    }

    /// The first frame, of those kept and those to come, that `wanted` takes; the others are kept.
    pub async fn find<T>(&mut self, wanted: impl Fn(&ServerFrame) -> Option<T>) -> T {
        for at in 0..self.kept.len() {
            if let Some(found) = wanted(&self.kept[at]) {
                self.kept.remove(at);
                return found;
            }
        }
        loop {
            let frame = self.receive().await.unwrap_or_else(|close| panic!("closed: {close:?}"));
            match wanted(&frame) {
                Some(found) => return found,
                None => self.kept.push_back(frame),
            }
        }
    }

    /// The first event of `room` that `wanted` takes.
    pub async fn event<T>(&mut self, room: Room, wanted: impl Fn(&Event) -> Option<T>) -> T {
        self.find(|frame| match frame {
            ServerFrame::Event(event) if event.room == room => wanted(&event.event),
            ServerFrame::Batch(batch) => batch.iter().filter(|it| it.room == room).find_map(|it| wanted(&it.event)),
            _ => None,
        })
        .await
    }

    pub async fn join(&mut self, room: Room, since: Option<Position>) -> Joined {
        self.try_join(room, since).await.unwrap()
    }

    /// Joins a room; what came of it until it was live.
    pub async fn try_join(&mut self, room: Room, since: Option<Position>) -> Result<Joined, WireError> {
        let id = CommandId::fresh();
        self.send(Some(id), Some(room), RoomJoin { since, ..RoomJoin::default() }).await;
        let answer = self.answer(id).await?;
        let (mut resync, mut state, mut events, mut board, mut at) = (None, Vec::new(), Vec::new(), Vec::new(), None);
        let mut others = VecDeque::new();
        for frame in self.kept.drain(..) {
            match frame {
                ServerFrame::Resync { room: of, resync: it } if of == room => resync = Some(it.reason),
                ServerFrame::State { room: of, state: it } if of == room => state.extend(it.items),
                ServerFrame::Event(it) if it.room == room && at.is_none() => events.push(*it),
                ServerFrame::Batch(it) if it[0].room == room && at.is_none() => events.extend(it),
                ServerFrame::Board { room: of, board: it } if of == room => board = it,
                ServerFrame::CaughtUp { room: of, caught_up } if of == room => at = Some(caught_up),
                frame => others.push_back(frame),
            }
        }
        self.kept = others;
        Ok(Joined { answer, resync, state, events, board, at: at.expect("caught up before the answer") })
    }

    /// The close frame to come; what comes before is dropped.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        loop {
            match self.receive().await {
                Ok(frame) => self.kept.push_back(frame),
                Err(close) => return close,
            }
        }
    }

    /// Bytes of all frames after the greeting, as they came.
    pub fn received(&self) -> usize {
        self.received
    }

    /// How many frames came packed.
    pub fn binaries(&self) -> usize {
        self.binaries
    }

    /// Every frame that was not asked for.
    pub fn kept(&self) -> impl Iterator<Item = &ServerFrame> {
        self.kept.iter()
    }

    async fn receive(&mut self) -> Result<ServerFrame, Option<CloseFrame>> {
        loop {
            let message = timeout(SOON, self.socket.next()).await.expect("something comes");
            match message {
                Some(Ok(Message::Text(text))) => {
                    self.received += text.len();
                    return Ok(ServerFrame::parse(&text).unwrap());
                }
                Some(Ok(Message::Binary(bytes))) => {
                    (self.received, self.binaries) = (self.received + bytes.len(), self.binaries + 1);
                    let text = packed::unpack(&bytes, limits::FRAME_BYTES).unwrap();
                    return Ok(ServerFrame::parse(&text).unwrap());
                }
                Some(Ok(Message::Close(close))) => return Err(close),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}

/// The numbers of events.
pub fn seqs(events: &[RoomEvent]) -> Vec<i64> {
    events.iter().map(|event| event.seq.unwrap().0).collect()
}
