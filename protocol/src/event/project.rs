//! Projects and who belongs to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::EventType;
use crate::{Class, ProjectId, Text, UnixMillis, UserId, limits};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name, unique on the server: lower-case letters, digits, `-`, `_` and `.`.
    pub name: Text<{ limits::NAME_BYTES }>,
    /// When it was added.
    pub created_at: UnixMillis,
}

/// What a member may do in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Role {
    /// Reads, runs analyses, posts.
    Member,
    /// Also changes the project and its members.
    Admin,
}

/// Somebody who belongs to a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// The name to sign in and to mention with.
    pub name: Text<{ limits::NAME_BYTES }>,
    /// The name to show.
    pub display_name: Text<{ limits::NAME_BYTES }>,
    /// What they may do.
    pub role: Role,
    /// When they were last connected; absent if never, or if they are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub last_seen: Option<UnixMillis>,
}

/// A project was added or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ProjectUpdate {
    /// As it is now.
    pub project: Project,
}

/// Somebody joined the project. It goes to the project's room and to the new member's own, so that their devices
/// learn of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ProjectMemberAdded {
    /// The project.
    pub project: Project,
    /// The new member.
    pub member: Member,
}

/// Somebody left the project. It goes to the project's room and to their own; their devices wipe the project's cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ProjectMemberRemoved {
    /// The project.
    pub project: ProjectId,
    /// Who left.
    pub user: UserId,
}

impl EventType for ProjectUpdate {
    const CLASS: Class = Class::Durable;
}

impl EventType for ProjectMemberAdded {
    const CLASS: Class = Class::Durable;
}

impl EventType for ProjectMemberRemoved {
    const CLASS: Class = Class::Durable;
}
