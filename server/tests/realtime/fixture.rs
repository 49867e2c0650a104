//! A server with a real listener and a real database, which can be killed.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpListener, process::Command, runtime::Runtime, time::timeout};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, client::IntoClientRequest, http::Response},
};
use tokio_util::sync::CancellationToken;
use watchbell_protocol::{
    DeviceId, ProjectId, Room, SUBPROTOCOL, Text, TokenId, UnixMillis, UserId,
    command::{AnalysisStart, DetectorPlan, Runner},
    event::{DeviceKind, Role},
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
    metrics, run,
    store::{
        self, Store,
        accounts::{self, NewSignIn},
        api_tokens::{self, ApiToken},
    },
};

use crate::client::Client;

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
    configure: fn(&mut Config),
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    shutdown: CancellationToken,
    ended: Option<tokio::sync::oneshot::Receiver<()>>,
    runtime: Option<Runtime>,
    /// The running server's parts.
    pub app: Option<App>,
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
        Self::start_configured(timing, |_| ()).await
    }

    /// The same with a configuration of its own.
    pub async fn start_configured(timing: Timing, configure: fn(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Keys::create(folder.path()).unwrap();
        let store = Store::open(&folder.path().join(store::FILE_NAME)).await.unwrap();
        let mut server = Self {
            folder,
            store,
            timing,
            configure,
            address: ([127, 0, 0, 1], 0).into(),
            metrics: None,
            shutdown: CancellationToken::new(),
            ended: None,
            runtime: None,
            app: None,
        };
        server.restart().await;
        server
    }

    /// Ends the server in the middle of whatever it does, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        self.app = None;
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
        (self.configure)(&mut config);
        let (timing, address, shutdown) = (self.timing, self.address, CancellationToken::new());
        self.shutdown = shutdown.clone();
        let (started, starting) = tokio::sync::oneshot::channel();
        let (ending, ended) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            let metrics_at = config.metrics.listen.0;
            let app = App::open(config, timing).await.unwrap();
            let metrics = match metrics_at {
                Some(address) => Some(serve_metrics(app.clone(), address, shutdown.clone()).await),
                None => None,
            };
            let listener = bind(address).await;
            let parts = (listener.local_addr().unwrap(), app.clone(), metrics);
            started.send(parts).map_err(drop).unwrap();
            run(app, listener, shutdown).await.unwrap();
            let _ = ending.send(());
        });
        let (address, app, metrics) = timeout(SOON, starting).await.expect("the server starts").unwrap();
        (self.address, self.app, self.metrics) = (address, Some(app), metrics);
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

    /// Runs `watchbell-server` on the same folder, as an admin does while the server runs.
    pub async fn command_line(&self, args: &[&str], input: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchbell-server"));
        command.arg("--dir").arg(self.folder.path()).args(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        assert!(timeout(SOON, child.wait()).await.expect("it ends").unwrap().success(), "{args:?}");
    }

    /// What Prometheus reads.
    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.metrics.expect("it is configured"));
        crate::poll::http().get(url).send().await.unwrap().text().await.unwrap()
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
        self.try_connect_with(token, protocol, None).await
    }

    /// Where it keeps everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where requests go.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Bytes to and from the server, as they are.
    pub async fn raw(&self) -> tokio::net::TcpStream {
        tokio::net::TcpStream::connect(self.address).await.unwrap()
    }

    /// A client as it comes through a proxy that says it is at `address`.
    pub async fn try_connect_from(&self, address: &str, token: &str) -> Result<Client, (u16, String)> {
        self.try_connect_with(Some(token), Some(SUBPROTOCOL), Some(address)).await
    }

    async fn try_connect_with(
        &self,
        token: Option<&str>,
        protocol: Option<&str>,
        address: Option<&str>,
    ) -> Result<Client, (u16, String)> {
        let mut request = format!("ws://{}/v1/ws", self.address).into_client_request().unwrap();
        if let Some(address) = address {
            request.headers_mut().insert("x-forwarded-for", address.parse().unwrap());
        }
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

async fn serve_metrics(app: App, address: SocketAddr, shutdown: CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(metrics::serve(app, listener, shutdown));
    address
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

/// Starts an analysis with these detectors.
pub fn start(detectors: &[impl AsRef<str>]) -> AnalysisStart {
    let plan = |name: &_| DetectorPlan { name: text(AsRef::as_ref(name)), version: None, skipped: None };
    AnalysisStart {
        runner: Runner::Own,
        runner_name: text("forge"),
        root: text("web"),
        branch: Some(text("main")),
        revision: None,
        files: 12,
        detectors: detectors.iter().map(plan).collect::<Vec<_>>().try_into().unwrap(),
    }
}

pub fn project_of(room: Room) -> ProjectId {
    let Room::Project(project) = room else { panic!("{room} is no project") };
    project
}
