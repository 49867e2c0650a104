//! The client SDK: connection machine, resume, outbox, cache, popup policy. It knows no window.

pub mod change;
pub mod view;
