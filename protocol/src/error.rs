//! Errors as they travel: a code for programs, a sentence for people, and the field that is wrong.

use std::fmt;

use serde::{Deserialize, Serialize, de::IgnoredAny};

/// What went wrong, for programs. New codes may be added: treat an unknown one as `Internal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ErrorCode {
    /// The frame is not JSON, or a field is missing, of another type, or beyond its limit.
    BadRequest,
    /// The server does not know this command.
    UnknownCommand,
    /// The frame is larger than allowed.
    TooLarge,
    /// Sign in first, or again.
    Unauthenticated,
    /// Signed in, but not allowed.
    Forbidden,
    /// The thing does not exist, or is not for you to see.
    NotFound,
    /// The command's id was used for another command, or the thing has moved on (an ended analysis, say).
    Conflict,
    /// The command is older than ids are remembered; whether it was applied cannot be told.
    Expired,
    /// The lease on the analysis was lost.
    LeaseLost,
    /// Too many requests; see `retry_after_ms`.
    RateLimited,
    /// Try again later; nothing was applied.
    Unavailable,
    /// The server failed; nothing was applied.
    #[serde(other)]
    Internal,
}

impl ErrorCode {
    /// Whether sending the same again later can succeed.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Internal)
    }
}

/// An error as it travels, over WebSocket and HTTP alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS, schemars::JsonSchema)]
#[ts(export)]
pub struct WireError {
    /// For programs.
    pub code: ErrorCode,
    /// For people: one sentence.
    pub message: String,
    /// The field that is wrong, as a path (`data.items[3].path`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub field: Option<String>,
    /// Milliseconds after which trying again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub retry_after_ms: Option<u32>,
}

impl WireError {
    /// An error with a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, retry_after_ms: None }
    }

    /// Names the field that is wrong.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says after how many milliseconds trying again makes sense.
    #[must_use]
    pub fn retry_after_ms(mut self, ms: u32) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(field) = &self.field {
            write!(f, " (field {field})")?;
        }
        Ok(())
    }
}

impl std::error::Error for WireError {}

/// Parses JSON into `T`; the error names the field as a path below `root`.
pub fn parse<'a, T: Deserialize<'a>>(json: &'a str, root: &str) -> Result<T, WireError> {
    // Where it went wrong is found out when it did: to keep the path costs as much as to parse.
    serde_json::from_str(json).or_else(|_| parse_with_path(json, root))
}

fn parse_with_path<'a, T: Deserialize<'a>>(json: &'a str, root: &str) -> Result<T, WireError> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let field = match (root, path.as_str()) {
            (_, "." | "?" | "") => root.to_owned(),
            ("", path) => path.to_owned(),
            (root, path) if path.starts_with('[') => format!("{root}{path}"),
            (root, path) => format!("{root}.{path}"),
        };
        let error = WireError::new(ErrorCode::BadRequest, reason(error.inner(), json));
        if field.is_empty() { error } else { error.at(field) }
    })?;
    deserializer.end().map_err(|error| WireError::new(ErrorCode::BadRequest, reason(&error, json)))?;
    Ok(value)
}

/// The parser's sentence without "at line 1 column 7": a frame is one line that nobody sees. Of a value of another type it
/// says the same as of what is no JSON.
fn reason(error: &serde_json::Error, json: &str) -> String {
    let text = error.to_string();
    let sentence = text.rsplit_once(" at line ").map_or(text.as_str(), |(sentence, _)| sentence);
    if !error.is_data() && serde_json::from_str::<IgnoredAny>(json).is_err() {
        return format!("not JSON: {sentence}");
    }
    match sentence {
        "expected value" => "is of another type".to_owned(),
        sentence => sentence.to_owned(),
    }
}
