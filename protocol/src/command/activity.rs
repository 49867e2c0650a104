//! Own entries of the activity feed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Text, limits};

/// Post to the feed of the frame's project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ActivityPost {
    /// One line; not empty.
    pub title: Text<{ limits::TITLE_BYTES }>,
    /// More, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub body: Option<Text<{ limits::BODY_BYTES }>>,
}
