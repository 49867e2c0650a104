//! The open connections by their ids, which are secrets.

use std::{collections::HashMap, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use watchbell_protocol::{ErrorCode, WireError};

use super::line::Line;
use crate::auth::Principal;

/// The open connections.
#[derive(Debug, Default)]
pub struct Lines {
    open: Mutex<HashMap<String, Opened>>,
}

#[derive(Debug)]
struct Opened {
    line: Arc<Line>,
    by: Arc<Principal>,
}

/// A connection's entry; dropped at its end, it tells whoever waits and forgets it.
#[derive(Debug)]
pub struct Entry {
    lines: Arc<Lines>,
    id: String,
    line: Arc<Line>,
}

impl Lines {
    /// A new connection of this sign-in, and its id.
    pub fn open(self: &Arc<Self>, by: Arc<Principal>) -> (Entry, String, Arc<Line>) {
        let id = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let line = Arc::new(Line::default());
        self.open.lock().insert(id.clone(), Opened { line: line.clone(), by });
        let entry = Entry { lines: self.clone(), id: id.clone(), line: line.clone() };
        (entry, id, line)
    }

    /// Whether there is such a connection, whoever asks.
    pub fn has(&self, id: &str) -> bool {
        self.open.lock().contains_key(id)
    }

    /// The connection of this id. Another sign-in's is as unknown as one that never was.
    pub fn find(&self, id: &str, caller: &Principal) -> Result<Arc<Line>, WireError> {
        let open = self.open.lock();
        let found = open.get(id).filter(|opened| opened.by.may_become(caller));
        found.map(|opened| opened.line.clone()).ok_or_else(unknown)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.lines.open.lock().remove(&self.id);
        self.line.over();
    }
}

/// The refusal of a connection that is not there (any more).
pub(super) fn unknown() -> WireError {
    WireError::new(ErrorCode::NotFound, "the connection is not open; open a new one")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use watchbell_protocol::{Text, TokenId};

    use super::*;

    fn producer() -> Principal {
        let (scopes, projects) = (BTreeSet::new(), BTreeSet::new());
        Principal::Token { id: TokenId::fresh(), name: Text::clip("ci"), scopes, projects }
    }

    #[test]
    fn a_connection_is_found_by_whoever_opened_it_until_it_ends() {
        let (lines, [mine, other]) = (Arc::new(Lines::default()), [producer(), producer()]);
        let (entry, id, _line) = lines.open(Arc::new(mine.clone()));
        assert!(lines.find(&id, &mine).is_ok());
        let unknown = lines.find("guessed", &mine).unwrap_err();
        assert_eq!(lines.find(&id, &other).unwrap_err(), unknown, "as if there were none");
        drop(entry);
        assert_eq!(lines.find(&id, &mine).unwrap_err(), unknown);
        assert!(!lines.has(&id));
    }

    #[test]
    fn no_two_ids_are_alike_and_none_can_be_guessed() {
        let lines = Arc::new(Lines::default());
        let opened: Vec<_> = (0..100).map(|_| lines.open(Arc::new(producer()))).collect();
        let ids: BTreeSet<&str> = opened.iter().map(|(_, id, _)| id.as_str()).collect();
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| id.len() == 43), "256 bits");
    }
}
