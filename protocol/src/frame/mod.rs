//! Frames: what one WebSocket text message, or one element of a long-poll answer, is.
//!
//! A server frame is told apart by the keys it has, so both directions parse by hand instead of by trial.

mod client;
mod depth;
mod event;
mod parts;
mod server;

pub use client::{ClientFrame, Refused};
pub use event::RoomEvent;
pub use parts::{Answer, Connected, Gap, GoingAway, Gone, Resync, ResyncReason, Started, Usual};
pub use server::ServerFrame;
