//! Bodies of the HTTP side. Errors are `{"error": WireError}` with the matching status.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, Text, UserId, WireError, event::DeviceKind, limits};

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
