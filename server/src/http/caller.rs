//! Who sends a request, for routes that need to know. Extracted before the body is read.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use super::Refusal;
use crate::{App, auth::Principal, metrics::AuthFailure};

/// Whoever proved who they are by the request's `Authorization` header.
#[derive(Debug, Clone)]
pub struct Caller(pub Arc<Principal>);

impl FromRequestParts<App> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        Self::of(app, &parts.headers).await
    }
}

impl Caller {
    /// Whoever these headers prove.
    pub async fn of(app: &App, headers: &HeaderMap) -> Result<Self, Refusal> {
        let proved = app.auth.authenticate(headers, app.clock.now()).await;
        app.metrics.auth_failed(AuthFailure::Token, proved.as_ref().err());
        Ok(Self(Arc::new(proved?)))
    }
}
