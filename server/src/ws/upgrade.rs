//! `GET /v1/ws`: the upgrade. That there is a place, and who asks, is known before any resource is taken.

use std::net::IpAddr;

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use watchbell_protocol::{ErrorCode, SUBPROTOCOL, WireError, limits};

use super::driver::{self, Admission};
use crate::{
    App,
    http::{ClientAddress, Refusal},
    limits::Taker,
    metrics::{Attempt, AuthFailure, Limit},
};

/// Bytes read from the socket at once; most frames from clients are small.
const READ_BUFFER: usize = 4 * 1024;
/// Bytes that are gathered for one write. A connection keeps a buffer of this size, and of the largest frame that it ever
/// sent: pages of a replay are kept small for the same reason.
const WRITE_BUFFER: usize = 16 * 1024;

/// Lets a member or a producer in.
pub async fn upgrade(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let admitted = admit(&app, address, &headers, upgrade).await;
    app.metrics.attempts.count(admitted.as_ref().map_or_else(|error| attempt(error.code), |_| Attempt::Accepted));
    let (upgrade, admission) = match admitted {
        Ok(admitted) => admitted,
        Err(error) => return Refusal::from(error).into_response(),
    };
    let tasks = app.connection_tasks.clone();
    upgrade
        .max_message_size(limits::FRAME_BYTES)
        .max_frame_size(limits::FRAME_BYTES)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .on_upgrade(move |socket| tasks.track_future(driver::serve(app, socket, admission)))
}

/// A place, then who it is, then whether they speak the protocol.
async fn admit(
    app: &App,
    address: IpAddr,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<(WebSocketUpgrade, Admission), WireError> {
    let full = |error: WireError| {
        app.metrics.limited.count(Limit::Connections);
        error
    };
    let mut ticket = app.limits.tickets.draw(address).map_err(full)?;
    let proved = app.auth.authenticate(headers, app.clock.now()).await;
    app.metrics.auth_failed(AuthFailure::Token, proved.as_ref().err());
    let principal = proved?;
    ticket.claim(&principal).map_err(full)?;
    let malformed = |message| WireError::new(ErrorCode::BadRequest, message);
    let upgrade = upgrade.map_err(|rejection| malformed(rejection.body_text()))?.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(malformed(format!("name the subprotocol {SUBPROTOCOL} in Sec-WebSocket-Protocol")));
    }
    let share = app.limits.commands.share(Taker::from(&principal), address);
    Ok((upgrade, Admission { principal, share, ticket }))
}

fn attempt(refused: ErrorCode) -> Attempt {
    match refused {
        ErrorCode::Unauthenticated | ErrorCode::Forbidden => Attempt::Unauthenticated,
        ErrorCode::RateLimited | ErrorCode::Unavailable => Attempt::Limited,
        ErrorCode::BadRequest => Attempt::Malformed,
        _ => Attempt::Failed,
    }
}
