//! `GET /healthz` and `GET /readyz`, for whatever watches the server.

use std::time::Duration;

use axum::extract::State;
use watchbell_protocol::{ErrorCode, WireError};

use super::Refusal;
use crate::App;

/// How long the database may take to say that it can write.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process is up.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The server can do its work: it is not stopping, and the database takes writes.
pub async fn ready(State(app): State<App>) -> Result<&'static str, Refusal> {
    let unavailable = |message: &str| WireError::new(ErrorCode::Unavailable, message);
    if app.stopping.is_cancelled() {
        return Err(unavailable("the server is stopping").into());
    }
    // Takes the writer and lets go of it again.
    match tokio::time::timeout(PATIENCE, app.store.write()).await {
        Ok(Ok(_)) => Ok("ready\n"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the database takes no writes");
            Err(unavailable("the database takes no writes").into())
        }
        Err(_) => Err(unavailable("the database is busy").into()),
    }
}
