//! Projects and their members, as an admin changes them.

use watchbell_protocol::{
    ErrorCode, Origin, ProjectId, Room, Text, UnixMillis, UserId,
    event::{ActivityKind, Project, ProjectMemberAdded, ProjectMemberRemoved, ProjectUpdate, Role},
    limits,
};

use super::{Draft, Outcome, Refusal, activity, refuse};
use crate::store::{self, Conn};

/// Adds a project.
pub async fn add(conn: &mut Conn, now: UnixMillis, id: ProjectId, name: &str) -> Result<Outcome, Refusal> {
    let name = project_name(name)?;
    let project = Project { id, name, created_at: now };
    if !store::project::insert(conn, &project).await? {
        return refuse(ErrorCode::Conflict, format!("there is a project {:?} already", project.name.as_str()), "name");
    }
    let entry = activity::note(id, Origin::Server, now, ActivityKind::ProjectAdded);
    let update = Draft::new(Room::Project(id), Origin::Server, ProjectUpdate { project });
    Ok(Outcome { drafts: vec![update, entry], ..Outcome::default() })
}

/// Lower-case letters, digits, `-`, `_` and `.`, and not empty.
fn project_name(name: &str) -> Result<Text<{ limits::NAME_BYTES }>, Refusal> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(allowed) {
        let message = format!("{name:?} is no project name: lower-case letters, digits, '-', '_' and '.' only");
        return refuse(ErrorCode::BadRequest, message, "name");
    }
    Text::try_from(name).or_else(|error| refuse(ErrorCode::BadRequest, error.to_string(), "name"))
}

/// Admits somebody to a project, or changes their role. `ingest` writes the membership, for it carries the number of
/// the event that admitted.
pub async fn add_member(
    conn: &mut Conn,
    now: UnixMillis,
    project: ProjectId,
    user: UserId,
    role: Role,
) -> Result<Outcome, Refusal> {
    let Some(project) = store::project::find(conn, project).await? else {
        return refuse(ErrorCode::NotFound, "there is no such project", "project");
    };
    let Some(member) = store::project::person(conn, user, role).await? else {
        return refuse(ErrorCode::NotFound, "there is no such user, or they are disabled", "user");
    };
    let before = store::project::membership(conn, project.id, user).await?;
    if before.is_some_and(|before| before.role == role) {
        return Ok(Outcome::default());
    }
    let room = Room::Project(project.id);
    let name = member.display_name.clone();
    let added = ProjectMemberAdded { project, member };
    let mut drafts = vec![
        Draft::new(room, Origin::Server, added.clone()),
        Draft::new(Room::User(user), Origin::Server, added.clone()),
    ];
    if before.is_none() {
        let what = ActivityKind::MemberAdded { name };
        drafts.push(activity::note(added.project.id, Origin::Server, now, what));
    }
    Ok(Outcome { drafts, ..Outcome::default() })
}

/// Ends a membership.
pub async fn remove_member(
    conn: &mut Conn,
    now: UnixMillis,
    project: ProjectId,
    user: UserId,
) -> Result<Outcome, Refusal> {
    if store::project::find(conn, project).await?.is_none() {
        return refuse(ErrorCode::NotFound, "there is no such project", "project");
    }
    let name = store::project::person(conn, user, Role::Member).await?.map(|member| member.display_name);
    if !store::project::expel(conn, project, user).await? {
        return refuse(ErrorCode::NotFound, "they are not a member of the project", "user");
    }
    let removed = ProjectMemberRemoved { project, user };
    let what = ActivityKind::MemberRemoved { name: name.unwrap_or_else(|| Text::clip("somebody")) };
    let drafts = vec![
        Draft::new(Room::Project(project), Origin::Server, removed.clone()),
        Draft::new(Room::User(user), Origin::Server, removed),
        activity::note(project, Origin::Server, now, what),
    ];
    Ok(Outcome { drafts, ..Outcome::default() })
}
