//! `GET /v1/ws`: the upgrade. That there is a place, and who asks, is known before any resource is taken.

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
};

/// Bytes read from the socket at once; most frames from clients are small.
const READ_BUFFER: usize = 4 * 1024;

/// Lets a member or a producer in.
pub async fn upgrade(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let mut ticket = match app.limits.tickets.draw(address) {
        Ok(ticket) => ticket,
        Err(error) => return Refusal::from(error).into_response(),
    };
    let principal = match app.auth.authenticate(&headers, app.clock.now()).await {
        Ok(principal) => principal,
        Err(error) => return Refusal::from(error).into_response(),
    };
    if let Err(error) = ticket.claim(&principal) {
        return Refusal::from(error).into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([SUBPROTOCOL]),
        Err(rejection) => {
            return Refusal::from(WireError::new(ErrorCode::BadRequest, rejection.body_text())).into_response();
        }
    };
    if upgrade.selected_protocol().is_none() {
        let message = format!("name the subprotocol {SUBPROTOCOL} in Sec-WebSocket-Protocol");
        return Refusal::from(WireError::new(ErrorCode::BadRequest, message)).into_response();
    }
    let share = app.limits.commands.share(Taker::from(&principal), address);
    let admission = Admission { principal, share, ticket };
    let tasks = app.connection_tasks.clone();
    upgrade
        .max_message_size(limits::FRAME_BYTES)
        .max_frame_size(limits::FRAME_BYTES)
        .read_buffer_size(READ_BUFFER)
        .on_upgrade(move |socket| tasks.track_future(driver::serve(app, socket, admission)))
}
