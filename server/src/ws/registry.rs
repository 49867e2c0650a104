//! Who is connected, so that a connection can be ended from outside: a revoked sign-in, a stopping server.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::watch;
use watchbell_protocol::{CloseCode, ConnectionId};

use crate::{auth::Principal, store::accounts::Admitted};

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
    admitted: Admitted,
    ending: watch::Sender<Option<Ending>>,
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
    pub fn add(&self, id: ConnectionId, principal: &Principal) -> watch::Receiver<Option<Ending>> {
        let mut open = self.open.lock();
        let at_once = open.stopping.then_some(Ending::Stopping { reconnect_in_ms: 1000 });
        let (ending, receiver) = watch::channel(at_once);
        open.by_id.insert(id, Connection { admitted: admitted(principal), ending });
        receiver
    }

    /// Forgets a connection.
    pub fn remove(&self, id: ConnectionId) {
        self.open.lock().by_id.remove(&id);
    }

    /// By what all of them were let in.
    pub fn admitted(&self) -> Admitted {
        let open = self.open.lock();
        let mut all = Admitted::default();
        for Connection { admitted, .. } in open.by_id.values() {
            all.families.extend(&admitted.families);
            all.users.extend(&admitted.users);
            all.tokens.extend(&admitted.tokens);
        }
        all
    }

    /// Ends every connection that was let in by something revoked.
    pub fn revoke(&self, revoked: &Admitted) {
        let is_revoked = |admitted: &Admitted| {
            !admitted.families.is_disjoint(&revoked.families)
                || !admitted.users.is_disjoint(&revoked.users)
                || !admitted.tokens.is_disjoint(&revoked.tokens)
        };
        for connection in self.open.lock().by_id.values().filter(|connection| is_revoked(&connection.admitted)) {
            connection.ending.send_replace(Some(Ending::Closed(CloseCode::Revoked)));
        }
    }

    /// Ends all of them and those to come; they come back spread over `spread`.
    pub fn stop(&self, spread: Duration) {
        let mut open = self.open.lock();
        open.stopping = true;
        let most = u32::try_from(spread.as_millis()).unwrap_or(u32::MAX);
        for connection in open.by_id.values() {
            let reconnect_in_ms = rand::random_range(0..=most);
            connection.ending.send_replace(Some(Ending::Stopping { reconnect_in_ms }));
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.open.lock().by_id.len()
    }
}

fn admitted(principal: &Principal) -> Admitted {
    match principal {
        Principal::User { id, family, .. } => {
            Admitted { families: BTreeSet::from([*family]), users: BTreeSet::from([*id]), tokens: BTreeSet::new() }
        }
        Principal::Token { id, .. } => Admitted { tokens: BTreeSet::from([*id]), ..Admitted::default() },
    }
}
