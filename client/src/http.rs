//! The few calls that are not frames: who the server is, signing in and out, renewing the access token.
//!
//! Deliberately absent: retries (the session machine decides about those) and redirects (a redirected password is a
//! leaked one).

use std::time::Duration;

use reqwest::{Response, StatusCode, redirect::Policy};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;
use watchbell_protocol::{
    ErrorCode, Text, WireError,
    http::{ErrorBody, Refresh, ServerInfo, SignIn, SignedIn},
    limits,
};

use crate::{
    address::{self, AddressError},
    transport::tls,
};

/// The longest a call may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// No answer of these calls is larger.
pub(crate) const ANSWER_BYTES: usize = 64 * 1024;

/// Why signing in (or another of these calls) did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Nothing answered there, or not in time.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// Why, from the network.
        reason: String,
    },
    /// Something answered that is no Watchbell server.
    #[error("{host} answered, but not as a Watchbell server does ({reason})")]
    NotWatchbell {
        /// Host and port.
        host: String,
        /// What was odd.
        reason: String,
    },
    /// The server said no: wrong name or password, too many attempts, a revoked session.
    #[error("{0}")]
    Refused(WireError),
}

impl SignInError {
    /// Whether the server, being asked, found the credentials worthless. Everything else may pass by itself.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(error) if matches!(
            error.code,
            ErrorCode::Unauthenticated | ErrorCode::Forbidden | ErrorCode::Expired
        ))
    }
}

/// Signs in with a name and a password.
pub async fn sign_in(server: &Url, form: SignIn) -> Result<SignedIn, SignInError> {
    post(server, "v1/sign-in", &form).await
}

/// Ends a sign-in on the server: the refresh token and what came of it are worthless then.
pub async fn sign_out(server: &Url, refresh_token: &str) -> Result<(), SignInError> {
    let body = refresh_body(refresh_token)?;
    let response = send(server, client(server)?.post(address::endpoint(server, "v1/sign-out")).json(&body)).await?;
    if response.status().is_success() { Ok(()) } else { Err(refusal(server, response).await) }
}

/// A fresh access token, and the refresh token's successor.
pub(crate) async fn refresh(server: &Url, refresh_token: &str) -> Result<SignedIn, SignInError> {
    post(server, "v1/refresh", &refresh_body(refresh_token)?).await
}

/// Who the server is, for a sign-in screen.
pub async fn server_info(server: &Url) -> Result<ServerInfo, SignInError> {
    let response = send(server, client(server)?.get(address::endpoint(server, "v1/info"))).await?;
    answer(server, response).await
}

fn refresh_body(refresh_token: &str) -> Result<Refresh, SignInError> {
    Text::<{ limits::TOKEN_BYTES }>::try_from(refresh_token)
        .map(|refresh_token| Refresh { refresh_token })
        .map_err(|_| SignInError::Refused(WireError::new(ErrorCode::Unauthenticated, "the stored sign-in is damaged")))
}

async fn post<T: DeserializeOwned>(server: &Url, path: &str, body: &impl Serialize) -> Result<T, SignInError> {
    let response = send(server, client(server)?.post(address::endpoint(server, path)).json(body)).await?;
    answer(server, response).await
}

fn client(server: &Url) -> Result<reqwest::Client, SignInError> {
    builder(server)?.timeout(TIMEOUT).build().map_err(|error| unreachable(server, &error))
}

/// What every client of `server` has in common.
pub(crate) fn builder(server: &Url) -> Result<reqwest::ClientBuilder, AddressError> {
    address::check(server)?;
    tls::prepare();
    let builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .user_agent(concat!("watchbell/", env!("CARGO_PKG_VERSION")));
    Ok(if address::is_loopback(server) { builder.no_proxy() } else { builder })
}

async fn send(server: &Url, request: reqwest::RequestBuilder) -> Result<Response, SignInError> {
    request.send().await.map_err(|error| unreachable(server, &error))
}

async fn answer<T: DeserializeOwned>(server: &Url, response: Response) -> Result<T, SignInError> {
    if !response.status().is_success() {
        return Err(refusal(server, response).await);
    }
    let body = body(server, response).await?;
    serde_json::from_slice(&body).map_err(|_| not_watchbell(server, "its answer is not the expected JSON".into()))
}

async fn refusal(server: &Url, response: Response) -> SignInError {
    let status = response.status();
    match body(server, response).await {
        Ok(body) => match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(body) => SignInError::Refused(body.error),
            // A proxy in front of a server that is down.
            Err(_)
                if matches!(
                    status,
                    StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
                ) =>
            {
                SignInError::Unreachable { host: host(server), reason: format!("its proxy says {status}") }
            }
            Err(_) => not_watchbell(server, format!("status {status}")),
        },
        Err(error) => error,
    }
}

/// The body, as far as it is of a plausible size.
async fn body(server: &Url, mut response: Response) -> Result<Vec<u8>, SignInError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(server, &error))? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(not_watchbell(server, format!("an answer beyond {ANSWER_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn unreachable(server: &Url, error: &reqwest::Error) -> SignInError {
    let reason = if error.is_timeout() { "no answer in time".to_owned() } else { innermost(error) };
    SignInError::Unreachable { host: host(server), reason }
}

fn not_watchbell(server: &Url, reason: String) -> SignInError {
    SignInError::NotWatchbell { host: host(server), reason }
}

/// Host and port, for sentences.
pub(crate) fn host(server: &Url) -> String {
    let host = server.host_str().unwrap_or_default();
    server.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The cause at the end of the chain: "connection refused", not "error sending request".
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
