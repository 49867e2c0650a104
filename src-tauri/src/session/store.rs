//! The refresh token of one sign-in, and its successors on their way to the keyring.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tauri::async_runtime::{self, RuntimeHandle};
use watchbell_client::SessionStore;

use super::Session;

/// The token of one sign-in. Without a keyring it is only here.
pub struct Token {
    /// Its name in the keyring.
    pub account: String,
    latest: Mutex<String>,
}

impl Token {
    /// As it was given at the sign-in, or found in the keyring.
    pub fn new(account: String, token: String) -> Arc<Self> {
        Arc::new(Self { account, latest: Mutex::new(token) })
    }

    /// The newest one.
    pub fn latest(&self) -> String {
        self.latest.lock().clone()
    }
}

/// Hands each successor to the session, which knows the keyring. It waits until the keyring has it, so that the old token
/// is not given up for one that is nowhere.
pub struct Successors {
    token: Arc<Token>,
    session: Weak<Session>,
    runtime: RuntimeHandle,
}

impl Successors {
    /// For the client that `session` is about to open with `token`.
    pub fn new(token: Arc<Token>, session: &Arc<Session>) -> Self {
        Self { token, session: Arc::downgrade(session), runtime: async_runtime::handle() }
    }
}

// The client calls these on a thread that may block.
impl SessionStore for Successors {
    fn save(&self, refresh_token: &str) {
        refresh_token.clone_into(&mut self.token.latest.lock());
        if let Some(session) = self.session.upgrade() {
            let _ = self.runtime.block_on(session.keep(&self.token)); // the window is told how it went
        }
    }

    fn clear(&self) {
        if let Some(session) = self.session.upgrade() {
            self.runtime.block_on(session.forget(&self.token));
        }
    }
}
