//! Every HTTP route on one page.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use tower_http::timeout::TimeoutLayer;
use watchbell_protocol::limits;

use crate::{
    App,
    http::{commands, documents, health, info, origin, rate, refusal, request_log, sign_in},
    poll::routes,
    ws::upgrade,
};

/// The routes with what stands before all of them: the request's id and log line, then the
/// address's allowance, then the browser's origin.
pub fn router(app: App) -> Router {
    let within = |span| TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, span);
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/v1/info", get(info::info))
        .route("/v1/openapi.json", get(documents::openapi))
        .route("/v1/asyncapi.json", get(documents::asyncapi))
        .route("/v1/sign-in", post(sign_in::sign_in))
        .route("/v1/refresh", post(sign_in::refresh))
        .route("/v1/sign-out", post(sign_in::sign_out))
        .route("/v1/rooms/{room}/commands", post(commands::post).layer(DefaultBodyLimit::max(limits::FRAME_BYTES)))
        .route("/v1/ws", get(upgrade::upgrade))
        .route("/v1/send", post(routes::send).layer(DefaultBodyLimit::max(limits::SEND_BYTES)))
        .layer(within(app.timing.request))
        // A poll waits on purpose, and has as long as any request for the rest.
        .merge(
            Router::new()
                .route("/v1/poll", post(routes::poll))
                .layer(within(app.timing.poll_hold + app.timing.request)),
        )
        .fallback(refusal::unknown_route)
        .method_not_allowed_fallback(refusal::unknown_method)
        .layer(DefaultBodyLimit::max(app.config.limits.http_body_bytes as usize))
        .layer(origin::cors(&app.config.server.allowed_origins.0))
        .layer(middleware::from_fn_with_state(app.clone(), origin::guard))
        .layer(middleware::from_fn_with_state(app.clone(), rate::guard))
        .layer(middleware::from_fn_with_state(app.clone(), request_log::layer))
        .with_state(app)
}
