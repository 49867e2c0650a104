//! A sign-in that several processes share: the refresh token in the keyring, renewed by one process at a time.
//!
//! A refresh token is replaced at every renewal, and the server takes the use of an outdated one for theft. So whoever
//! renews first takes a lock (a file's, which the system frees when the process dies), reads the newest token from
//! the keyring inside it, and holds it until the successor is in the keyring.

use std::{
    fs::{File, TryLockError},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use watchbell_client::{SessionStore, Turn};

use crate::{
    keyring::{Keyring, KeyringError},
    profile::{ProfileFolder, SignedInServer},
};

/// Longer than any renewal takes: a call to the server has 20 s.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a lock that another process holds.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The sign-in at one server.
#[derive(Clone)]
pub struct SharedSession {
    keyring: Keyring,
    account: String,
    lock_file: PathBuf,
    /// The token that this process has; the keyring's may be a newer one.
    held: Arc<Mutex<Option<String>>>,
}

/// Nobody else renews while this exists.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl SharedSession {
    /// The sign-in at `server`.
    pub fn new(keyring: Keyring, folder: &ProfileFolder, server: &SignedInServer) -> Self {
        let (account, lock_file) = (server.keyring_account(), folder.lock_file(server.device));
        Self { keyring, account, lock_file, held: Arc::default() }
    }

    /// Waits until no other process renews. Blocks.
    pub fn lock(&self) -> io::Result<Lock> {
        if let Some(folder) = self.lock_file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::options().create(true).truncate(false).write(true).open(&self.lock_file)?;
        let waiting_since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::WouldBlock) if waiting_since.elapsed() < LOCK_PATIENCE => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(io::Error::from(io::ErrorKind::TimedOut)),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// The newest refresh token, if there is one. Blocks.
    pub fn newest(&self) -> Result<Option<String>, KeyringError> {
        let newest = self.keyring.load(&self.account)?;
        self.held().clone_from(&newest);
        Ok(newest)
    }

    /// Whether the keyring has another token than this process, as after a new login. Blocks.
    pub fn is_replaced(&self) -> bool {
        let held = self.held().clone();
        self.keyring.load(&self.account).is_ok_and(|stored| stored.is_some() && stored != held)
    }

    /// Keeps a refresh token. Blocks.
    pub fn keep(&self, refresh_token: &str) -> Result<(), KeyringError> {
        *self.held() = Some(refresh_token.to_owned());
        self.keyring.save(&self.account, refresh_token)
    }

    /// Forgets the refresh token. Blocks.
    pub fn forget(&self) -> Result<(), KeyringError> {
        self.keyring.forget(&self.account)
    }

    fn held(&self) -> MutexGuard<'_, Option<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for SharedSession {
    fn turn(&self) -> Turn {
        let guard = self.lock().inspect_err(|error| {
            tracing::warn!(%error, "the sign-in cannot be locked; it is renewed without");
        });
        let newest = self.newest().unwrap_or_else(|error| {
            tracing::warn!(%error, "the keyring cannot be read; the sign-in is renewed with the token at hand");
            None
        });
        Turn { newest, guard: guard.ok().map(|lock| Box::new(lock) as Box<dyn Send>) }
    }

    fn save(&self, refresh_token: &str) {
        if let Err(error) = self.keep(refresh_token) {
            tracing::error!(%error, "the renewed sign-in could not be kept; the next run may have to log in again");
        }
    }

    /// Forgets the token that was refused, and not one that a new login has put in its place.
    fn clear(&self) {
        let refused = self.held().clone();
        let cleared = match self.keyring.load(&self.account) {
            Ok(stored) if stored.is_some() && stored == refused => self.forget(),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = cleared {
            tracing::warn!(%error, "the worthless sign-in could not be removed from the keyring");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use watchbell_protocol::DeviceId;

    use super::*;
    use crate::keyring::tests::in_memory;

    fn session(keyring: &Keyring, folder: &ProfileFolder, device: DeviceId) -> SharedSession {
        let server = SignedInServer { url: "https://bell.example/".parse().unwrap(), name: "ada".into(), device };
        SharedSession::new(keyring.clone(), folder, &server)
    }

    /// As the server sees it: only the newest token may be renewed.
    #[test]
    fn many_at_once_renew_one_after_another_and_never_with_an_outdated_token() {
        let (keyring, folder) = (in_memory(), tempfile::tempdir().unwrap());
        let (folder, device) = (ProfileFolder::at(folder.path()), DeviceId::fresh());
        session(&keyring, &folder, device).keep("0").unwrap();
        let server = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                // Each thread is a process: a session of its own, with a lock of its own.
                scope.spawn(|| {
                    let session = session(&keyring, &folder, device);
                    for _ in 0..5 {
                        let turn = session.turn();
                        assert!(turn.guard.is_some());
                        let token: u32 = turn.newest.unwrap().parse().unwrap();
                        assert_eq!(
                            server.compare_exchange(token, token + 1, Ordering::SeqCst, Ordering::SeqCst),
                            Ok(token)
                        );
                        session.save(&(token + 1).to_string());
                    }
                });
            }
        });
        assert_eq!(session(&keyring, &folder, device).newest().unwrap().as_deref(), Some("40"));
    }

    #[test]
    fn a_refused_token_is_forgotten_but_never_its_replacement() {
        let (keyring, folder) = (in_memory(), tempfile::tempdir().unwrap());
        let (folder, device) = (ProfileFolder::at(folder.path()), DeviceId::fresh());
        let (old, new) = (session(&keyring, &folder, device), session(&keyring, &folder, device));
        old.keep("refused").unwrap();
        new.keep("of a new login").unwrap();
        assert!(old.is_replaced() && !new.is_replaced());
        old.clear();
        assert_eq!(new.newest().unwrap().as_deref(), Some("of a new login"));
        new.clear();
        assert_eq!(new.newest().unwrap(), None);
    }
}
