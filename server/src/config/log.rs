//! `[log]`: what is logged, and how it is written.

use toml::Value;

use super::{
    section::section,
    setting::{Line, Setting},
};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

impl Setting for Format {
    fn from_toml(value: &Value) -> Result<Self, String> {
        match value.as_str() {
            Some("human") => Ok(Self::Human),
            Some("json") => Ok(Self::Json),
            _ => Err(format!("must be \"human\" or \"json\", not {value}")),
        }
    }

    fn to_toml(&self) -> Value {
        Value::String(match self {
            Self::Human => "human".into(),
            Self::Json => "json".into(),
        })
    }
}

section! {
    /// What is logged, and how it is written. Logs go to standard error.
    pub struct Log = "log" {
        /// The least important level that is logged: error, warn, info, debug or trace; or a filter such as
        /// `info,watchbell_server=debug`.
        level: Line = Line("info".into()), check a_filter;
        /// "human" or "json" (one object per line).
        format: Format = Format::Human;
    }
}

fn a_filter(filter: &Line) -> Result<(), String> {
    tracing_subscriber::EnvFilter::builder()
        .parse(&filter.0)
        .map(drop)
        .map_err(|error| format!("must be a level or a filter: {error}"))
}
