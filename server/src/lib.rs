//! The realtime server: arguments become a configuration, a configuration becomes an [`App`], an app runs on a listener
//! until it is told to stop.

pub mod app;
pub mod auth;
pub mod background;
pub mod bus;
pub mod clock;
pub mod config;
pub mod domain;
pub mod http;
pub mod hub;
pub mod ingest;
pub mod limits;
pub mod listener;
pub mod metrics;
pub mod poll;
pub mod router;
pub mod serve;
pub mod store;
mod tables;
pub mod timing;
pub mod tls;
pub mod ws;

pub use app::{App, run};
pub use timing::Timing;
