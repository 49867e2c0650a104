//! Proving who somebody is: passwords, tokens, sign-ins. What they may do is decided in `policy` alone.

pub mod access;
pub mod api_token;
pub mod keys;
pub mod password;
pub mod policy;
mod principal;
pub mod refresh;
mod scope;
mod sign_in;
pub mod throttle;

use std::time::Duration;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use parking_lot::Mutex;
pub use principal::{FamilyId, Principal};
pub use scope::Scope;
pub use sign_in::Session;
use watchbell_protocol::{ErrorCode, UnixMillis, WireError, limits};

use self::{
    access::{AccessTokens, NotValid},
    keys::Keys,
    password::Passwords,
    throttle::Guesses,
};
use crate::{
    config,
    store::{Store, accounts::SignInOf, api_tokens},
};

/// Everything that proves who somebody is.
pub struct Auth {
    store: Store,
    access: AccessTokens,
    refresh_secret: [u8; 32],
    passwords: Passwords,
    guesses: Mutex<Guesses>,
    sign_in_life: Duration,
}

impl Auth {
    /// With the server's keys. Takes as long as one password check.
    pub fn new(keys: &Keys, config: &config::Auth, store: Store) -> anyhow::Result<Self> {
        Ok(Self {
            store,
            access: AccessTokens::new(keys, config.access_token.0),
            refresh_secret: keys.refresh,
            passwords: Passwords::new(config.password_checks)
                .map_err(|error| anyhow::anyhow!("passwords cannot be hashed: {error}"))?,
            guesses: Mutex::new(Guesses::new(config.failed_sign_ins, config.failed_sign_in_wait.0)),
            sign_in_life: config.sign_in.0,
        })
    }

    /// Who sent these headers: `Authorization: Bearer` with an access token or an API token. Never taken from the URL.
    pub async fn authenticate(&self, headers: &HeaderMap, now: UnixMillis) -> Result<Principal, WireError> {
        self.authenticate_token(bearer(headers)?, now).await
    }

    /// Whose token this is.
    pub async fn authenticate_token(&self, token: &str, now: UnixMillis) -> Result<Principal, WireError> {
        if token.starts_with(api_token::PREFIX) { self.producer(token).await } else { self.member(token, now).await }
    }

    async fn member(&self, token: &str, now: UnixMillis) -> Result<Principal, WireError> {
        let claims = self.access.verify(token, now).map_err(|error| unauthenticated(error.to_string()))?;
        let sign_in = self.store.find(SignInOf(claims.fam)).await.map_err(failed)?;
        let sign_in = sign_in
            .filter(|sign_in| sign_in.account.id == claims.sub && sign_in.device == claims.device)
            .ok_or_else(|| unauthenticated(NotValid::Forged.to_string()))?;
        if sign_in.disabled_at.is_some() {
            return Err(unauthenticated("the account is disabled"));
        }
        if sign_in.revoked_at.is_some() {
            return Err(unauthenticated("the sign-in has ended: sign in again"));
        }
        Ok(Principal::User {
            id: sign_in.account.id,
            name: sign_in.account.name,
            display_name: sign_in.account.display_name,
            device: sign_in.device,
            device_kind: sign_in.device_kind,
            family: claims.fam,
            expires_at: claims.expires_at(),
        })
    }

    async fn producer(&self, token: &str) -> Result<Principal, WireError> {
        let not_valid = || unauthenticated("the API token is not valid");
        let presented = api_token::Presented::parse(token).ok_or_else(not_valid)?;
        let mut conn = self.store.look().await.map_err(failed)?;
        let kept = api_tokens::find(&mut conn, presented.id).await.map_err(failed)?;
        let kept = kept.filter(|kept| presented.matches(&kept.secret_hash)).ok_or_else(not_valid)?;
        if kept.revoked_at.is_some() {
            return Err(unauthenticated("the API token was revoked"));
        }
        Ok(Principal::Token { id: kept.id, name: kept.name, scopes: kept.scopes, projects: kept.projects })
    }
}

/// The bearer token in `headers`.
fn bearer(headers: &HeaderMap) -> Result<&str, WireError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(unauthenticated("sign in first: the header `Authorization: Bearer …` is missing or there twice"));
    };
    let not_bearer = || unauthenticated("the header `Authorization` must be `Bearer` and a token");
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(not_bearer)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.len() > limits::TOKEN_BYTES {
        return Err(not_bearer());
    }
    Ok(token)
}

fn unauthenticated(message: impl Into<String>) -> WireError {
    WireError::new(ErrorCode::Unauthenticated, message)
}

/// A query failed: logged here, told without its details.
#[allow(clippy::needless_pass_by_value)] // so that it fits `map_err`
fn failed(error: sqlx::Error) -> WireError {
    tracing::error!(%error, "the database failed");
    WireError::new(ErrorCode::Internal, "the server's database failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_bearer_token_in_the_header_counts() {
        let headers = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            headers
        };
        assert_eq!(bearer(&headers(&["Bearer abc"])), Ok("abc"));
        assert_eq!(bearer(&headers(&["bearer  abc "])), Ok("abc"));
        let long = format!("Bearer {}", "x".repeat(limits::TOKEN_BYTES + 1));
        for wrong in [&[][..], &["Bearer"], &["Bearer "], &["Basic abc"], &["Bearer a", "Bearer b"], &[long.as_str()]] {
            let error = bearer(&headers(wrong)).unwrap_err();
            assert_eq!(error.code, ErrorCode::Unauthenticated, "{wrong:?}");
        }
    }
}
