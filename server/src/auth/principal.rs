//! Who is on the other side of a request or a connection.
//!
//! Deliberately absent: what they may do. That is `auth::policy`.

use std::{collections::BTreeSet, fmt, str::FromStr};

use uuid::Uuid;
use watchbell_protocol::{DeviceId, Origin, ProjectId, Text, TokenId, UnixMillis, UserId, event::DeviceKind, limits};

use super::scope::Scope;

/// One sign-in and every token that descends from it. Revoking it ends them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct FamilyId(pub Uuid);

impl FamilyId {
    /// A new family, unguessable (version 4): its id travels inside tokens.
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for FamilyId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Whoever proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A member, on one of their devices.
    User {
        /// Who.
        id: UserId,
        /// The name they sign in with.
        name: Text<{ limits::NAME_BYTES }>,
        /// The name to show.
        display_name: Text<{ limits::NAME_BYTES }>,
        /// From which installation.
        device: DeviceId,
        /// What that installation runs.
        device_kind: DeviceKind,
        /// By which sign-in.
        family: FamilyId,
        /// When the access token runs out; a live connection ends then unless it got a fresh one.
        expires_at: UnixMillis,
    },
    /// A producer with an API token.
    Token {
        /// Which token.
        id: TokenId,
        /// Its name.
        name: Text<{ limits::NAME_BYTES }>,
        /// What it may do …
        scopes: BTreeSet<Scope>,
        /// … and in which projects.
        projects: BTreeSet<ProjectId>,
    },
}

impl Principal {
    /// The member, if it is one.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::Token { .. } => None,
        }
    }

    /// The author as events carry it.
    pub fn origin(&self) -> Origin {
        match self {
            Self::User { id, display_name, .. } => Origin::User { id: *id, name: display_name.clone() },
            Self::Token { name, .. } => Origin::Token { name: name.clone() },
        }
    }

    /// When the proof runs out; an API token's does not.
    pub fn expires_at(&self) -> Option<UnixMillis> {
        match self {
            Self::User { expires_at, .. } => Some(*expires_at),
            Self::Token { .. } => None,
        }
    }

    /// Whether `fresh` may take this one's place on a live connection: same subject, same sign-in, same device.
    pub fn may_become(&self, fresh: &Self) -> bool {
        match (self, fresh) {
            (
                Self::User { id, device, family, .. },
                Self::User { id: fresh_id, device: fresh_device, family: fresh_family, .. },
            ) => id == fresh_id && device == fresh_device && family == fresh_family,
            (Self::Token { id, .. }, Self::Token { id: fresh_id, .. }) => id == fresh_id,
            (Self::User { .. }, Self::Token { .. }) | (Self::Token { .. }, Self::User { .. }) => false,
        }
    }
}
