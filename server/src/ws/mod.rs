//! Connections over WebSocket.

mod catch_up;
mod driver;
mod greeting;
pub mod outbox;
pub mod registry;
pub mod session;
pub mod upgrade;
