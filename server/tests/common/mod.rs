//! A server on a free port with an own data folder, and accounts in it.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod process;

use std::net::SocketAddr;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use watchbell_protocol::{DeviceId, UnixMillis, UserId, http::Account};
use watchbell_server::{
    App, Timing,
    auth::{keys::Keys, password},
    config::Config,
    listener::Door,
    router::router,
    serve::serve,
    store::{self, Store, accounts},
};

/// The password of every account.
pub const PASSWORD: &str = "correct horse";

/// A running server. It ends with the test's runtime.
pub struct Server {
    pub app: App,
    pub folder: TempDir,
    pub address: SocketAddr,
    base: String,
    http: Client,
}

impl Server {
    /// With the member "ada".
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// The same with a configuration of its own.
    pub async fn start_with(configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Keys::create(folder.path()).unwrap();
        let store = Store::open(&folder.path().join(store::FILE_NAME)).await.unwrap();
        add_user(&store, "ada").await;
        store.close().await;

        let mut config = Config::default();
        config.server.data_dir = folder.path().to_owned();
        configure(&mut config);
        let app = App::open(config, Timing::default()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let base = format!("http://{address}");
        let door = Door::new(listener, app.tls.clone());
        tokio::spawn(serve(door, router(app.clone()), app.timing, CancellationToken::new()));
        Self { app, folder, address, base, http: client() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(self.url(path))
    }

    pub async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let device = json!({"id": DeviceId::fresh(), "kind": "desktop", "name": "test"});
        let body = json!({"name": name, "password": password, "device": device});
        Answer::of(self.post("/v1/sign-in").json(&body)).await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        Answer::of(self.post("/v1/refresh").json(&json!({"refresh_token": token}))).await
    }

    pub async fn sign_out(&self, token: &str) -> Answer {
        Answer::of(self.post("/v1/sign-out").json(&json!({"refresh_token": token}))).await
    }

    /// Who the server takes the holder of an access token for.
    pub async fn whose(&self, token: &str) -> Result<UserId, String> {
        let principal = self.app.auth.authenticate_token(token, self.app.clock.now()).await;
        principal.map(|principal| principal.user().unwrap()).map_err(|error| error.message)
    }

    pub async fn user_id(&self, name: &str) -> UserId {
        let mut conn = self.app.store.look().await.unwrap();
        accounts::credentials(&mut conn, name).await.unwrap().unwrap().user.account.id
    }
}

/// A client that knows no proxy.
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

pub async fn add_user(store: &Store, name: &str) -> UserId {
    let id = UserId::fresh();
    let account = Account { id, name: name.try_into().unwrap(), display_name: name.try_into().unwrap() };
    let hash = password::hash(PASSWORD).unwrap();
    let mut tx = store.write().await.unwrap();
    assert!(accounts::insert(&mut tx, &account, &hash, UnixMillis(0)).await.unwrap());
    tx.commit().await.unwrap();
    id
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response: Response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// A text of the body, such as `access_token`.
    pub fn text(&self, key: &str) -> String {
        self.body[key].as_str().unwrap_or_else(|| panic!("{key} in {self:?}")).to_owned()
    }

    /// Status, code, and field of a refusal.
    pub fn refusal(&self) -> (u16, &str, Option<&str>) {
        let error = &self.body["error"];
        (self.status.as_u16(), error["code"].as_str().unwrap_or_default(), error["field"].as_str())
    }

    /// The sentence of a refusal.
    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }
}
