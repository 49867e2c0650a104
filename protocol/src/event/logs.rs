//! Lines of logs: they go to whoever looks at them, and nowhere else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::EventType;
use crate::{Blob, Class, Text, UnixMillis, limits};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For whoever looks for a fault.
    Debug,
    /// What goes on.
    Info,
    /// It may become a fault.
    Warning,
    /// A fault.
    Error,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct LogLine {
    /// What it says.
    pub text: Text<{ limits::LOG_LINE_BYTES }>,
    /// The bytes of the line itself, where they are no UTF-8: then `text` is only as much as can be shown of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub raw: Option<Blob<{ limits::LOG_LINE_BYTES }>>,
    /// How much it matters, if the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub level: Option<LogLevel>,
    /// When the source wrote it, if it says so: by the source's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub written_at: Option<UnixMillis>,
}

/// A line was appended to a log. The stream is named `logs:{source}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct LogsStream {
    /// Which log.
    pub source: Text<{ limits::SOURCE_BYTES }>,
    /// The line.
    #[serde(flatten)]
    pub line: LogLine,
}

impl EventType for LogsStream {
    const CLASS: Class = Class::Stream;

    fn key(&self) -> Option<String> {
        Some(format!("logs:{}", self.source))
    }
}
