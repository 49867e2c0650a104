//! Bodies of the HTTP side. Errors are `{"error": WireError}` with the matching status.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{CloseCode, DeviceId, Text, UserId, WireError, event::DeviceKind, limits};

/// The header that names a long-poll connection, in every `POST /v1/poll` but the first and in every `POST /v1/send`. It
/// is as secret as a token, and works together with the sign-in that opened it only.
pub const CONNECTION: &str = "watchbell-connection";

/// `POST /v1/sign-in`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SignIn {
    /// The member's name.
    pub name: Text<{ limits::NAME_BYTES }>,
    /// The password.
    pub password: Text<{ limits::PASSWORD_BYTES }>,
    /// The installation that signs in.
    pub device: SignInDevice,
}

/// The installation that signs in.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SignInDevice {
    /// Chosen once per installation.
    pub id: DeviceId,
    /// What it runs.
    pub kind: DeviceKind,
    /// The machine's name, to show.
    pub name: Text<{ limits::NAME_BYTES }>,
}

/// `POST /v1/refresh` and `POST /v1/sign-out`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Refresh {
    /// The refresh token. It stays valid until its successor is first used; a retry gets the same successor.
    pub refresh_token: Text<{ limits::TOKEN_BYTES }>,
}

/// The member who signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Their id.
    pub id: UserId,
    /// The name to sign in with.
    pub name: Text<{ limits::NAME_BYTES }>,
    /// The name to show.
    pub display_name: Text<{ limits::NAME_BYTES }>,
}

/// Answer of `POST /v1/sign-in` and `POST /v1/refresh`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SignedIn {
    /// For the upgrade (`Authorization: Bearer`) and `auth:refresh`.
    pub access_token: String,
    /// Seconds until it runs out.
    pub expires_in: u32,
    /// For the next `POST /v1/refresh`.
    pub refresh_token: String,
    /// Who signed in.
    pub account: Account,
    /// The server's name, to show.
    pub server: String,
}

/// Answer of `GET /v1/info` (no sign-in needed): so that a sign-in screen can say where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerInfo {
    /// The server's name, to show.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// `POST /v1/poll`: without a [`CONNECTION`] it opens one, with one it waits for the next frames. The answer is kept until
/// the next poll acknowledges it, so that a lost one is given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Poll {
    /// The number of the last answer that arrived; 0 if none did.
    #[serde(default)]
    pub ack: u64,
}

/// Answer of `POST /v1/poll`, after `limits::POLL_HOLD` at the latest.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Polled {
    /// The connection that was opened; only in the answer that opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The answer's number, one more than what was acknowledged; the same as that when nothing came.
    pub n: u64,
    /// The frames, as over WebSocket.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub frames: Vec<Box<RawValue>>,
    /// The connection ends with these frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<Closed>,
}

/// What a close frame says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closed {
    /// A close code.
    pub code: u16,
    /// A sentence for people.
    pub reason: String,
}

impl From<CloseCode> for Closed {
    fn from(code: CloseCode) -> Self {
        Self { code: code.number(), reason: code.reason().to_owned() }
    }
}

/// `POST /v1/send` on a long-poll [`CONNECTION`]: answered with 204 when the frames are taken. One that was taken already
/// is answered the same and not taken again, so it may be resent until it is answered.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SendFrames {
    /// 1 on a new connection, then one more each time; a number left out is refused.
    pub n: u64,
    /// The frames, as over WebSocket. None is a sign of life.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub frames: Vec<Box<RawValue>>,
    /// Whether the client ends the connection after these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub close: bool,
}

/// Body of every refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: WireError,
}

// Tokens and passwords are never logged, so they have no `Debug` that shows them.

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("name", &self.name).field("device", &self.device).finish_non_exhaustive()
    }
}

impl fmt::Debug for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresh").finish_non_exhaustive()
    }
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("account", &self.account).finish_non_exhaustive()
    }
}
