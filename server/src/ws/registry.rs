//! Who is connected, so that a connection can be ended from outside: a revoked sign-in, a stopping server.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use watchbell_protocol::{CloseCode, ConnectionId, TokenId, UserId};

use crate::{
    auth::{FamilyId, Principal},
    store::accounts::Revoked,
    tables::give_back,
};

/// The connections of this server.
#[derive(Debug, Default)]
pub struct Connections {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    by_id: HashMap<ConnectionId, Connection>,
    /// Set when the server stops: whoever comes later is turned away.
    stopping: bool,
}

#[derive(Debug)]
struct Connection {
    proof: Proof,
    /// Until it was told to end.
    ending: Option<oneshot::Sender<Ending>>,
}

/// By what a connection was let in.
#[derive(Debug, Clone, Copy)]
enum Proof {
    SignIn { user: UserId, family: FamilyId },
    Token(TokenId),
}

/// Why a connection is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// For this reason.
    Closed(CloseCode),
    /// The server stops; the client comes back after a while.
    Stopping {
        /// How long it should wait.
        reconnect_in_ms: u32,
    },
}

impl Connections {
    /// Notes a connection; what comes out says when it is ended from outside.
    pub fn add(&self, id: ConnectionId, principal: &Principal) -> oneshot::Receiver<Ending> {
        let mut open = self.open.lock();
        let (ending, receiver) = oneshot::channel();
        let mut connection = Connection { proof: Proof::of(principal), ending: Some(ending) };
        if open.stopping {
            connection.end(Ending::Stopping { reconnect_in_ms: 1000 });
        }
        open.by_id.insert(id, connection);
        receiver
    }

    /// Forgets a connection.
    pub fn remove(&self, id: ConnectionId) {
        let mut open = self.open.lock();
        open.by_id.remove(&id);
        give_back(&mut open.by_id);
    }

    /// Ends every connection that was let in by something revoked.
    pub fn revoke(&self, revoked: &Revoked) {
        if *revoked == Revoked::default() {
            return;
        }
        let mut open = self.open.lock();
        for connection in open.by_id.values_mut().filter(|connection| connection.proof.is_among(revoked)) {
            connection.end(Ending::Closed(CloseCode::Revoked));
        }
    }

    /// Ends all of them and those to come; they come back spread over `spread`.
    pub fn stop(&self, spread: Duration) {
        let mut open = self.open.lock();
        open.stopping = true;
        let most = u32::try_from(spread.as_millis()).unwrap_or(u32::MAX);
        for connection in open.by_id.values_mut() {
            connection.end(Ending::Stopping { reconnect_in_ms: rand::random_range(0..=most) });
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.open.lock().by_id.len()
    }
}

impl Connection {
    /// Tells it once: the first reason counts.
    fn end(&mut self, why: Ending) {
        if let Some(ending) = self.ending.take() {
            // It may be about to leave by itself.
            let _ = ending.send(why);
        }
    }
}

impl Proof {
    fn of(principal: &Principal) -> Self {
        match principal {
            Principal::User { id, family, .. } => Self::SignIn { user: *id, family: *family },
            Principal::Token { id, .. } => Self::Token(*id),
        }
    }

    fn is_among(self, revoked: &Revoked) -> bool {
        match self {
            Self::SignIn { user, family } => revoked.users.contains(&user) || revoked.families.contains(&family),
            Self::Token(token) => revoked.tokens.contains(&token),
        }
    }
}
