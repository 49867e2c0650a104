//! Connections: what each one is, and the WebSocket that carries most of them.

pub mod catch_up;
pub mod driver;
pub mod flushers;
mod frames;
mod greeting;
pub mod link;
pub mod outbox;
pub mod registry;
pub mod session;
pub mod shared;
mod socket;
pub mod upgrade;
