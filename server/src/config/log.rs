//! `[log]`: what is logged, and how it is written.

use toml::Value;
use tracing_subscriber::{EnvFilter, filter::ParseError};

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

impl Log {
    /// What is logged. Values of fields are compared as they are written: as regular expressions, a hundred bytes take the
    /// library minutes and gigabytes to prepare.
    pub fn filter(&self) -> Result<EnvFilter, ParseError> {
        filter(&self.level)
    }
}

fn filter(text: &Line) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().with_regex(false).parse(&text.0)
}

fn a_filter(text: &Line) -> Result<(), String> {
    filter(text).map(drop).map_err(|error| format!("must be a level or a filter: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by fuzzing.
    const COSTLY: &str =
        "[ccck{ \"a\"\"\"\"xL=waD*............?.......\u{6c0}3[sd'r^^^^^^^z^^_^^^^^^^^^^^^^^^^^^^^^^eer]vr]erv}x";

    #[test]
    fn no_filter_takes_long_to_read() {
        // What it says of this does not matter, if it says it at all.
        let _ = a_filter(&Line(COSTLY.to_owned()));
        assert_eq!(a_filter(&Line("info,watchbell_server[connection{id=7}]=debug".into())), Ok(()));
        assert!(a_filter(&Line("loud=louder=loudest".into())).is_err());
    }
}
