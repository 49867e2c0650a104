//! A scripted server: it speaks the wire, and a test decides every frame.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode, header},
        protocol::CloseFrame,
    },
};
use url::Url;
use watchbell_client::{CacheLocation, Client, Credentials, Options, SessionStore, Timing, change::Change};
use watchbell_protocol::{
    Answer, ClientFrame, Command, CommandId, ConnectionId, DeviceId, Epoch, Event, NotificationId, Origin, Position,
    Room, RoomEvent, SUBPROTOCOL, Seq, ServerFrame, StateItem, StatePage, Tag, Text, UnixMillis, UserId,
    command::RoomJoin,
    event::{DeviceKind, Level, Notification, NotificationKind, NotificationNew},
    frame::{Connected, Resync, ResyncReason},
    http::SignInDevice,
};

/// Nothing here takes longer, unless it failed.
pub const SOON: Duration = Duration::from_secs(10);

/// What the scripted server says to `POST /v1/refresh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// A fresh token, good for so many seconds.
    Seconds(u32),
    /// 401.
    Refused,
    /// A proxy's 502.
    Down,
}

/// The scripted server.
pub struct Peer {
    pub url: Url,
    connections: mpsc::Receiver<Connection>,
    renewal: Arc<Mutex<Renewal>>,
    pub renewals: Arc<AtomicU32>,
    /// The access token that is accepted on the upgrade; any when empty.
    pub accepts: Arc<Mutex<String>>,
}

impl Peer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (sender, connections) = mpsc::channel(16);
        let renewal = Arc::new(Mutex::new(Renewal::Seconds(600)));
        let (renewals, accepts) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(String::new())));
        let peer = Self { url, connections, renewal, renewals, accepts };
        let (renewal, renewals, accepts) = (peer.renewal.clone(), peer.renewals.clone(), peer.accepts.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, renewal, renewals, accepts) =
                    (sender.clone(), renewal.clone(), renewals.clone(), accepts.clone());
                tokio::spawn(async move {
                    let mut start = [0; 4];
                    if stream.peek(&mut start).await.is_ok() && &start == b"POST" {
                        renew(stream, &renewal, &renewals).await;
                    } else if let Some(connection) = upgrade(stream, &accepts).await {
                        let _ = sender.send(connection).await;
                    }
                });
            }
        });
        peer
    }

    pub fn renews(&self, renewal: Renewal) {
        *self.renewal.lock() = renewal;
    }

    /// The next connection.
    pub async fn accept(&mut self) -> Connection {
        soon("a connection", self.connections.recv()).await.unwrap()
    }

    /// The next connection, greeted as this member's.
    pub async fn greet(&mut self, user: UserId) -> Connection {
        let mut connection = self.accept().await;
        connection.connected(user).await;
        connection
    }
}

async fn renew(mut stream: TcpStream, renewal: &Mutex<Renewal>, renewals: &AtomicU32) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    // The body is one small JSON object and ends the request.
    while !request.ends_with(b"}") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&buffer[..count]),
        }
    }
    let number = renewals.fetch_add(1, Ordering::SeqCst) + 1;
    let renewal = *renewal.lock();
    let (status, body) = match renewal {
        Renewal::Seconds(seconds) => (
            "200 OK",
            format!(
                r#"{{"access_token":"access-{number}","expires_in":{seconds},"refresh_token":"refresh-{number}","account":{{"id":"{}","name":"mia","display_name":"Mia"}},"server":"Test"}}"#,
                UserId(uuid::Uuid::from_u128(7))
            ),
        ),
        Renewal::Refused => (
            "401 Unauthorized",
            r#"{"error":{"code":"unauthenticated","message":"the sign-in was revoked"}}"#.to_owned(),
        ),
        Renewal::Down => ("502 Bad Gateway", "<html>".to_owned()),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

#[allow(clippy::result_large_err, reason = "the callback's type is the library's")]
async fn upgrade(stream: TcpStream, accepts: &Mutex<String>) -> Option<Connection> {
    let accepted = accepts.lock().clone();
    let mut bearer = String::new();
    let callback = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        bearer.push_str(request.headers()[header::AUTHORIZATION].to_str().unwrap());
        if !accepted.is_empty() && bearer != format!("Bearer {accepted}") {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = StatusCode::UNAUTHORIZED;
            return Err(refusal);
        }
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        Ok(response)
    };
    let socket = accept_hdr_async(stream, callback).await.ok()?;
    Some(Connection { socket, bearer })
}

/// One connection of the client under test.
pub struct Connection {
    socket: WebSocketStream<TcpStream>,
    pub bearer: String,
}

impl Connection {
    pub async fn send(&mut self, frame: ServerFrame) {
        self.socket.send(Message::text(frame.to_text())).await.unwrap();
    }

    pub async fn connected(&mut self, user: UserId) {
        self.send(ServerFrame::Connected(Connected {
            version: "test".into(),
            connection: ConnectionId::fresh(),
            capabilities: Vec::new(),
            max_frame_bytes: 1024 * 1024,
            now: UnixMillis(1),
            user_room: Some(Room::User(user)),
            projects: Vec::new(),
        }))
        .await;
    }

    /// The next command, whatever it is.
    pub async fn next(&mut self) -> ClientFrame {
        soon("a command", async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => return ClientFrame::parse(&text).unwrap(),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => panic!("the client closed the connection"),
                    Some(Ok(_)) => {}
                }
            }
        })
        .await
    }

    /// The next command of this name; others are passed over.
    pub async fn command(&mut self, name: &str) -> ClientFrame {
        loop {
            let frame = self.next().await;
            if frame.command.name() == name {
                return frame;
            }
        }
    }

    /// The next `room:join`: its room, and from where.
    pub async fn join(&mut self) -> (Room, Option<Position>) {
        let frame = self.command("room:join").await;
        let Command::RoomJoin(RoomJoin { since, .. }) = frame.command else { unreachable!() };
        (frame.room.unwrap(), since)
    }

    /// Answers a join with the state, and says that this is all.
    pub async fn rebuild(&mut self, room: Room, head: Position, items: Vec<StateItem>) {
        self.send(ServerFrame::Resync { room, resync: Resync { reason: ResyncReason::New, head } }).await;
        self.send(ServerFrame::State { room, state: StatePage { items, last: true } }).await;
        self.caught_up(room, head).await;
    }

    pub async fn caught_up(&mut self, room: Room, head: Position) {
        self.send(ServerFrame::Board { room, board: Vec::new() }).await;
        self.send(ServerFrame::CaughtUp { room, caught_up: head }).await;
    }

    pub async fn ok(&mut self, re: CommandId, room: Room, seq: Seq) {
        let answer = Answer { room: Some(room), seq: Some(seq), started: None };
        self.send(ServerFrame::Answer { re, result: Ok(answer) }).await;
    }

    pub async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "test".into() };
        let _ = self.socket.close(Some(frame)).await;
    }

    /// Waits until the client closes.
    pub async fn closed(&mut self) {
        soon("the client to close", async { while let Some(Ok(_)) = self.socket.next().await {} }).await;
    }
}

/// Waits for something, for a while.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// What the keyring would hold.
#[derive(Default)]
pub struct Kept(pub Mutex<Option<String>>);

impl SessionStore for Kept {
    fn save(&self, refresh_token: &str) {
        *self.0.lock() = Some(refresh_token.to_owned());
    }

    fn clear(&self) {
        *self.0.lock() = None;
    }
}

pub fn options(server: &Url, cache: CacheLocation) -> Options {
    let device = SignInDevice { id: DeviceId::fresh(), kind: DeviceKind::Desktop, name: Text::clip("test") };
    Options { timing: Timing::fast(), presence: false, ..Options::new(server.clone(), cache, device) }
}

pub fn file(folder: &Path) -> CacheLocation {
    CacheLocation::File(folder.join("cache.db"))
}

/// A client whose access token never needs renewing.
pub async fn client(server: &Url, cache: CacheLocation) -> Client {
    let token = Credentials::Token("token".into());
    Client::open(options(server, cache), token, Arc::new(Kept::default())).await.unwrap()
}

pub fn position(seq: i64) -> Position {
    Position { epoch: Epoch(1), seq: Seq(seq), tag: Tag(seq as u32) }
}

pub fn event(room: Room, seq: i64, event: impl Into<Event>) -> RoomEvent {
    RoomEvent {
        room,
        seq: Some(Seq(seq)),
        tag: Some(Tag(seq as u32)),
        at: UnixMillis(seq),
        origin: Origin::Server,
        event: event.into(),
    }
}

pub fn notified(user: UserId, seq: i64) -> RoomEvent {
    event(Room::User(user), seq, NotificationNew { notification: notification(seq) })
}

pub fn notification(seq: i64) -> Notification {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    Notification {
        id: NotificationId(uuid::Uuid::from_u128(seq as u128)),
        seq: Seq(seq),
        kind: NotificationKind::Notice,
        level: Level::Info,
        title: Text::clip(format!("notice {seq}")),
        body: Text::default(),
        project: None,
        link: None,
        // Not older than is kept.
        at: UnixMillis(i64::try_from(now).unwrap()),
        read_at: None,
    }
}

/// The first change that `pick` takes.
pub async fn change<T>(changes: &mut watchbell_client::Changes, mut pick: impl FnMut(&Change) -> Option<T>) -> T {
    soon("a change", async {
        loop {
            let batch = changes.next().await.expect("the client runs");
            if let Some(found) = batch.iter().find_map(&mut pick) {
                return found;
            }
        }
    })
    .await
}
