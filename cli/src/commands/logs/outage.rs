//! What is worth a line about the connection. Pure.

use watchbell_client::view::{Connection, ConnectionState, Transport};

use super::Side;

/// Whether the connection was away, as far as was said.
#[derive(Debug)]
pub(super) struct Outage {
    state: State,
    via: Option<Transport>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Here,
    /// For a moment: that is not spoken of before it is over.
    Away,
    /// That was said.
    Told,
}

impl Outage {
    /// From this connection on.
    pub(super) fn new(connection: &Connection) -> Self {
        Self { state: State::Here, via: connection.transport }
    }

    /// The line that a change is worth on this side.
    pub(super) fn changed(&mut self, connection: &Connection, side: Side) -> Option<String> {
        match &connection.state {
            ConnectionState::Offline { reason, .. } if self.state != State::Told => {
                self.state = State::Told;
                Some(format!("Offline: {reason}; trying again"))
            }
            ConnectionState::Connecting { .. } if self.state == State::Here => {
                self.state = State::Away;
                None
            }
            ConnectionState::Live { .. } => {
                // Another transport is another connection, though there was always one.
                let is_another = self.via.is_some() && connection.transport != self.via;
                let was = std::mem::replace(&mut self.state, State::Here);
                self.via = connection.transport;
                match (was, side) {
                    (State::Told, Side::Sends) => Some("Live again".into()),
                    (State::Told | State::Away, Side::Looks) => Some(missing()),
                    (State::Here, Side::Looks) if is_another => Some(missing()),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

fn missing() -> String {
    "Live again; what was written in between is missing".into()
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::UnixMillis;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1);

    fn connection(state: ConnectionState) -> Connection {
        let transport = matches!(state, ConnectionState::Live { .. }).then_some(Transport::WebSocket);
        Connection { state, transport, latency_ms: None, waiting: 0, saved_at: None }
    }

    fn live() -> Connection {
        connection(ConnectionState::Live { since: NOW })
    }

    fn connecting() -> Connection {
        connection(ConnectionState::Connecting { offline_since: Some(NOW) })
    }

    fn offline() -> Connection {
        connection(ConnectionState::Offline { since: NOW, next_try_at: NOW, reason: "refused".into() })
    }

    fn said(side: Side, connections: &[Connection]) -> Vec<String> {
        let mut outage = Outage::new(&live());
        connections.iter().filter_map(|connection| outage.changed(connection, side)).collect()
    }

    #[test]
    fn whoever_looks_hears_of_every_outage_that_lines_may_be_missing() {
        assert_eq!(said(Side::Looks, &[live(), live()]), [""; 0]);
        assert_eq!(said(Side::Looks, &[connecting(), live(), live()]), [missing()]);
        let offline_then_back = [connecting(), offline(), connecting(), offline(), connecting(), live()];
        assert_eq!(said(Side::Looks, &offline_then_back), ["Offline: refused; trying again".to_owned(), missing()]);
        let by_long_poll = Connection { transport: Some(Transport::LongPoll), ..live() };
        assert_eq!(said(Side::Looks, &[by_long_poll.clone(), by_long_poll]), [missing()]);
    }

    #[test]
    fn whoever_sends_hears_only_of_what_lasts() {
        assert_eq!(said(Side::Sends, &[connecting(), live()]), [""; 0]);
        assert_eq!(
            said(Side::Sends, &[connecting(), offline(), live()]),
            ["Offline: refused; trying again", "Live again"]
        );
    }
}
