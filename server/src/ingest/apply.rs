//! One durable command: decided by what is known of it, and applied once, whoever resends it.

use std::time::Duration;

use watchbell_protocol::{Answer, Command, CommandId, ErrorCode, UnixMillis, WireError, limits};

use super::{Submission, known::Known, number::Numbers};
use crate::{
    auth::{
        Principal,
        policy::{self, Place, Standing},
    },
    domain::{Context, LeaseChange, Outcome, Refusal, activity, analysis, notification, refuse},
    hub::Entry,
    store::{
        Conn,
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

/// What is to become of a command.
#[derive(Debug)]
pub(super) enum Decision {
    /// It may be applied.
    Apply,
    /// It was applied before, and this was its answer.
    Again(Answer),
}

/// Decides about a command by what is known of it. Pure.
pub(super) fn decide(known: &Known, submission: &Submission, now: UnixMillis) -> Result<Decision, WireError> {
    // Before anything else: whoever was allowed to send it learns what came of it, also if they no longer are. Ids are each
    // sender's own, so nobody learns of another's.
    if let Some(applied) = known.applied(&submission.sent) {
        return again(applied, submission.body_hash);
    }
    let Submission { principal, place, command, .. } = submission;
    policy::may_publish(principal, *place, known.standing(submission), command)?;
    check_age(submission.sent.id, now)?;
    // Ids of entries are seen by everybody in the room, and those of commands are told apart per person.
    if known.is_taken(submission) {
        return Err(WireError::new(ErrorCode::Conflict, "there is an entry with this id already").at("id"));
    }
    Ok(Decision::Apply)
}

/// Applies a command that may be. Only a failure of the database may have left something: whoever called takes that back.
pub(super) async fn apply(
    conn: &mut Conn,
    numbers: &mut Numbers,
    known: &mut Known,
    submission: &Submission,
    now: UnixMillis,
) -> Result<Effect, Refusal> {
    let Submission { principal, sent, place, command, body_hash } = submission;
    let context = Context { conn, actor: principal, id: sent.id, now };
    let outcome = run(context, *place, command.clone()).await?;
    let entries = numbers.number(conn, outcome.drafts, now).await?;
    let room = place.room();
    let seq = entries.iter().filter(|entry| entry.event.room == room).map(|entry| entry.mark.seq).max();
    let answer = Answer { room: seq.map(|_| room), seq, started: outcome.started };
    known.remember(submission, Applied { body_hash: *body_hash, answer: answer.clone() }, now);
    Ok(Effect { answer, entries, lease: outcome.lease })
}

async fn run(context: Context<'_>, place: Place, command: Command) -> Result<Outcome, Refusal> {
    match (place, command) {
        (Place::Project(project), Command::AnalysisStart(input)) => analysis::start(context, project, input).await,
        (Place::Project(project), Command::AnalysisReport(input)) => analysis::report(context, project, input).await,
        (Place::Project(project), Command::AnalysisCancel(input)) => analysis::cancel(context, project, input).await,
        (Place::Project(project), Command::Notify(input)) => notification::notify(context, project, input).await,
        (Place::Project(project), Command::ActivityPost(input)) => activity::post(&context, project, input),
        (Place::Own(user), Command::NotificationReadCmd(input)) => notification::read(context, user, input).await,
        (Place::Own(user), Command::NotificationReadAll(input)) => notification::read_all(context, user, input).await,
        (Place::Own(user), Command::NotificationClear(input)) => notification::clear(context, user, input).await,
        (_, command) => refuse(ErrorCode::BadRequest, format!("{} is not kept", command.name()), "cmd"),
    }
}

/// The answer to a command that was applied before.
fn again(applied: &Applied, body_hash: BodyHash) -> Result<Decision, WireError> {
    if applied.body_hash != body_hash {
        return Err(WireError::new(ErrorCode::Conflict, "this id was used for another command").at("id"));
    }
    Ok(Decision::Again(applied.answer.clone()))
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

/// What somebody is who belongs to no project: a token says itself where it counts.
pub(crate) fn without_membership(principal: &Principal, place: Place) -> Standing {
    match (place, principal) {
        (Place::Project(project), Principal::Token { projects, .. }) if projects.contains(&project) => {
            Standing::Producer
        }
        (Place::Project(_) | Place::Own(_), _) => Standing::Stranger,
    }
}
