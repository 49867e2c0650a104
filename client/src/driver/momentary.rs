//! The latest momentary command per thing: what is so now, to be said again on the next connection.

use std::collections::BTreeMap;

use watchbell_protocol::{AnalysisId, Command, Room};

/// More things than one device ever says at once; beyond it the oldest key gives way.
const THINGS: usize = 256;

/// What a momentary command replaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: &'static str,
    room: Option<Room>,
    thing: Option<AnalysisId>,
}

impl Key {
    fn of(room: Option<Room>, command: &Command) -> Self {
        let thing = match command {
            Command::AnalysisRenew(renew) => Some(renew.progress.analysis),
            _ => None,
        };
        Self { name: command.name(), room, thing }
    }
}

/// Values by key, each with whether this connection was told.
#[derive(Debug, Default)]
pub(crate) struct Momentary {
    values: BTreeMap<Key, (Command, bool)>,
}

impl Momentary {
    /// A newer value.
    pub(crate) fn put(&mut self, room: Option<Room>, command: Command) {
        let key = Key::of(room, &command);
        if self.values.len() >= THINGS && !self.values.contains_key(&key) {
            self.values.pop_first();
        }
        self.values.insert(key, (command, false));
    }

    /// Takes over what was put elsewhere.
    pub(crate) fn append(&mut self, newer: Self) {
        for (key, (command, _)) in newer.values {
            self.put(key.room, command);
        }
    }

    /// The analysis has ended: its lease needs no more renewing.
    pub(crate) fn forget_analysis(&mut self, analysis: AnalysisId) {
        self.values.retain(|key, _| key.thing != Some(analysis));
    }

    /// A new connection, which was told nothing yet.
    pub(crate) fn reconnected(&mut self) {
        self.values.values_mut().for_each(|(_, told)| *told = false);
    }

    /// Says what this connection was not told, until `say` has no room for more.
    pub(crate) fn say(&mut self, mut say: impl FnMut(Option<Room>, &Command) -> bool) {
        for (key, (command, told)) in &mut self.values {
            if !*told {
                *told = say(key.room, command);
                if !*told {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{command::PresenceUpdate, event::Status};

    use super::*;

    fn presence(status: Status) -> Command {
        PresenceUpdate { status, viewing: None }.into()
    }

    fn said(momentary: &mut Momentary) -> Vec<Command> {
        let mut said = Vec::new();
        momentary.say(|_, command| {
            said.push(command.clone());
            true
        });
        said
    }

    #[test]
    fn only_the_latest_value_is_said_and_again_after_a_reconnect() {
        let mut momentary = Momentary::default();
        momentary.put(None, presence(Status::Away));
        momentary.put(None, presence(Status::Online));
        assert_eq!(said(&mut momentary), [presence(Status::Online)]);
        assert_eq!(said(&mut momentary), []);
        momentary.reconnected();
        assert_eq!(said(&mut momentary), [presence(Status::Online)]);
    }

    #[test]
    fn what_found_no_room_is_said_later() {
        let mut momentary = Momentary::default();
        momentary.put(None, presence(Status::Away));
        momentary.say(|_, _| false);
        assert_eq!(said(&mut momentary), [presence(Status::Away)]);
    }
}
