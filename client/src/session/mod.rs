//! The pure half of the connection: when to connect, renew, give up on a socket, wait; and which rooms stand where.
//!
//! Deliberately absent: sockets, clocks, randomness, tokens. The driver does what the effects say and passes in what
//! happened, the time and the dice.

mod backoff;
mod clocks;
mod machine;
mod open;
pub(crate) mod rooms;
mod route;
mod state;
mod token;
mod vocabulary;

use std::time::Duration;

use watchbell_protocol::UnixMillis;

pub(crate) use machine::Session;
pub(crate) use token::Kind;
pub(crate) use vocabulary::{Effect, Input, OpenFailure};

/// A point in time, and the dice: everything that is not known from the inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Of a clock that only goes forward, since some beginning. It may stand still while the machine sleeps.
    pub(crate) mono: Duration,
    /// Of the wall clock.
    pub(crate) wall: UnixMillis,
    /// Anything from 0 up to 1.
    pub(crate) jitter: f64,
}
