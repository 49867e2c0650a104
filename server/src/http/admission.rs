//! Who may open a connection, by whatever carries it: there is a place, then they prove who they are. Known before
//! anything else is done for it.

use std::{net::IpAddr, sync::Arc};

use axum::{extract::Request, http::HeaderMap};
use watchbell_protocol::{ErrorCode, WireError};

use crate::{
    App,
    limits::Taker,
    metrics::{Attempt, AuthFailure, Limit},
    poll::routes,
    ws::driver::Admission,
};

/// Lets somebody in who also agrees to how the connection is carried, or says why not. The attempt is counted either way.
pub async fn admit<T>(
    app: &App,
    address: IpAddr,
    headers: &HeaderMap,
    agree: impl FnOnce() -> Result<T, WireError>,
) -> Result<(Box<Admission>, T), WireError> {
    let admitted = place(app, address, headers).await.and_then(|admission| Ok((admission, agree()?)));
    app.metrics.attempts.count(admitted.as_ref().map_or_else(|error| attempt(error.code), |_| Attempt::Accepted));
    admitted
}

/// Whether a request asks to open a connection, for those who refuse it before it comes here.
pub fn is_attempt(request: &Request) -> bool {
    match request.uri().path() {
        "/v1/ws" => true,
        "/v1/poll" => routes::connection(request.headers()).is_none(),
        _ => false,
    }
}

async fn place(app: &App, address: IpAddr, headers: &HeaderMap) -> Result<Box<Admission>, WireError> {
    let full = |error: WireError| {
        app.metrics.limited.count(Limit::Connections);
        error
    };
    let mut ticket = app.limits.tickets.draw(address).map_err(full)?;
    let proved = app.auth.authenticate(headers, app.clock.now()).await;
    app.metrics.auth_failed(AuthFailure::Token, proved.as_ref().err());
    let principal = proved?;
    ticket.claim(&principal).map_err(full)?;
    let share = app.limits.commands.share(Taker::from(&principal), address);
    Ok(Box::new(Admission { principal: Arc::new(principal), share, ticket }))
}

fn attempt(refused: ErrorCode) -> Attempt {
    match refused {
        ErrorCode::Unauthenticated | ErrorCode::Forbidden => Attempt::Unauthenticated,
        ErrorCode::RateLimited | ErrorCode::Unavailable => Attempt::Limited,
        ErrorCode::BadRequest => Attempt::Malformed,
        _ => Attempt::Failed,
    }
}
