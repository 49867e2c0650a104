//! The configuration: a TOML file, then the environment, then flags, each overriding the one before.
//!
//! [`Layers::resolve`] is pure: it takes the text of the file, the variables and the flags. Who set a wrong key or
//! value is part of every error.

mod auth;
mod layers;
mod limits;
mod log;
mod metrics;
mod section;
mod server;
mod setting;
mod streams;
mod template;
mod tls;

pub use auth::Auth;
pub use layers::{ConfigError, Layers, Source};
pub use limits::Limits;
pub use log::{Format, Log};
pub use metrics::Metrics;
pub use server::Server;
pub use setting::{Addresses, Door, File, Line, Span, Texts};
pub use streams::Streams;
pub use template::template;
pub use tls::Tls;

/// The name of the configuration file inside the data folder.
pub const FILE_NAME: &str = "watchbell-server.toml";

/// Everything that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[auth]`
    pub auth: Auth,
    /// `[limits]`
    pub limits: Limits,
    /// `[streams]`
    pub streams: Streams,
    /// `[tls]`
    pub tls: Tls,
    /// `[log]`
    pub log: Log,
    /// `[metrics]`
    pub metrics: Metrics,
}
