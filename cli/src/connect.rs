//! From arguments, environment, profile and keyring to a live connection in one project.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::timeout;
use url::Url;
use watchbell_client::{
    CacheLocation, Client, Credentials, Follow, NoStore, Options, SessionStore,
    http::SignInError,
    view::{ConnectionState, ProjectRow},
};
use watchbell_protocol::{DeviceId, Room, Text, UnixMillis, event::DeviceKind, http::SignInDevice};

use crate::{args::Common, exit::Failure, face, keyring::Keyring, profile::ProfileFolder, session::SharedSession};

/// How long a server may stay away before a command gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// After how long the wait is spoken of.
const SILENCE: Duration = Duration::from_secs(3);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// The API token of a machine without a keyring.
const TOKEN: &str = "WATCHBELL_TOKEN";

/// Who asks which server.
pub struct Access {
    server: Url,
    credentials: Credentials,
    session: Option<SharedSession>,
    device: SignInDevice,
}

impl Access {
    /// By `WATCHBELL_TOKEN` if it is set, else by the sign-in of the last login.
    pub async fn find(common: &Common) -> Result<Self, Failure> {
        match std::env::var(TOKEN).ok().filter(|token| !token.trim().is_empty()) {
            Some(token) => Self::by_token(common, token.trim()),
            None => Self::by_login(common).await,
        }
    }

    fn by_token(common: &Common, token: &str) -> Result<Self, Failure> {
        let current = || ProfileFolder::of_this_machine().and_then(|folder| folder.load()).ok()?.current;
        let server = common.server.clone().or_else(current).ok_or_else(|| {
            Failure::usage(format!("{TOKEN} is set, but no server is: pass --server URL or set WATCHBELL_SERVER"))
        })?;
        let credentials = Credentials::Token(token.to_owned());
        Ok(Self { server, credentials, session: None, device: this_device(DeviceId::fresh()) })
    }

    async fn by_login(common: &Common) -> Result<Self, Failure> {
        let folder = ProfileFolder::of_this_machine()?;
        let profile = folder.load()?;
        let Some(known) = profile.find(common.server.as_ref()) else {
            return Err(not_signed_in(common.server.as_ref()));
        };
        let session = SharedSession::new(Keyring::of_this_system(), &folder, known);
        let reader = session.clone();
        let token = blocking(move || reader.newest()).await??.ok_or_else(|| {
            Failure::usage(format!(
                "the system's keyring has no sign-in for {}; it may be locked: unlock it, or run `watchbell login`",
                known.url
            ))
        })?;
        let (server, device) = (known.url.clone(), this_device(known.device));
        Ok(Self { server, credentials: Credentials::Refresh(token), session: Some(session), device })
    }

    /// Connects, and waits until the project is known.
    pub async fn open(self, project: &str, part: Part) -> Result<Link, Failure> {
        // A member learns their projects from their own room, an API token from the greeting; then the one is followed.
        let store: Arc<dyn SessionStore> = match &self.session {
            Some(session) => Arc::new(session.clone()),
            None => Arc::new(NoStore),
        };
        let presence = part == Part::Present;
        let options = Options {
            presence,
            follow: Follow::Own,
            ..Options::new(self.server.clone(), CacheLocation::Memory, self.device)
        };
        let opened = Client::open(options, self.credentials, store).await;
        let client = opened.map_err(|error| Failure::usage(error.to_string()))?;
        let link = Link::find(client.clone(), self.server, project, part, self.session).await;
        if link.is_err() {
            close(&client).await;
        }
        link
    }
}

/// What a command takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It only sends; nothing of the project is received.
    Sender,
    /// It receives what happens in the project.
    Listener,
    /// It receives, and the member is shown as here.
    Present,
}

/// The project that is meant.
pub fn project_name(common: &Common) -> Result<&str, Failure> {
    common
        .project
        .as_deref()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Failure::usage("no project is given: pass --project NAME or set WATCHBELL_PROJECT"))
}

/// This machine as a device.
pub fn this_device(id: DeviceId) -> SignInDevice {
    SignInDevice { id, kind: DeviceKind::Cli, name: Text::clip(machine_name()) }
}

/// The machine's name, to show.
pub fn machine_name() -> String {
    let name = [std::env::var("HOSTNAME"), std::env::var("COMPUTERNAME")].into_iter().flatten().next();
    let name = name.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "this machine".into())
}

/// A call that blocks, off the async threads.
pub async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(call).await.map_err(|error| Failure::usage(format!("an inner call failed: {error}")))
}

/// What a failed call to the server means.
pub fn sign_in_failure(error: &SignInError) -> Failure {
    match error {
        SignInError::Address(_) => Failure::usage(error.to_string()),
        SignInError::Refused(_) if error.is_refusal() => Failure::usage(error.to_string()),
        SignInError::Refused(_) | SignInError::Unreachable { .. } | SignInError::NotWatchbell { .. } => {
            Failure::server(error.to_string())
        }
    }
}

fn not_signed_in(server: Option<&Url>) -> Failure {
    let where_to = server.map(|url| format!(" at {url}")).unwrap_or_default();
    Failure::usage(format!("not signed in{where_to}: run `watchbell login`, or set {TOKEN} (in CI)"))
}

/// A live connection in one project.
pub struct Link {
    /// The connection.
    pub client: Client,
    /// The project.
    pub project: ProjectRow,
    /// Its room.
    pub room: Room,
    /// The server's address.
    pub server: Url,
    session: Option<SharedSession>,
}

impl Link {
    async fn find(
        client: Client,
        server: Url,
        name: &str,
        part: Part,
        session: Option<SharedSession>,
    ) -> Result<Self, Failure> {
        live(&client, &server).await?;
        let projects = client.projects().await.map_err(|error| Failure::server(error.to_string()))?;
        let Some(project) = projects.iter().find(|project| project.name == name).cloned() else {
            return Err(no_such_project(name, &projects, &server, session.is_none()));
        };
        if part != Part::Sender {
            client.follow(Follow::Only(project.id));
        }
        Ok(Self { room: Room::Project(project.id), project, server, client, session })
    }

    /// The sign-in has ended. If a new login has brought another one meanwhile, the connection is made again with it.
    pub async fn signed_out(&self, reason: &str) -> Result<(), Failure> {
        let Some(session) = self.session.clone() else { return Err(refused(&self.server, reason)) };
        if !blocking(move || session.is_replaced()).await? {
            return Err(refused(&self.server, reason));
        }
        self.client.connect();
        Ok(())
    }

    /// Waits until the project's room is up to date here.
    pub async fn up_to_date(&self) -> Result<(), Failure> {
        let known = async {
            let mut changes = self.client.changes();
            loop {
                if self.client.project(self.project.id).await.is_ok_and(|view| view.is_some_and(|view| view.known)) {
                    return;
                }
                if changes.next().await.is_none() {
                    return;
                }
            }
        };
        let late = || {
            let needs =
                if self.session.is_none() { ": an API token needs the scope `analysis:run` to look" } else { "" };
            Failure::server(format!("{} did not tell the state of {} in time{needs}", self.server, self.project.name))
        };
        timeout(PATIENCE, known).await.map_err(|_| late())?;
        live(&self.client, &self.server).await
    }

    /// Ends the connection.
    pub async fn close(&self) {
        close(&self.client).await;
    }
}

/// Waits until the connection is live, says so when it takes long, and gives up in the end.
async fn live(client: &Client, server: &Url) -> Result<(), Failure> {
    let waited = async {
        if let Ok(result) = timeout(SILENCE, client.live()).await {
            return result;
        }
        face::say(&format!("{}; trying for {} s", offline(client, server), PATIENCE.as_secs()));
        client.live().await
    };
    match timeout(PATIENCE, waited).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(refused(server, &reason)),
        Err(_) => Err(Failure::server(format!("{}; try again later", offline(client, server)))),
    }
}

fn refused(server: &Url, reason: &str) -> Failure {
    let advice = match std::env::var_os(TOKEN) {
        Some(_) => format!("check {TOKEN}"),
        None => "run `watchbell login` again".to_owned(),
    };
    Failure::usage(format!("{server} does not accept this sign-in ({reason}): {advice}"))
}

fn offline(client: &Client, server: &Url) -> String {
    match client.connection().state {
        // The client's sentence: it names host and port.
        ConnectionState::Offline { reason, .. } => reason,
        _ => format!("{server} does not answer"),
    }
}

fn no_such_project(name: &str, projects: &[ProjectRow], server: &Url, by_token: bool) -> Failure {
    let known: Vec<_> = projects.iter().map(|project| project.name.as_str()).collect();
    let advice = if known.is_empty() && by_token {
        format!("{TOKEN} has to be made for it")
    } else if known.is_empty() {
        "you belong to none there; an admin adds you with `watchbell-server project member add`".to_owned()
    } else {
        format!("yours are {}", known.join(", "))
    };
    Failure::usage(format!("there is no project {name:?} for you at {server}: {advice}"))
}

async fn close(client: &Client) {
    // The server notices by itself when the goodbye does not get through.
    let _ = timeout(GOODBYE, client.shutdown()).await;
}

/// This machine's clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
