//! The refresh token in the operating system's keyring.
//!
//! Each call opens the store anew: one that was missing or locked at the start may be there a minute later. The stores
//! block, may ask the person for a password, and must not run on the async threads; so each call has a thread of its own
//! and a deadline, and they follow one another. Deliberately absent: a fallback file. No keyring, no token on disk.

use std::{sync::Arc, time::Duration};

use keyring_core::{CredentialStore, Entry, Error};
use tokio::sync::Mutex;

use crate::view::KeyringState;

/// The store's name for this app's entries.
const SERVICE: &str = "dev.watchbell.desktop";
/// A store that has not answered by then is waiting for the person.
const DEADLINE: Duration = Duration::from_secs(5);

/// Why the keyring cannot be used at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is none.
    #[error("No keyring was found on this computer.")]
    Absent,
    /// It is there, but locked, refusing, or waiting for the person.
    #[error("The keyring is locked or does not answer. Unlock it and look again.")]
    Locked,
}

impl From<Unusable> for KeyringState {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Absent => Self::Absent,
            Unusable::Locked => Self::Locked,
        }
    }
}

/// The way to the keyring. Clones share the queue of calls.
#[derive(Clone, Default)]
pub struct Keyring {
    /// Held by the thread of the call under way, also beyond its deadline: a later call never overtakes it.
    queue: Arc<Mutex<()>>,
}

impl Keyring {
    /// The token of `account`; `None` if none was ever stored.
    pub async fn load(&self, account: &str) -> Result<Option<String>, Unusable> {
        let found = self
            .call(account, |entry| match entry.get_password() {
                Err(Error::NoEntry) => Ok(None),
                found => found.map(Some),
            })
            .await?;
        // A locked Secret Service hides its entries, which reads like "nothing stored".
        if found.is_none() && is_locked().await { Err(Unusable::Locked) } else { Ok(found) }
    }

    /// Stores the token of `account` in place of the one before.
    pub async fn save(&self, account: &str, token: &str) -> Result<(), Unusable> {
        let token = token.to_owned();
        self.call(account, move |entry| entry.set_password(&token)).await
    }

    /// Removes the token of `account`; it is no error if there is none.
    pub async fn forget(&self, account: &str) -> Result<(), Unusable> {
        self.call(account, |entry| match entry.delete_credential() {
            Err(Error::NoEntry) => Ok(()),
            done => done,
        })
        .await
    }

    async fn call<T: Send + 'static>(
        &self,
        account: &str,
        work: impl FnOnce(&Entry) -> keyring_core::Result<T> + Send + 'static,
    ) -> Result<T, Unusable> {
        let (queue, account) = (Arc::clone(&self.queue), account.to_owned());
        let work = async move {
            let turn = queue.lock_owned().await;
            tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let store = store().map_err(|error| {
                    tracing::debug!(%error, "no keyring");
                    Unusable::Absent
                })?;
                store.build(SERVICE, &account, None).and_then(|entry| work(&entry)).map_err(|error| {
                    tracing::debug!(%error, "the keyring refused");
                    Unusable::Locked
                })
            })
            .await
            .unwrap_or(Err(Unusable::Locked)) // the store panicked: there, but of no use
        };
        tokio::time::timeout(DEADLINE, work).await.unwrap_or(Err(Unusable::Locked))
    }
}

#[cfg(target_os = "linux")]
fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(windows)]
fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(windows_native_keyring_store::Store::new()?)
}

/// Whether the Secret Service's default collection is locked.
#[cfg(target_os = "linux")]
async fn is_locked() -> bool {
    let ask = async {
        let bus = zbus::Connection::session().await?;
        let collection = zbus::fdo::PropertiesProxy::builder(&bus)
            .destination("org.freedesktop.secrets")?
            .path("/org/freedesktop/secrets/aliases/default")?
            .build()
            .await?;
        let interface = zbus::names::InterfaceName::from_static_str("org.freedesktop.Secret.Collection")?;
        let locked = collection.get(interface, "Locked").await?;
        bool::try_from(locked).map_err(zbus::Error::from)
    };
    // No default collection yet is not locked: the first token makes it.
    matches!(tokio::time::timeout(DEADLINE, ask).await, Ok(Ok(true)))
}

/// Other systems say it themselves.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::unused_async)]
async fn is_locked() -> bool {
    false
}
