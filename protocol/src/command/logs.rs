//! Lines of logs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{List, Text, event::LogLine, limits};

/// Append to a log of the frame's project. Whoever joined the room with the stream `logs:{source}` gets the lines; they
/// are kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct LogsAppend {
    /// Which log, such as `build` or `web-1`; not empty.
    pub source: Text<{ limits::SOURCE_BYTES }>,
    /// The lines, in order.
    pub lines: List<LogLine, { limits::LOG_LINES }>,
}
