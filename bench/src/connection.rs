//! A connection that speaks the wire, with nothing between it and the socket.

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};
use watchbell_protocol::{
    Answer, ClientFrame, Command, CommandId, Event, Room, SUBPROTOCOL, ServerFrame, command::RoomJoin,
};

use crate::server::Server;

/// A signed-in connection.
pub struct Connection(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Connection {
    /// Connects.
    pub async fn open(server: &Server) -> Result<Self> {
        let mut url = server.url().join("v1/ws")?;
        url.set_scheme("ws").map_err(|()| anyhow::anyhow!("a server's address can be a socket's"))?;
        let mut request = url.as_str().into_client_request()?;
        let token = HeaderValue::from_str(&format!("Bearer {}", server.access_token()))?;
        request.headers_mut().insert("authorization", token);
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
        Ok(Self(connect_async(request).await?.0))
    }

    /// The member's only project.
    pub async fn project(&mut self) -> Result<Room> {
        let own = loop {
            if let ServerFrame::Connected(connected) = self.next().await? {
                break connected.user_room.context("is a member's")?;
            }
        };
        let join = self.send(Some(own), RoomJoin::default()).await?;
        let mut project = None;
        loop {
            match self.next().await? {
                ServerFrame::State { state, .. } => {
                    project = project.or_else(|| {
                        state.items.into_iter().find_map(|item| match item {
                            watchbell_protocol::StateItem::Project(project) => Some(Room::Project(project.id)),
                            _ => None,
                        })
                    });
                }
                ServerFrame::Answer { re, .. } if re == join => return project.context("belongs to a project"),
                _ => {}
            }
        }
    }

    /// Joins a room and waits until it is live.
    pub async fn join(&mut self, room: Room) -> Result<()> {
        let id = self.send(Some(room), RoomJoin::default()).await?;
        self.answer(id).await.map(drop)
    }

    /// Sends a command that is answered.
    pub async fn send(&mut self, room: Option<Room>, command: impl Into<Command>) -> Result<CommandId> {
        let id = CommandId::fresh();
        self.write(&ClientFrame { id: Some(id), room, command: command.into() }).await?;
        Ok(id)
    }

    /// Sends a command that is not.
    pub async fn tell(&mut self, room: Room, command: impl Into<Command>) -> Result<()> {
        self.write(&ClientFrame { id: None, room: Some(room), command: command.into() }).await
    }

    /// Waits for an answer.
    pub async fn answer(&mut self, id: CommandId) -> Result<Answer> {
        loop {
            if let ServerFrame::Answer { re, result } = self.next().await?
                && re == id
            {
                return Ok(result?);
            }
        }
    }

    /// The next events.
    pub async fn events(&mut self) -> Result<Vec<Event>> {
        loop {
            match self.next().await? {
                ServerFrame::Event(event) => return Ok(vec![event.event]),
                ServerFrame::Batch(batch) => return Ok(batch.into_iter().map(|event| event.event).collect()),
                _ => {}
            }
        }
    }

    async fn next(&mut self) -> Result<ServerFrame> {
        loop {
            match self.0.next().await.context("the server closed the connection")?? {
                Message::Text(text) => return Ok(ServerFrame::parse(&text)?),
                Message::Close(frame) => bail!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    async fn write(&mut self, frame: &ClientFrame) -> Result<()> {
        Ok(self.0.send(Message::text(serde_json::to_string(frame)?)).await?)
    }
}
