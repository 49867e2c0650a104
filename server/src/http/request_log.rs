//! A request's id, in and out, and one log line per request. Neither bodies nor queries nor headers are logged.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;
use uuid::Uuid;

use crate::App;

/// The header with a request's id, given by a proxy or by the server.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over.
const ID_BYTES: usize = 64;

/// Runs the request inside a span that carries its id, and answers with it.
pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = given_id(request.headers()).unwrap_or_else(fresh_id);
    let path = request.uri().path();
    // What monitors ask all day long is noise at `info`.
    let is_probe = matches!(path, "/healthz" | "/readyz");
    let span = tracing::info_span!(
        "request",
        request.id = %id.to_str().unwrap_or_default(),
        method = %request.method(),
        path = %path,
    );
    let started = app.clock.moment();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| log(response.status(), started.elapsed(), is_probe));
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn log(status: StatusCode, took: Duration, is_probe: bool) {
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let status = status.as_u16();
    if is_probe {
        tracing::debug!(status, duration_ms, "answered");
    } else {
        tracing::info!(status, duration_ms, "answered");
    }
}

/// The id that came along, if it is one that can stand in a log line.
fn given_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let fits = (1..=ID_BYTES).contains(&id.len())
        && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    fits.then(|| id.clone())
}

fn fresh_id() -> HeaderValue {
    HeaderValue::from_str(&Uuid::now_v7().to_string()).expect("a UUID is plain ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_short_id_is_taken_over() {
        let given = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, id.parse().unwrap());
            given_id(&headers).is_some()
        };
        assert!(given("8f0c-1_a.b"));
        for id in ["", "a b", "a\"b", "a=b", &"x".repeat(65)] {
            assert!(!given(id), "{id}");
        }
    }
}
