//! `POST /v1/sign-in`, `/v1/refresh` and `/v1/sign-out`.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use watchbell_protocol::http::{Refresh, SignIn, SignedIn};

use super::{ClientAddress, JsonBody, Refusal};
use crate::{App, auth::Session, metrics::AuthFailure};

/// `POST /v1/sign-in`: name and password for tokens.
pub async fn sign_in(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    JsonBody(request): JsonBody<SignIn>,
) -> Result<impl IntoResponse, Refusal> {
    let session = app.auth.sign_in(request, address, app.clock.now()).await;
    app.metrics.auth_failed(AuthFailure::Password, session.as_ref().err());
    Ok(signed_in(&app, session?))
}

/// `POST /v1/refresh`: a refresh token for its successor and a fresh access token.
pub async fn refresh(
    State(app): State<App>,
    JsonBody(request): JsonBody<Refresh>,
) -> Result<impl IntoResponse, Refusal> {
    let session = app.auth.refresh(&request.refresh_token, app.clock.now()).await;
    app.metrics.auth_failed(AuthFailure::RefreshToken, session.as_ref().err());
    Ok(signed_in(&app, session?))
}

/// `POST /v1/sign-out`: ends the sign-in that the token descends from, its live connections included.
pub async fn sign_out(State(app): State<App>, JsonBody(request): JsonBody<Refresh>) -> Result<StatusCode, Refusal> {
    app.auth.sign_out(&request.refresh_token, app.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn signed_in(app: &App, session: Session) -> impl IntoResponse + use<> {
    let body = SignedIn {
        access_token: session.access_token,
        expires_in: session.expires_in,
        refresh_token: session.refresh_token,
        account: session.account,
        server: app.config.server.name.0.clone(),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(body))
}
