//! Notifications: made for every member of a project, read and cleared by each.

use watchbell_protocol::{
    ErrorCode, NotificationId, Origin, ProjectId, Room, Seq, Text, UnixMillis, UserId,
    command::{NotificationClear, NotificationReadAll, NotificationReadCmd, Notify},
    event::{
        Level, Link, Notification, NotificationCleared, NotificationKind, NotificationNew, NotificationRead, Selection,
    },
    limits,
};

use super::{Context, Draft, Outcome, Refusal, refuse};
use crate::store::{self, Conn};

/// What everybody is told.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    /// What it is about.
    pub(super) kind: NotificationKind,
    /// How much it matters.
    pub(super) level: Level,
    /// One line.
    pub(super) title: Text<{ limits::TITLE_BYTES }>,
    /// More.
    pub(super) body: Text<{ limits::BODY_BYTES }>,
    /// Where a click leads.
    pub(super) link: Option<Link>,
}

/// `notify`.
pub async fn notify(context: Context<'_>, project: ProjectId, input: Notify) -> Result<Outcome, Refusal> {
    if input.title.trim().is_empty() {
        return refuse(ErrorCode::BadRequest, "must not be empty", "data.title");
    }
    if let Some(Link::Url { url }) = &input.link
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        return refuse(ErrorCode::BadRequest, "must begin with https:// or http://", "data.link.url");
    }
    let notice = Notice {
        kind: NotificationKind::Notice,
        level: input.level,
        title: input.title,
        body: input.body,
        link: input.link,
    };
    let drafts = tell_members(context.conn, project, &context.actor.origin(), context.now, &notice).await?;
    Ok(Outcome { drafts, ..Outcome::default() })
}

/// A notification for every member of the project, each in their own room. `ingest` puts in the number and writes the
/// row, for a notification carries the number of its own event.
pub(super) async fn tell_members(
    conn: &mut Conn,
    project: ProjectId,
    origin: &Origin,
    now: UnixMillis,
    notice: &Notice,
) -> sqlx::Result<Vec<Draft>> {
    let members = store::project::members(conn, project).await?;
    let draft = |member: UserId| {
        let notification = Notification {
            id: NotificationId::fresh(),
            seq: Seq::ZERO,
            kind: notice.kind,
            level: notice.level,
            title: notice.title.clone(),
            body: notice.body.clone(),
            project: Some(project),
            link: notice.link.clone(),
            at: now,
            read_at: None,
        };
        Draft::new(Room::User(member), origin.clone(), NotificationNew { notification })
    };
    Ok(members.into_iter().map(|member| draft(member.user)).collect())
}

/// `notification:read`. What was read before or is unknown causes nothing.
pub async fn read(context: Context<'_>, member: UserId, input: NotificationReadCmd) -> Result<Outcome, Refusal> {
    let read = store::notification::read(context.conn, member, &input.ids, context.now).await?;
    if read.is_empty() {
        return Ok(Outcome::default());
    }
    let which =
        Selection::Ids(read.try_into().expect("some of the ids that were asked for, a list with the same limit"));
    Ok(changed(&context, member, NotificationRead { which, at: context.now }))
}

/// `notification:read_all`.
pub async fn read_all(context: Context<'_>, member: UserId, input: NotificationReadAll) -> Result<Outcome, Refusal> {
    let count = store::notification::read_through(context.conn, member, input.through, context.now).await?;
    if count == 0 {
        return Ok(Outcome::default());
    }
    let which = Selection::Through(input.through);
    Ok(changed(&context, member, NotificationRead { which, at: context.now }))
}

/// `notification:clear`.
pub async fn clear(context: Context<'_>, member: UserId, input: NotificationClear) -> Result<Outcome, Refusal> {
    let count = store::notification::clear_through(context.conn, member, input.through).await?;
    if count == 0 {
        return Ok(Outcome::default());
    }
    Ok(changed(&context, member, NotificationCleared { which: Selection::Through(input.through) }))
}

fn changed(context: &Context<'_>, member: UserId, event: impl Into<watchbell_protocol::Event>) -> Outcome {
    let draft = Draft::new(Room::User(member), context.actor.origin(), event);
    Outcome { drafts: vec![draft], ..Outcome::default() }
}
