//! A server with a real listener and a real database, which can be killed; and clients that speak the wire.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::Response, protocol::CloseFrame},
};
use tokio_util::sync::CancellationToken;
use watchbell_protocol::{
    Answer, ClientFrame, Command, CommandId, DeviceId, Event, Position, ProjectId, Room, RoomEvent, SUBPROTOCOL,
    ServerFrame, StateItem, Text, TokenId, UnixMillis, UserId, WireError,
    command::RoomJoin,
    event::{DeviceKind, Role},
    frame::{Connected, ResyncReason},
    http::Account,
};
use watchbell_server::{
    App, Timing,
    auth::{
        FamilyId, Scope,
        access::{AccessTokens, Subject},
        api_token,
        keys::Keys,
    },
    clock::Clock,
    config::Config,
    ingest::{self, AdminCommand},
    run,
    store::{
        self, Store,
        accounts::{self, NewSignIn},
        api_tokens::{self, ApiToken},
    },
};

/// Nothing in these tests takes longer.
pub const SOON: Duration = Duration::from_secs(10);

/// Rhythms for people in a hurry.
pub fn quick() -> Timing {
    Timing {
        presence_grace: Duration::from_millis(200),
        presence_every: Duration::from_millis(20),
        follow_every: Duration::from_millis(30),
        leases_every: Duration::from_millis(20),
        revocations_every: Duration::from_millis(30),
        ..Timing::default()
    }
}

/// A running server, and a second way to its database: the one that the command line takes.
pub struct Server {
    folder: TempDir,
    pub store: Store,
    timing: Timing,
    address: SocketAddr,
    shutdown: CancellationToken,
    ended: Option<tokio::sync::oneshot::Receiver<()>>,
    runtime: Option<Runtime>,
}

/// A runtime cannot be dropped inside another one.
impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A member on one device, signed in.
#[derive(Clone)]
pub struct Who {
    pub id: UserId,
    pub device: DeviceId,
    pub family: FamilyId,
    pub token: String,
}

impl Who {
    pub fn room(&self) -> Room {
        Room::User(self.id)
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(quick()).await
    }

    pub async fn start_with(timing: Timing) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Keys::create(folder.path()).unwrap();
        let store = Store::open(&folder.path().join(store::FILE_NAME)).await.unwrap();
        let mut server = Self {
            folder,
            store,
            timing,
            address: ([127, 0, 0, 1], 0).into(),
            shutdown: CancellationToken::new(),
            ended: None,
            runtime: None,
        };
        server.restart().await;
        server
    }

    /// Ends the server in the middle of whatever it does, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Asks the server to stop, and waits until it has.
    pub async fn stop(&mut self) {
        self.shutdown.cancel();
        let ended = self.ended.take().unwrap();
        timeout(SOON, ended).await.expect("the server stops").unwrap();
        self.kill();
    }

    /// Starts on the same database and, from the second time on, the same port.
    pub async fn restart(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut config = Config::default();
        config.server.data_dir = self.folder.path().to_owned();
        let (timing, address, shutdown) = (self.timing, self.address, CancellationToken::new());
        self.shutdown = shutdown.clone();
        let (started, starting) = tokio::sync::oneshot::channel();
        let (ending, ended) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            let app = App::open(config, timing).await.unwrap();
            let listener = bind(address).await;
            started.send(listener.local_addr().unwrap()).unwrap();
            run(app, listener, shutdown).await.unwrap();
            let _ = ending.send(());
        });
        self.address = timeout(SOON, starting).await.expect("the server starts").unwrap();
        (self.runtime, self.ended) = (Some(runtime), Some(ended));
    }

    /// A member, signed in on a new device.
    pub async fn member(&self, name: &str) -> Who {
        let id = UserId::fresh();
        let account = Account { id, name: text(name), display_name: text(&name.to_uppercase()) };
        let mut tx = self.store.write().await.unwrap();
        assert!(accounts::insert(&mut tx, &account, "unused", now()).await.unwrap());
        tx.commit().await.unwrap();
        self.sign_in(id).await
    }

    /// The same member on another device.
    pub async fn sign_in(&self, user: UserId) -> Who {
        let (device, family) = (DeviceId::fresh(), FamilyId::fresh());
        let mut tx = self.store.write().await.unwrap();
        let new = NewSignIn {
            id: family,
            user,
            password_hash: "unused",
            device,
            device_kind: DeviceKind::Desktop,
            device_name: "test",
            nonce: &Default::default(),
            expires_at: now().plus(Duration::from_hours(1)),
        };
        assert!(accounts::insert_sign_in(&mut tx, &new, now()).await.unwrap());
        tx.commit().await.unwrap();
        let mut who = Who { id: user, device, family, token: String::new() };
        who.token = self.access_token(&who, Duration::from_mins(10));
        who
    }

    /// An access token that lasts for `life`.
    pub fn access_token(&self, who: &Who, life: Duration) -> String {
        let keys = Keys::read(self.folder.path()).unwrap();
        let subject =
            Subject { user: who.id, device: who.device, device_kind: DeviceKind::Desktop, family: who.family };
        AccessTokens::new(&keys, life).issue(subject, now())
    }

    /// A project with these members.
    pub async fn project(&self, name: &str, members: &[&Who]) -> Room {
        let id = ProjectId::fresh();
        self.admin(AdminCommand::AddProject { id, name: name.to_owned() }).await;
        for member in members {
            self.admin(AdminCommand::AddMember { project: id, user: member.id, role: Role::Member }).await;
        }
        Room::Project(id)
    }

    /// What the command line does.
    pub async fn admin(&self, command: AdminCommand) {
        ingest::admin(&self.store, command, now()).await.unwrap();
    }

    /// An API token.
    pub async fn api_token(&self, scopes: &[Scope], project: Room) -> String {
        let id = TokenId::fresh();
        let (token, secret_hash) = api_token::create(id).unwrap();
        let kept = ApiToken {
            id,
            name: text("ci"),
            secret_hash,
            scopes: scopes.iter().copied().collect(),
            projects: [project_of(project)].into(),
            created_at: now(),
            revoked_at: None,
        };
        let mut tx = self.store.write().await.unwrap();
        api_tokens::insert(&mut tx, &kept).await.unwrap();
        tx.commit().await.unwrap();
        token
    }

    /// Runs a statement on the database behind the server's back.
    pub async fn sql(&self, statement: &'static str) {
        let mut tx = self.store.write().await.unwrap();
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn connect(&self, token: &str) -> Client {
        self.try_connect(Some(token), Some(SUBPROTOCOL)).await.unwrap()
    }

    /// A client, or the status and body of the refusal.
    pub async fn try_connect(&self, token: Option<&str>, protocol: Option<&str>) -> Result<Client, (u16, String)> {
        let mut request = format!("ws://{}/v1/ws", self.address).into_client_request().unwrap();
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        if let Some(token) = token {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Client::new(socket).await),
            Err(Error::Http(response)) => Err(refusal(&response)),
            Err(error) => panic!("{error}"),
        }
    }
}

fn refusal(response: &Response<Option<Vec<u8>>>) -> (u16, String) {
    let body = response.body().clone().unwrap_or_default();
    (response.status().as_u16(), String::from_utf8(body).unwrap())
}

/// The port of a server that was just killed may still be closing.
async fn bind(address: SocketAddr) -> TcpListener {
    let bound = timeout(SOON, async {
        loop {
            if let Ok(listener) = TcpListener::bind(address).await {
                return listener;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    bound.await.expect("the port is free again")
}

pub fn now() -> UnixMillis {
    Clock.now()
}

pub fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    text.try_into().unwrap()
}

pub fn project_of(room: Room) -> ProjectId {
    let Room::Project(project) = room else { panic!("{room} is no project") };
    project
}

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
}

impl Client {
    async fn new(mut socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>) -> Self {
        let first = timeout(SOON, socket.next()).await.expect("the greeting comes").unwrap().unwrap();
        let ServerFrame::Connected(connected) = ServerFrame::parse(first.to_text().unwrap()).unwrap() else {
            panic!("{first} is no greeting")
        };
        Self { socket, kept: VecDeque::new(), connected }
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

    /// Every frame that was not asked for.
    pub fn kept(&self) -> impl Iterator<Item = &ServerFrame> {
        self.kept.iter()
    }

    async fn receive(&mut self) -> Result<ServerFrame, Option<CloseFrame>> {
        loop {
            let message = timeout(SOON, self.socket.next()).await.expect("something comes");
            match message {
                Some(Ok(Message::Text(text))) => return Ok(ServerFrame::parse(&text).unwrap()),
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
