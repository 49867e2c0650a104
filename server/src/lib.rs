//! The realtime server: arguments become a configuration, a configuration becomes an [`App`], an app runs on a listener
//! until it is told to stop.

pub mod app;
pub mod auth;
pub mod clock;
pub mod config;
pub mod http;
pub mod router;
pub mod store;
pub mod timing;

pub use app::App;
pub use timing::Timing;
