//! The client SDK: connection machine, resume, outbox, cache, popup policy.
//!
//! [`Client`] is the façade: it works offline from the first moment, tells its listeners what changed, and answers
//! questions from its cache. It knows no window, no keyring and no terminal.

pub mod address;
mod cache;
pub mod change;
mod changes;
mod client;
mod driver;
pub mod http;
mod options;
mod outbox;
pub mod popup;
mod session;
mod transport;
pub mod view;

pub use cache::CacheError;
pub use changes::{Changes, Events, Heard};
pub use client::{Client, OpenError, Pending, RequestError};
pub use options::{CacheLocation, Credentials, Follow, NoStore, Options, SessionStore, Streams, Timing, Turn};
pub use outbox::SendError;
