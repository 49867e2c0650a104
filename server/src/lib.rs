//! The realtime server.
