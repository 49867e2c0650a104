//! The activity feed of a project.

use watchbell_protocol::{
    ActivityId, ErrorCode, Origin, ProjectId, Room, UnixMillis,
    command::ActivityPost,
    event::{Activity, ActivityKind, ActivityNew},
};

use super::{Context, Draft, Outcome, Refusal, refuse};
use crate::store::{self, Conn};

/// `activity:post`.
pub async fn post(context: Context<'_>, project: ProjectId, input: ActivityPost) -> Result<Outcome, Refusal> {
    if input.title.trim().is_empty() {
        return refuse(ErrorCode::BadRequest, "must not be empty", "data.title");
    }
    let activity = Activity {
        id: ActivityId(context.id.0),
        project,
        at: context.now,
        by: context.actor.origin(),
        what: ActivityKind::Posted { title: input.title, body: input.body.filter(|body| !body.trim().is_empty()) },
    };
    // Ids are seen by everybody in the room, and command ids are told apart per person.
    if !store::activity::insert(context.conn, &activity).await? {
        return refuse(ErrorCode::Conflict, "there is an entry with this id already", "id");
    }
    Ok(Outcome { drafts: vec![added(activity)], ..Outcome::default() })
}

/// Writes down what the server itself saw happen.
pub(super) async fn note(
    conn: &mut Conn,
    project: ProjectId,
    by: Origin,
    at: UnixMillis,
    what: ActivityKind,
) -> sqlx::Result<Draft> {
    let activity = Activity { id: ActivityId::fresh(), project, at, by, what };
    // Its id was drawn a moment ago: there is no other.
    let _is_new = store::activity::insert(conn, &activity).await?;
    Ok(added(activity))
}

fn added(activity: Activity) -> Draft {
    Draft::new(Room::Project(activity.project), activity.by.clone(), ActivityNew { activity })
}
