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
    let id = ActivityId(context.id.0);
    // Ids are seen by everybody in the room, and command ids are told apart per person.
    if store::activity::exists(context.conn, id).await? {
        return refuse(ErrorCode::Conflict, "there is an entry with this id already", "id");
    }
    let activity = Activity {
        id,
        project,
        at: context.now,
        by: context.actor.origin(),
        what: ActivityKind::Posted { title: input.title, body: input.body.filter(|body| !body.trim().is_empty()) },
    };
    Ok(Outcome { drafts: vec![add(context.conn, activity).await?], ..Outcome::default() })
}

/// Writes down what the server itself saw happen.
pub(super) async fn note(
    conn: &mut Conn,
    project: ProjectId,
    by: Origin,
    at: UnixMillis,
    what: ActivityKind,
) -> sqlx::Result<Draft> {
    add(conn, Activity { id: ActivityId::fresh(), project, at, by, what }).await
}

async fn add(conn: &mut Conn, activity: Activity) -> sqlx::Result<Draft> {
    store::activity::insert(conn, &activity).await?;
    Ok(Draft::new(Room::Project(activity.project), activity.by.clone(), ActivityNew { activity }))
}
