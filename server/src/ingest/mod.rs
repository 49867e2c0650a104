//! The only way in: apply once → authorise → validate → number → persist → publish.
//!
//! A durable command's effects, its journal rows and its id commit in one transaction, with those of the others that
//! waited; the answer is sent after the commit, the fan-out after that. Momentary commands have no id, no transaction, and
//! an answer only when refused.

mod admin;
mod apply;
mod known;
mod momentary;
mod number;
#[cfg(feature = "sabotage")]
mod sabotage;
mod writer;

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use watchbell_protocol::{
    ActivityId, AnalysisId, Answer, ClientFrame, ErrorCode, ProjectId, UnixMillis, UserId, WireError,
};

pub(crate) use self::apply::without_membership;
pub use self::{
    admin::{AdminCommand, admin},
    momentary::Momentary,
    writer::Writer,
};
use crate::{
    auth::{Principal, policy},
    store::command::{BodyHash, Sent},
};

/// Jobs that may wait for the writer; whoever has more waits before it reads on.
const QUEUE: usize = 1024;

/// A handle to the writer.
#[derive(Debug, Clone)]
pub struct Ingest {
    jobs: mpsc::Sender<Job>,
}

/// What the writer is asked for.
#[derive(Debug)]
enum Job {
    /// A command, and where its answer goes.
    Command(Box<Submission>, oneshot::Sender<Result<Answer, WireError>>),
    /// This analysis lost its runner.
    LeaseLost(AnalysisId),
    /// These members were last here at that time.
    Seen(Vec<UserId>, UnixMillis),
    /// Delete some of what is older than it is kept, and say whether there is more.
    Prune(UnixMillis, oneshot::Sender<bool>),
}

/// A durable command that may go on, with everything that can be done outside the transaction done.
#[derive(Debug)]
struct Submission {
    principal: Arc<Principal>,
    sent: Sent,
    place: policy::Place,
    command: watchbell_protocol::Command,
    body_hash: BodyHash,
}

impl Submission {
    /// The member who sent it, and the project where it belongs; neither for an API token, or in somebody's own room.
    fn member(&self) -> Option<(ProjectId, UserId)> {
        match (self.place, self.principal.user()) {
            (policy::Place::Project(project), Some(user)) => Some((project, user)),
            _ => None,
        }
    }

    /// The entry of a feed that it makes: that takes its id.
    fn entry(&self) -> Option<ActivityId> {
        matches!(self.command, watchbell_protocol::Command::ActivityPost(_)).then_some(ActivityId(self.sent.id.0))
    }
}

/// The answer to come.
pub type Pending = oneshot::Receiver<Result<Answer, WireError>>;

impl Ingest {
    /// Hands a durable command to the writer, after those handed over before. Waits while the queue is full.
    pub async fn submit(&self, principal: Arc<Principal>, frame: ClientFrame) -> Result<Pending, WireError> {
        let Some(id) = frame.id else {
            let message = format!("is missing: {} wants an answer", frame.command.name());
            return Err(WireError::new(ErrorCode::BadRequest, message).at("id"));
        };
        let place = policy::place(&frame.command, frame.room)?;
        let body_hash = body_hash(&frame);
        let sent = Sent { principal: whose(&principal), id };
        let submission = Submission { principal, sent, place, command: frame.command, body_hash };
        let (answer, pending) = oneshot::channel();
        self.jobs.send(Job::Command(Box::new(submission), answer)).await.map_err(|_| stopping())?;
        Ok(pending)
    }

    /// Ends analyses whose leases ran out.
    pub async fn leases_lost(&self, analyses: Vec<AnalysisId>) {
        for analysis in analyses {
            self.tell(Job::LeaseLost(analysis)).await;
        }
    }

    /// Notes when members were last here.
    pub async fn seen(&self, members: Vec<UserId>, at: UnixMillis) {
        self.tell(Job::Seen(members, at)).await;
    }

    /// Deletes some of what is older than it is kept; says whether there is more, and `false` if nothing could be written.
    pub async fn prune(&self, now: UnixMillis) -> bool {
        let (answer, more) = oneshot::channel();
        self.tell(Job::Prune(now, answer)).await;
        more.await.unwrap_or(false)
    }

    async fn tell(&self, job: Job) {
        if self.jobs.send(job).await.is_err() {
            tracing::debug!("the writer has ended");
        }
    }
}

/// Whose command ids these are.
fn whose(principal: &Principal) -> String {
    match principal {
        Principal::User { id, .. } => format!("user:{id}"),
        Principal::Token { id, .. } => format!("token:{id}"),
    }
}

/// What a sender is told while the server stops.
pub(crate) fn stopping() -> WireError {
    WireError::new(ErrorCode::Unavailable, "the server is stopping").retry_after_ms(1000)
}

/// A hash of what is asked, whatever order or spacing it was written in: of the command as it was understood, for the text
/// that came is not kept until here. A later version may add fields all the same: what a command leaves out is not written
/// (a test of the protocol holds that), so one that was made before has the same hash after. Only a field that this version
/// ignores would make another hash once a later one understands it.
fn body_hash(frame: &ClientFrame) -> BodyHash {
    let body = serde_json::to_vec(&(frame.room, &frame.command)).expect("a parsed command is plain JSON");
    Sha256::digest(body).into()
}
