//! How many requests one address may send, those that open a connection included. What then goes over a connection is
//! counted there, also when requests carry it.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{ClientAddress, Refusal, admission};
use crate::{
    App, limits,
    metrics::{Attempt, Limit},
    poll,
};

/// Refuses what is beyond an address's allowance, before anything else is done for it.
pub async fn guard(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    if poll::routes::is_carried(&app, &request) {
        return next.run(request).await;
    }
    let taken = limits::household(address).map_or(Ok(()), |household| app.limits.requests.take(&household));
    match taken {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            app.metrics.limited.count(Limit::Requests);
            if admission::is_attempt(&request) {
                app.metrics.attempts.count(Attempt::Limited);
            }
            Refusal::from(limits::too_many("too many requests from your address", wait)).into_response()
        }
    }
}
