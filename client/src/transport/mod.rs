//! How frames get to the server and back. Knows bytes and TLS, knows nothing of rooms.

pub(crate) mod tls;
pub(crate) mod websocket;
