//! Who is signed in: the one client, its refresh token, and what the window is told of both.
//!
//! Signing in, signing out and looking for the keyring follow one another; everything else reads. Deliberately absent:
//! Tauri's windows. What a change does to popups and the tray is `relay`'s.

mod form;
mod store;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use url::Url;
use watchbell_client::{
    CacheLocation, Changes, Client, Credentials, OpenError, Options, address, http, view::ConnectionState,
};
use watchbell_protocol::http::SignInDevice;

pub use self::form::{SignInForm, device};
use self::store::{Successors, Token};
use crate::{
    bridge::Bridge,
    keyring::{Keyring, Unusable},
    settings::{Member, SettingsFile},
    view::{self, AppChange, AppError, KeyringState, PopupState, Snapshot},
};

/// How long a client may take to say goodbye; beyond it the app does not wait.
const GOODBYE: Duration = Duration::from_secs(3);

/// Tells `relay` which client to listen to from now on; `None` after signing out. What the client has said before is in
/// the snapshot that the window is sent then.
pub type Listen = mpsc::Sender<Option<(Client, Changes)>>;

/// The session. One per app.
pub struct Session {
    keyring: Keyring,
    bridge: Bridge,
    listen: Listen,
    /// The folder with one folder per cache.
    caches: PathBuf,
    settings: Mutex<SettingsFile>,
    now: Mutex<Now>,
    /// Held while somebody signs in or out.
    turn: tokio::sync::Mutex<()>,
}

/// What is so at this moment.
struct Now {
    active: Option<Active>,
    /// Why nobody is signed in, if it was not the person's own doing.
    reason: Option<String>,
    keyring: KeyringState,
    popups: PopupState,
}

/// A member and their client.
struct Active {
    client: Client,
    member: Member,
    server: Url,
    token: Arc<Token>,
}

/// Why the last sign-in was not taken up again.
#[derive(Debug, thiserror::Error)]
pub enum NotRestored {
    /// The window says so by the keyring's state.
    #[error(transparent)]
    Keyring(#[from] Unusable),
    /// There was one, but its client does not start.
    #[error(transparent)]
    Client(#[from] OpenError),
}

impl Session {
    /// Nobody is signed in yet; [`Session::restore`] looks whether somebody was.
    pub fn new(settings: SettingsFile, caches: PathBuf, bridge: Bridge, listen: Listen) -> Arc<Self> {
        Arc::new(Self {
            keyring: Keyring::default(),
            bridge,
            listen,
            caches,
            settings: Mutex::new(settings),
            now: Mutex::new(Now {
                active: None,
                reason: None,
                keyring: KeyringState::Empty,
                popups: PopupState::Unknown,
            }),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    /// The client, if somebody is signed in.
    pub fn client(&self) -> Result<Client, AppError> {
        self.now.lock().active.as_ref().map(|active| active.client.clone()).ok_or_else(AppError::signed_out)
    }

    /// Everything a window needs to begin.
    pub async fn snapshot(&self) -> Snapshot {
        let (session, keyring, popups, client) = {
            let now = self.now.lock();
            (self.who(&now), now.keyring, now.popups.clone(), now.active.as_ref().map(|active| active.client.clone()))
        };
        let (mut projects, mut unread) = (Vec::new(), 0);
        if let Some(client) = &client {
            projects = client.projects().await.unwrap_or_else(|error| unreadable(&error));
            unread = client.unread().await.unwrap_or_else(|error| unreadable(&error));
        }
        let connection = client.map(|client| client.connection());
        Snapshot { version: env!("CARGO_PKG_VERSION").into(), session, keyring, popups, connection, projects, unread }
    }

    /// Signs in, and from then on stays so over restarts if there is a keyring.
    pub async fn sign_in(self: &Arc<Self>, form: SignInForm) -> Result<(), AppError> {
        let _turn = self.turn.lock().await;
        let (server, form) = form.check(self.device())?;
        let answer = http::sign_in(&server, form).await?;
        self.close(None).await;
        self.remember(|settings| settings.signed_in(&server, &answer));
        let token = Token::new(account(&server, &answer.account.name), answer.refresh_token.clone());
        let _ = self.keep(&token).await; // without a keyring the sign-in lasts until the app quits, which the window says
        let opened = self.open_client(server, Member::of(&answer), token).await;
        self.tell_everything().await;
        Ok(opened?)
    }

    /// Signs out: the token is worthless afterwards, and what was cached is gone.
    pub async fn sign_out(&self) -> Result<(), AppError> {
        let _turn = self.turn.lock().await;
        let Some(active) = self.close(None).await else { return Ok(()) };
        self.remember(|settings| settings.member = None);
        let told = tokio::time::timeout(GOODBYE, http::sign_out(&active.server, &active.token.latest())).await;
        if !matches!(told, Ok(Ok(()))) {
            tracing::info!("the server was not told of the sign-out; the token runs out by itself");
        }
        self.forget(&active.token).await;
        let folder = self.cache_folder(&active.server, &active.member);
        if let Err(error) = tokio::fs::remove_dir_all(&folder).await {
            tracing::warn!(%error, "the cache could not be removed");
        }
        self.tell_everything().await;
        Ok(())
    }

    /// Signs in again as at the last time, with the token of the keyring; offline too.
    pub async fn restore(self: &Arc<Self>) {
        let _turn = self.turn.lock().await;
        match self.try_restore().await {
            Ok(()) => {}
            Err(NotRestored::Keyring(unusable)) => tracing::info!(%unusable, "signing in again is up to the person"),
            Err(NotRestored::Client(error)) => {
                tracing::warn!(%error, "the last sign-in was not taken up");
                self.now.lock().reason = Some(AppError::from(error).message);
            }
        }
        self.tell_everything().await;
    }

    /// Looks for the keyring again: stores the token there, or finds the one of the last sign-in.
    pub async fn look_for_keyring(self: &Arc<Self>) -> Result<(), AppError> {
        let _turn = self.turn.lock().await;
        let token = self.now.lock().active.as_ref().map(|active| Arc::clone(&active.token));
        let found = match token {
            Some(token) => self.keep(&token).await.map_err(AppError::from),
            None => self.try_restore().await.map_err(AppError::from),
        };
        self.tell_everything().await;
        found
    }

    /// Ends a sign-in that the server does not want any more. The cache stays for the next one of the same member.
    pub async fn end_if_refused(&self) {
        let _turn = self.turn.lock().await;
        let Ok(client) = self.client() else { return };
        // Asked again under the turn: somebody may have signed in anew since.
        if let ConnectionState::SignInNeeded { reason } = client.connection().state {
            self.close(Some(reason)).await;
            self.remember(|settings| settings.member = None);
            self.tell_everything().await;
        }
    }

    /// Whether popups are shown has changed.
    pub async fn popups_are(&self, state: PopupState) {
        self.now.lock().popups = state.clone();
        self.bridge.send(AppChange::Popups(state)).await;
    }

    /// Ends the client before the app quits; the member stays signed in.
    pub async fn shutdown(&self) {
        let client = self.now.lock().active.as_ref().map(|active| active.client.clone());
        if let Some(client) = client {
            goodbye(&client).await;
        }
    }

    async fn try_restore(self: &Arc<Self>) -> Result<(), NotRestored> {
        let settings = self.settings.lock().get().clone();
        let server = address::parse(&settings.address).ok();
        let account = server.as_ref().map_or_else(String::new, |server| account(server, &settings.name));
        let found = self.keyring.load(&account).await;
        self.now.lock().keyring = match &found {
            Ok(Some(_)) => KeyringState::Kept,
            Ok(None) => KeyringState::Empty,
            Err(unusable) => (*unusable).into(),
        };
        match (found?, server, settings.member) {
            (Some(token), Some(server), Some(member)) => {
                Ok(self.open_client(server, member, Token::new(account, token)).await?)
            }
            _ => Ok(()), // nobody was signed in
        }
    }

    async fn open_client(self: &Arc<Self>, server: Url, member: Member, token: Arc<Token>) -> Result<(), OpenError> {
        let cache = CacheLocation::File(self.cache_folder(&server, &member).join("cache.sqlite"));
        let options = Options::new(server.clone(), cache, self.device());
        let store = Arc::new(Successors::new(Arc::clone(&token), self));
        let client = Client::open(options, Credentials::Refresh(token.latest()), store).await?;
        let changes = client.changes();
        {
            let mut now = self.now.lock();
            now.reason = None;
            now.active = Some(Active { client: client.clone(), member, server, token });
        }
        let _ = self.listen.send(Some((client, changes))).await; // the relay ends only with the app
        Ok(())
    }

    /// Stores the token in the keyring, if there is one.
    async fn keep(&self, token: &Token) -> Result<(), Unusable> {
        let saved = self.keyring.save(&token.account, &token.latest()).await;
        self.keyring_is(saved.map_or_else(KeyringState::from, |()| KeyringState::Kept)).await;
        saved
    }

    /// Removes the token from the keyring, if there is one.
    async fn forget(&self, token: &Token) {
        let forgotten = self.keyring.forget(&token.account).await;
        self.keyring_is(forgotten.map_or_else(KeyringState::from, |()| KeyringState::Empty)).await;
    }

    async fn keyring_is(&self, state: KeyringState) {
        let before = std::mem::replace(&mut self.now.lock().keyring, state);
        if before != state {
            self.bridge.send(AppChange::Keyring(state)).await;
        }
    }

    /// Ends the client, if there is one; `reason` is what the sign-in screen says then.
    async fn close(&self, reason: Option<String>) -> Option<Active> {
        let active = {
            let mut now = self.now.lock();
            now.reason = reason;
            now.active.take()
        }?;
        let _ = self.listen.send(None).await;
        goodbye(&active.client).await;
        Some(active)
    }

    async fn tell_everything(&self) {
        self.bridge.send(AppChange::Snapshot(Box::new(self.snapshot().await))).await;
    }

    fn who(&self, now: &Now) -> view::Session {
        let settings = self.settings.lock();
        let settings = settings.get();
        let (address, name) = (settings.address.clone(), settings.name.clone());
        match &now.active {
            None => view::Session::SignedOut { address, name, reason: now.reason.clone() },
            Some(active) => view::Session::SignedIn {
                user: active.member.id,
                name,
                display_name: active.member.display_name.clone(),
                server: active.member.server.clone(),
                address: active.server.to_string(),
            },
        }
    }

    fn device(&self) -> SignInDevice {
        form::device(self.settings.lock().get().device)
    }

    fn remember(&self, change: impl FnOnce(&mut crate::settings::Settings)) {
        if let Err(error) = self.settings.lock().change(change) {
            tracing::warn!(%error, "the settings could not be written; the next start will not know of it");
        }
    }

    fn cache_folder(&self, server: &Url, member: &Member) -> PathBuf {
        cache_folder(&self.caches, server, member)
    }
}

async fn goodbye(client: &Client) {
    if tokio::time::timeout(GOODBYE, client.shutdown()).await.is_err() {
        tracing::warn!("the client did not end in time; what it was writing is on disk or was not acknowledged");
    }
}

/// The name of a token in the keyring.
pub fn account(server: &Url, name: &str) -> String {
    format!("{name}@{}", server.as_str().trim_end_matches('/'))
}

/// One cache per server and member.
fn cache_folder(caches: &Path, server: &Url, member: &Member) -> PathBuf {
    let place = server.as_str().trim_end_matches('/');
    let place: String = place.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    caches.join(format!("{place}-{}", member.id))
}

/// A cache that cannot be read shows nothing; the log says why.
fn unreadable<T: Default>(error: &watchbell_client::CacheError) -> T {
    tracing::error!(%error, "the cache could not be read");
    T::default()
}
