//! The system's keyring, the only place where a sign-in is kept: Secret Service, Keychain, Credential Manager.
//!
//! A keyring may be absent, locked, or waiting for somebody to answer its prompt. Its calls block and cannot be
//! interrupted, so each runs on a thread of its own that is waited for with a limit, and is left behind when the limit
//! is reached. The store is opened anew for each call: a keyring that was started meanwhile is found.
//!
//! Deliberately absent: a file to fall back to.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use keyring_core::{CredentialStore, Entry, Error};

use crate::exit::Failure;

/// How long a keyring may take: long enough for a slow bus, too short to be taken for a hang.
const PATIENCE: Duration = Duration::from_secs(5);

/// The entries' service name.
const SERVICE: &str = "watchbell-cli";

/// What to do when there is no keyring, said the same everywhere.
const INSTEAD: &str = "unlock or start it, or set WATCHBELL_TOKEN (made by `watchbell-server token create`) instead";

/// Opens the system's store.
type Open = dyn Fn() -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync;

/// Access to the keyring.
#[derive(Clone)]
pub struct Keyring {
    open: Arc<Open>,
    patience: Duration,
}

/// What a call to the keyring came to when it did not come to a value.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// No keyring answers, or it is locked.
    #[error("the system's keyring cannot be used ({0}); {INSTEAD}")]
    Unusable(String),
    /// It did not answer in time: most likely a prompt waits for somebody.
    #[error("the system's keyring did not answer within {} s, perhaps it asks for its password; {INSTEAD}", .0.as_secs())]
    Silent(Duration),
}

impl From<KeyringError> for Failure {
    fn from(error: KeyringError) -> Self {
        Self::usage(error.to_string())
    }
}

impl Keyring {
    /// The keyring of this system.
    pub fn of_this_system() -> Self {
        Self::opened_by(open_system_store)
    }

    /// A keyring over another store.
    pub fn opened_by(open: impl Fn() -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync + 'static) -> Self {
        Self { open: Arc::new(open), patience: PATIENCE }
    }

    /// The secret of `account`; `None` if there is none, or if the keyring is locked and says so by having none.
    /// Blocks, but not for long.
    pub fn load(&self, account: &str) -> Result<Option<String>, KeyringError> {
        self.call(account, |entry| match entry.get_password() {
            Err(Error::NoEntry) => Ok(None),
            other => other.map(Some),
        })
    }

    /// Keeps the secret of `account`, in place of an earlier one. Blocks, but not for long.
    pub fn save(&self, account: &str, secret: &str) -> Result<(), KeyringError> {
        let secret = secret.to_owned();
        self.call(account, move |entry| entry.set_password(&secret))
    }

    /// Forgets the secret of `account`. It is fine if there is none. Blocks, but not for long.
    pub fn forget(&self, account: &str) -> Result<(), KeyringError> {
        self.call(account, |entry| match entry.delete_credential() {
            Err(Error::NoEntry) => Ok(()),
            other => other,
        })
    }

    /// One of the calls above, from async code.
    pub async fn ask<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Self) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let keyring = self.clone();
        let result = tokio::task::spawn_blocking(move || call(&keyring)).await;
        result.unwrap_or_else(|error| Err(KeyringError::Unusable(error.to_string())))
    }

    fn call<T: Send + 'static>(
        &self,
        account: &str,
        work: impl FnOnce(&Entry) -> keyring_core::Result<T> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let (done, answer) = mpsc::sync_channel(1);
        let (open, account) = (Arc::clone(&self.open), account.to_owned());
        let thread = std::thread::Builder::new().name("keyring".into()).spawn(move || {
            let result = open().and_then(|store| work(&store.build(SERVICE, &account, None)?));
            // Nobody listens any more once the patience has run out.
            let _ = done.send(result);
        });
        thread.map_err(|error| KeyringError::Unusable(error.to_string()))?;
        match answer.recv_timeout(self.patience) {
            Ok(result) => result.map_err(|error| KeyringError::Unusable(reason(&error))),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(KeyringError::Unusable("its library failed".into())),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(KeyringError::Silent(self.patience)),
        }
    }
}

/// The error in words that carry no secret.
fn reason(error: &Error) -> String {
    match error {
        Error::NoStorageAccess(_) => "it is locked".into(),
        Error::PlatformFailure(_) | Error::NoDefaultStore => "no keyring service answers".into(),
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => "its entry is damaged".into(),
        Error::Ambiguous(entries) => format!("it has {} entries of the same name", entries.len()),
        other => other.to_string(),
    }
}

#[cfg(target_os = "linux")]
fn open_system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    zbus_secret_service_keyring_store::Store::new().map(|store| store as Arc<CredentialStore>)
}

#[cfg(target_os = "macos")]
fn open_system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    apple_native_keyring_store::keychain::Store::new().map(|store| store as Arc<CredentialStore>)
}

#[cfg(windows)]
fn open_system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    windows_native_keyring_store::Store::new().map(|store| store as Arc<CredentialStore>)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn open_system_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Error::NotSupportedByStore("this system has no keyring that Watchbell knows".into()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn in_memory() -> Keyring {
        let store = keyring_core::mock::Store::new().unwrap();
        Keyring::opened_by(move || Ok(store.clone()))
    }

    #[test]
    fn what_was_saved_is_loaded_until_it_is_forgotten() {
        let keyring = in_memory();
        assert_eq!(keyring.load("ada").unwrap(), None);
        keyring.save("ada", "one").unwrap();
        keyring.save("ada", "two").unwrap();
        assert_eq!(keyring.load("ada").unwrap().as_deref(), Some("two"));
        keyring.forget("ada").unwrap();
        keyring.forget("ada").unwrap();
        assert_eq!(keyring.load("ada").unwrap(), None);
    }

    #[test]
    fn no_keyring_is_said_with_what_to_do_instead() {
        let keyring = Keyring::opened_by(|| Err(Error::PlatformFailure("org.freedesktop.DBus".into())));
        let error = keyring.save("ada", "secret-value").unwrap_err().to_string();
        assert!(error.contains("no keyring service answers") && error.contains("WATCHBELL_TOKEN"), "{error}");
        assert!(!error.contains("secret-value"));
    }

    #[tokio::test]
    async fn a_keyring_that_waits_for_somebody_is_not_waited_for() {
        let waiting = || loop {
            std::thread::park();
        };
        let keyring = Keyring { patience: Duration::from_millis(20), ..Keyring::opened_by(waiting) };
        assert!(matches!(keyring.ask(|keyring| keyring.load("ada")).await, Err(KeyringError::Silent(_))));
    }

    #[test]
    fn a_keyring_that_comes_up_later_is_found() {
        let store = keyring_core::mock::Store::new().unwrap();
        let asked = std::sync::atomic::AtomicU32::new(0);
        let keyring = Keyring::opened_by(move || match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Err(Error::NoDefaultStore),
            _ => Ok(store.clone()),
        });
        assert!(keyring.save("ada", "one").is_err());
        keyring.save("ada", "one").unwrap();
    }
}
