//! `GET /v1/openapi.json` and `/v1/asyncapi.json`: what can be said to this server, for programs. `cargo xtask codegen`
//! makes both from the types of the wire; the server hands out the files as they are.

use axum::{http::header, response::IntoResponse};

/// The HTTP side, as `OpenAPI`.
pub async fn openapi() -> impl IntoResponse {
    json(include_str!("../../../docs/openapi.json"))
}

/// The WebSocket side, as `AsyncAPI`.
pub async fn asyncapi() -> impl IntoResponse {
    json(include_str!("../../../docs/asyncapi.json"))
}

fn json(text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}
