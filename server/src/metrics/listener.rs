//! `GET /metrics` on a listener of its own, so that it is never reachable where clients are.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Metrics;
use crate::App;

/// Serves until `stop`.
pub async fn serve(app: App, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    let router = Router::new().route("/metrics", get(page)).with_state(app.clone());
    let stopping = stop.clone();
    let serve = axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned());
    let tidy = async {
        let mut ticks = tokio::time::interval(Metrics::TIDY_EVERY);
        loop {
            ticks.tick().await;
            app.metrics.tidy();
        }
    };
    tokio::select! {
        served = serve => served,
        () = tidy => Ok(()),
    }
}

async fn page(State(app): State<App>) -> Response {
    match app.metrics.page(app.hub.rooms()) {
        Some(page) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
