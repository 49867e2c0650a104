//! What an admin changes, from the command line. It needs no running server: a server that runs on the same database
//! follows the journal and sends out what it finds there.

use watchbell_protocol::{Answer, ProjectId, UnixMillis, UserId, event::Role};

use super::number::Numbers;
use crate::{
    domain::{Refusal, project},
    store::Store,
};

/// A change by an admin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminCommand {
    /// Adds a project.
    AddProject {
        /// Its id.
        id: ProjectId,
        /// Its name.
        name: String,
    },
    /// Admits somebody to a project, or changes what they may do there.
    AddMember {
        /// Where.
        project: ProjectId,
        /// Whom.
        user: UserId,
        /// As what.
        role: Role,
    },
    /// Ends a membership.
    RemoveMember {
        /// Where.
        project: ProjectId,
        /// Whose.
        user: UserId,
    },
}

/// Applies a change by an admin: its effects and its journal rows in one transaction. The answer tells the room and
/// the number of its last event there; both are absent when nothing had to change.
pub async fn admin(store: &Store, command: AdminCommand, now: UnixMillis) -> Result<Answer, Refusal> {
    let mut tx = store.write().await?;
    let (room, outcome) = match command {
        AdminCommand::AddProject { id, name } => (id, project::add(&mut tx, now, id, &name).await?),
        AdminCommand::AddMember { project: id, user, role } => {
            (id, project::add_member(&mut tx, now, id, user, role).await?)
        }
        AdminCommand::RemoveMember { project: id, user } => (id, project::remove_member(&mut tx, now, id, user).await?),
    };
    let room = watchbell_protocol::Room::Project(room);
    let mut numbers = Numbers::open(&mut tx, &[room].into()).await?;
    let entries = numbers.number(&mut tx, outcome.drafts, now).await?;
    numbers.close(&mut tx).await?;
    tx.commit().await?;
    let seq = entries.iter().filter(|entry| entry.event.room == room).map(|entry| entry.mark.seq).max();
    Ok(Answer { room: seq.map(|_| room), seq, started: None })
}
