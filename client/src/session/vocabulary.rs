//! What can happen to a connection, and what is to be done about it.

use std::time::Duration;

use watchbell_protocol::CloseCode;

use crate::view::Transport;

/// Everything that can happen to a connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// The person wants to be connected (also the very first input).
    Connect,
    /// The person wants to be disconnected.
    Disconnect,
    /// The person does not want to wait for the next attempt.
    RetryNow,
    /// The machine slept: the connection is worth nothing any more, whatever it says.
    Woke,
    /// The machine's network is another one.
    NetworkChanged,
    /// The server's `connected` arrived.
    Opened,
    /// There will be no connection from this attempt.
    OpenFailed(OpenFailure),
    /// A WebSocket was tried beside the connection by long-poll.
    Tried {
        /// Whether it is there, and the server speaks on it.
        works: bool,
    },
    /// A sign of life.
    Heard,
    /// The answer to the last ping.
    Pong,
    /// So many of so many rooms are up to date.
    Rooms {
        /// Up to date.
        done: u32,
        /// In all.
        of: u32,
    },
    /// The server is about to close, and wants to see us again after this long.
    GoingAway(Duration),
    /// The socket was closed, with a code if the server gave one.
    Closed(Option<u16>, String),
    /// This side cannot go on with this connection.
    Broken(String),
    /// There is a fresh access token, good for so long.
    Renewed(Duration),
    /// The server does not renew: the refresh token is worthless.
    RenewRefused(String),
    /// The server could not be asked.
    RenewFailed(String),
    /// Time passed.
    Tick,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OpenFailure {
    /// The access token was not accepted.
    Unauthorized(String),
    /// It was, but this client may not connect.
    Forbidden(String),
    /// The server asks for a pause.
    Busy(Duration, String),
    /// The server can be reached, but not over this transport: something on the way does not let it through.
    Blocked(String),
    /// Nothing answered, or nothing sensible.
    Network(String),
}

impl OpenFailure {
    /// The sentence for people.
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Unauthorized(reason)
            | Self::Forbidden(reason)
            | Self::Busy(_, reason)
            | Self::Blocked(reason)
            | Self::Network(reason) => reason,
        }
    }
}

/// What the driver is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Ask for a fresh access token; an earlier request is dropped.
    Renew,
    /// Open a connection; an earlier attempt is dropped.
    Open(Transport),
    /// Open a WebSocket beside the connection that there is.
    TryWebSocket,
    /// Take the WebSocket that was tried in place of the connection.
    Switch,
    /// Close the socket, or drop the attempt.
    Close(CloseCode),
    /// Give the fresh access token to the live connection.
    OfferToken,
    /// Send a ping.
    Ping,
    /// The stored session is worthless: forget it.
    Forget,
}
