//! What commands mean: each a function from (transaction, actor, input) to events. It refuses before it writes: what is
//! refused has left nothing, so that others may go on in the same transaction.
//!
//! Deliberately absent: numbering, persistence of the journal, fan-out. That is `ingest` and `hub`.

pub mod activity;
pub mod analysis;
pub mod lease;
pub mod memberships;
pub mod notification;
pub mod presence;
pub mod project;

use std::fmt;

use watchbell_protocol::{
    AnalysisId, CommandId, ErrorCode, Event, Origin, Room, UnixMillis, WireError, frame::Started,
};

use crate::{auth::Principal, store::Conn};

/// A command at work: its transaction, its author, its id, its time.
pub struct Context<'a> {
    /// The transaction.
    pub conn: &'a mut Conn,
    /// Who asked.
    pub actor: &'a Principal,
    /// The command's id; what it creates takes it.
    pub id: CommandId,
    /// When.
    pub now: UnixMillis,
}

/// An event that has no number yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Where.
    pub room: Room,
    /// Who caused it.
    pub origin: Origin,
    /// What.
    pub event: Event,
}

impl Draft {
    /// An event in a room.
    pub fn new(room: Room, origin: Origin, event: impl Into<Event>) -> Self {
        Self { room, origin, event: event.into() }
    }
}

/// What came of a command.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The events, in order.
    pub drafts: Vec<Draft>,
    /// To `analysis:start`.
    pub started: Option<Started>,
    /// What becomes of a lease once the transaction is on the disk.
    pub lease: Option<LeaseChange>,
}

/// What becomes of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseChange {
    /// It begins.
    Taken {
        /// On which analysis.
        analysis: AnalysisId,
        /// In which room.
        room: Room,
        /// Who holds it.
        holder: Holder,
    },
    /// Its holder was heard of.
    Kept(AnalysisId),
    /// The analysis ended.
    Ended(AnalysisId),
}

/// Who holds a lease: a member on one device, or an API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder(String);

impl Holder {
    /// The holder that this principal would be.
    pub fn of(principal: &Principal) -> Self {
        Self(match principal {
            Principal::User { id, device, .. } => format!("user:{id}/{device}"),
            Principal::Token { id, .. } => format!("token:{id}"),
        })
    }

    /// As it was written to the database.
    pub fn from_column(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why nothing came of a command.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The sender is told.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The database failed, maybe halfway: logged where the transaction is.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

/// A refusal with a code, a sentence and the field.
pub(crate) fn refuse<T>(code: ErrorCode, message: impl Into<String>, field: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Wire(WireError::new(code, message).at(field)))
}
