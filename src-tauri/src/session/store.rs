//! The client's successors of the refresh token, on their way to the keyring.

use std::sync::Weak;

use tauri::async_runtime::{self, RuntimeHandle};
use watchbell_client::SessionStore;

use super::Session;

/// Hands each successor to the session, which knows the keyring. It waits until the keyring has it, so that the old token
/// is not given up for one that is nowhere.
pub struct Successors {
    session: Weak<Session>,
    runtime: RuntimeHandle,
}

impl Successors {
    /// For the client that `session` is about to open.
    pub fn new(session: Weak<Session>) -> Self {
        Self { session, runtime: async_runtime::handle() }
    }
}

impl SessionStore for Successors {
    fn save(&self, refresh_token: &str) {
        if let Some(session) = self.session.upgrade() {
            self.runtime.block_on(session.keep_token(refresh_token)); // the client calls this on a thread that may block
        }
    }

    fn clear(&self) {
        if let Some(session) = self.session.upgrade() {
            self.runtime.block_on(session.drop_token());
        }
    }
}
