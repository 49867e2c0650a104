//! `GET /v1/info`: what a sign-in screen shows before anybody has signed in.

use axum::{Json, extract::State};
use watchbell_protocol::http::ServerInfo;

use crate::App;

/// The server's name and version.
pub async fn info(State(app): State<App>) -> Json<ServerInfo> {
    Json(ServerInfo { name: app.config.server.name.0.clone(), version: env!("CARGO_PKG_VERSION").into() })
}
