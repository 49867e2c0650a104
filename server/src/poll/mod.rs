//! Connections over long-poll, for where a proxy lets no WebSocket through: the same frames under the same session.
//!
//! `POST /v1/poll` opens a connection, and then waits for what is to be told; `POST /v1/send` brings what the other side
//! says. Both are numbered, so that a request whose answer was lost is simply made again. Deliberately absent: what
//! frames mean and how long somebody may be silent; that is `ws::session`, as for a WebSocket.

mod exchange;
mod line;
mod lines;
pub mod routes;

pub use lines::Lines;
