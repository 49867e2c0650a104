//! One durable command in its savepoint: applied once, whoever resends it.

use std::time::Duration;

use watchbell_protocol::{
    Answer, Command, CommandId, ErrorCode, ProjectId, Room, UnixMillis, UserId, WireError, limits,
};

use super::{
    Submission,
    number::{Ids, number},
};
use crate::{
    auth::{
        Principal,
        policy::{self, Place, Standing},
    },
    domain::{Context, LeaseChange, Outcome, Refusal, activity, analysis, notification, refuse},
    hub::Entry,
    store::{
        self, Conn,
        command::{Applied, BodyHash},
    },
};

/// What a command left behind.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) answer: Answer,
    pub(super) entries: Vec<Entry>,
    pub(super) lease: Option<LeaseChange>,
}

/// Applies a command, or finds what it was answered before.
pub(super) async fn apply(
    conn: &mut Conn,
    ids: &mut Ids,
    submission: Submission,
    now: UnixMillis,
) -> Result<Effect, Refusal> {
    let Submission { principal, id, place, command, body_hash } = submission;
    let who = who(&principal);
    #[cfg(feature = "sabotage")]
    super::sabotage::before_dedupe(conn, &who, id).await?;
    // Before anything is decided: whoever was allowed to send it learns what came of it, also if they no longer are. Ids
    // are each sender's own, so nobody learns of another's.
    if let Some(applied) = store::command::find(conn, &who, id).await? {
        return again(applied, body_hash);
    }
    let standing = standing(conn, &principal, place).await?;
    policy::may_publish(&principal, place, standing, &command)?;
    check_age(id, now)?;

    let room = match place {
        Place::Project(project) => Room::Project(project),
        Place::Own(user) => Room::User(user),
    };
    let context = Context { conn, actor: &principal, id, now };
    let outcome = run(context, place, command).await?;
    let (effect, applied) = settle(conn, ids, room, outcome, body_hash, now).await?;
    store::command::insert(conn, &who, id, &applied, now).await?;
    Ok(effect)
}

async fn run(context: Context<'_>, place: Place, command: Command) -> Result<Outcome, Refusal> {
    match (place, command) {
        (Place::Project(project), Command::AnalysisStart(input)) => analysis::start(context, project, input).await,
        (Place::Project(project), Command::AnalysisReport(input)) => analysis::report(context, project, input).await,
        (Place::Project(project), Command::AnalysisCancel(input)) => analysis::cancel(context, project, input).await,
        (Place::Project(project), Command::Notify(input)) => notification::notify(context, project, input).await,
        (Place::Project(project), Command::ActivityPost(input)) => activity::post(context, project, input).await,
        (Place::Own(user), Command::NotificationReadCmd(input)) => notification::read(context, user, input).await,
        (Place::Own(user), Command::NotificationReadAll(input)) => notification::read_all(context, user, input).await,
        (Place::Own(user), Command::NotificationClear(input)) => notification::clear(context, user, input).await,
        (_, command) => refuse(ErrorCode::BadRequest, format!("{} is not kept", command.name()), "cmd"),
    }
}

async fn settle(
    conn: &mut Conn,
    ids: &mut Ids,
    room: Room,
    outcome: Outcome,
    body_hash: BodyHash,
    now: UnixMillis,
) -> sqlx::Result<(Effect, Applied)> {
    let entries = number(conn, ids, outcome.drafts, now).await?;
    let seq = entries.iter().filter(|entry| entry.event.room == room).map(|entry| entry.mark.seq).max();
    let answer = Answer { room: seq.map(|_| room), seq, started: outcome.started };
    let applied = Applied { body_hash, answer: answer.clone() };
    Ok((Effect { answer, entries, lease: outcome.lease }, applied))
}

/// The answer to a command that was applied before.
fn again(applied: Applied, body_hash: BodyHash) -> Result<Effect, Refusal> {
    if applied.body_hash != body_hash {
        return refuse(ErrorCode::Conflict, "this id was used for another command", "id");
    }
    Ok(Effect { answer: applied.answer, entries: Vec::new(), lease: None })
}

/// How far a client's clock may be ahead.
const AHEAD: Duration = Duration::from_hours(24);
/// How long an id is remembered after its command was applied: until it would be refused as too old, however far ahead the
/// clock was that made it.
pub(super) const IDS_KEPT: Duration = limits::COMMAND_IDS_KEPT.saturating_add(AHEAD);

/// An unknown id that is older than ids are remembered may have been applied and forgotten.
fn check_age(id: CommandId, now: UnixMillis) -> Result<(), WireError> {
    let Some(made) = id.0.get_timestamp().filter(|_| id.0.get_version_num() == 7) else {
        let message = "must be a version 7 UUID, which says when the command was made";
        return Err(WireError::new(ErrorCode::BadRequest, message).at("id"));
    };
    let (secs, nanos) = made.to_unix();
    let made = Duration::new(secs, nanos);
    let made = UnixMillis(i64::try_from(made.as_millis()).unwrap_or(i64::MAX));
    if now.since(made) > limits::COMMAND_IDS_KEPT {
        let message = "the command is older than 35 days: whether it was applied cannot be told";
        return Err(WireError::new(ErrorCode::Expired, message).at("id"));
    }
    if made.since(now) > AHEAD {
        let message = "the command was made more than a day from now: is the clock right?";
        return Err(WireError::new(ErrorCode::BadRequest, message).at("id"));
    }
    Ok(())
}

/// What `principal` is in the project of `place`. In one's own room there is nothing to be but oneself.
pub(crate) async fn standing(conn: &mut Conn, principal: &Principal, place: Place) -> sqlx::Result<Standing> {
    match (place, principal) {
        (Place::Project(project), Principal::User { id, .. }) => of_member(conn, *id, project).await,
        _ => Ok(without_membership(principal, place)),
    }
}

/// What a member is in a project.
pub(super) async fn of_member(conn: &mut Conn, user: UserId, project: ProjectId) -> sqlx::Result<Standing> {
    let membership = store::project::membership(conn, project, user).await?;
    Ok(membership.map_or(Standing::Stranger, |membership| Standing::Member(membership.role)))
}

/// What somebody is who belongs to no project: a token says itself where it counts.
pub(super) fn without_membership(principal: &Principal, place: Place) -> Standing {
    match (place, principal) {
        (Place::Project(project), Principal::Token { projects, .. }) if projects.contains(&project) => {
            Standing::Producer
        }
        (Place::Project(_) | Place::Own(_), _) => Standing::Stranger,
    }
}

/// Whose command ids these are.
fn who(principal: &Principal) -> String {
    match principal {
        Principal::User { id, .. } => format!("user:{id}"),
        Principal::Token { id, .. } => format!("token:{id}"),
    }
}
