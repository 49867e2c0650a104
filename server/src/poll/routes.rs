//! `POST /v1/poll` and `POST /v1/send`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use tungstenite::Utf8Bytes;
use watchbell_protocol::{
    ErrorCode, WireError, error,
    http::{CONNECTION, Poll, SendFrames},
};

use super::{
    line::{Line, LineSink, LineSource},
    lines::unknown,
};
use crate::{
    App,
    auth::Principal,
    http::{Caller, ClientAddress, JsonBody, Refusal, admission, body::TextBody},
    ws::{
        driver::{self, Admission},
        outbox::Outbox,
    },
};

/// Opens a connection, or waits for its next frames.
pub async fn poll(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    JsonBody(Poll { ack }): JsonBody<Poll>,
) -> Result<Response, Refusal> {
    let until = app.clock.moment() + app.timing.poll_hold;
    let (id, line) = if let Some(id) = connection(&headers) {
        let Caller(caller) = Caller::of(&app, &headers).await?;
        (None, app.lines.find(id, &caller)?)
    } else {
        let (id, line) = open(&app, admission::admit(&app, address, &headers, || Ok(())).await?.0);
        (Some(id), line)
    };
    let body = line.poll(id.as_deref(), ack, until).await?;
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response())
}

/// Takes what the other side says.
pub async fn send(
    State(app): State<App>,
    headers: HeaderMap,
    Caller(caller): Caller,
    text: Result<TextBody, Refusal>,
) -> Result<StatusCode, Refusal> {
    let line = find(&app, &headers, &caller)?;
    let TextBody(text) = text.inspect_err(|refusal| {
        if refusal.code() == ErrorCode::TooLarge {
            line.too_large();
        }
    })?;
    let SendFrames { n, frames, close } = error::parse(&text, "")?;
    let frames = frames.iter().map(|frame| Utf8Bytes::from(frame.get())).collect();
    line.send(n, frames, close).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a request is part of an open connection.
pub fn is_carried(app: &App, request: &Request) -> bool {
    matches!(request.uri().path(), "/v1/poll" | "/v1/send")
        && connection(request.headers()).is_some_and(|id| app.lines.has(id))
}

/// The connection that a request names.
pub fn connection(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONNECTION).map(|id| id.to_str().unwrap_or_default())
}

fn find(app: &App, headers: &HeaderMap, caller: &Principal) -> Result<Arc<Line>, WireError> {
    app.lines.find(connection(headers).ok_or_else(unknown)?, caller)
}

/// Starts the session of a new connection.
fn open(app: &App, admission: Box<Admission>) -> (String, Arc<Line>) {
    let (entry, id, line) = app.lines.open(admission.principal.clone());
    let outbox = Arc::new(Outbox::new(app.metrics.deliveries.clone()));
    let (source, sink) = (LineSource(line.clone()), LineSink(line.clone()));
    let serve = driver::serve(app.clone(), outbox, source, sink, admission);
    app.connection_tasks.spawn(async move {
        serve.await;
        drop(entry);
    });
    (id, line)
}
