//! Renewing the access token, over HTTP. The successor of the refresh token is stored before it can be used.

use std::{sync::Arc, time::Duration};

use tokio::{task::spawn_blocking, time::timeout};
use url::Url;
use watchbell_protocol::{ErrorCode, WireError, http::SignedIn};

use crate::{
    http::{self, SignInError},
    options::{SessionStore, Turn},
};

/// A keyring may ask the person to unlock it. The old token works until the new one is used, so nobody waits for that.
const STORING: Duration = Duration::from_secs(3);

/// Asks for a fresh access token. Asking again after a lost answer gives the same successor.
pub(super) async fn renew(
    server: Url,
    refresh_token: Option<String>,
    store: Arc<dyn SessionStore>,
) -> Result<SignedIn, SignInError> {
    let waiting = Arc::clone(&store);
    let Turn { newest, guard } = spawn_blocking(move || waiting.turn()).await.unwrap_or_default();
    let Some(refresh_token) = newest.or(refresh_token) else {
        return Err(SignInError::Refused(WireError::new(ErrorCode::Unauthenticated, "sign in again")));
    };
    let signed_in = http::refresh(&server, &refresh_token).await?;
    let successor = signed_in.refresh_token.clone();
    if successor != refresh_token {
        let stored = spawn_blocking(move || {
            store.save(&successor);
            drop(guard);
        });
        if timeout(STORING, stored).await.is_err() {
            tracing::warn!("the session store is slow to take the new refresh token; going on without waiting");
        }
    }
    Ok(signed_in)
}

/// The stored session is worthless.
pub(super) fn forget(store: Arc<dyn SessionStore>) {
    spawn_blocking(move || store.clear());
}
