//! The activity feed of a project. An entry is nothing but its event: whoever numbers that writes it down.

use watchbell_protocol::{
    ActivityId, ErrorCode, Origin, ProjectId, Room, UnixMillis,
    command::ActivityPost,
    event::{Activity, ActivityKind, ActivityNew},
};

use super::{Context, Draft, Outcome, Refusal, refuse};

/// `activity:post`. The entry takes the id of the command.
pub fn post(context: &Context<'_>, project: ProjectId, input: ActivityPost) -> Result<Outcome, Refusal> {
    if input.title.trim().is_empty() {
        return refuse(ErrorCode::BadRequest, "must not be empty", "data.title");
    }
    let what = ActivityKind::Posted { title: input.title, body: input.body.filter(|body| !body.trim().is_empty()) };
    let draft = entry(ActivityId(context.id.0), project, context.actor.origin(), context.now, what);
    Ok(Outcome { drafts: vec![draft], ..Outcome::default() })
}

/// An entry about what the server itself saw happen.
pub(super) fn note(project: ProjectId, by: Origin, at: UnixMillis, what: ActivityKind) -> Draft {
    entry(ActivityId::fresh(), project, by, at, what)
}

fn entry(id: ActivityId, project: ProjectId, by: Origin, at: UnixMillis, what: ActivityKind) -> Draft {
    let activity = Activity { id, project, at, by: by.clone(), what };
    Draft::new(Room::Project(project), by, ActivityNew { activity })
}
