//! What is known of the commands of one transaction before any of them is applied, looked up for all of them at once:
//! whether each was applied before, what its sender is in its project, and whether the id it brings is taken.
//!
//! Deliberately absent: what that means; `apply` decides.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use watchbell_protocol::{ActivityId, ProjectId, UnixMillis, UserId, event::Role};

use super::{Submission, without_membership};
use crate::{
    auth::policy::Standing,
    store::{
        self, Conn,
        command::{Applied, Sent},
    },
};

/// What is known, and what came of the commands since.
#[derive(Debug)]
pub(super) struct Known {
    applied: HashMap<Sent, Applied>,
    roles: BTreeMap<(ProjectId, UserId), Role>,
    /// The ids of entries of feeds that are taken, of those that are wanted.
    entries: BTreeSet<ActivityId>,
    /// Those that were applied in this transaction.
    fresh: Vec<(Sent, UnixMillis)>,
}

impl Known {
    /// Looks up what there is to know of these commands, in the transaction that applies them. It holds the writer all the
    /// time, so that holds until it ends.
    pub(super) async fn of(conn: &mut Conn, submissions: &[&Submission]) -> sqlx::Result<Self> {
        let sent: Vec<&Sent> = submissions.iter().map(|submission| &submission.sent).collect();
        #[cfg(feature = "sabotage")]
        super::sabotage::before_dedupe(conn, &sent).await?;
        let members = submissions.iter().filter_map(|submission| submission.member()).collect();
        let entries = submissions.iter().filter_map(|submission| submission.entry()).collect();
        Ok(Self {
            applied: store::command::find(conn, &sent).await?,
            roles: store::project::roles(conn, &members).await?,
            entries: store::activity::existing(conn, &entries).await?,
            fresh: Vec::new(),
        })
    }

    /// What came of a command, if it was applied.
    pub(super) fn applied(&self, sent: &Sent) -> Option<&Applied> {
        self.applied.get(sent)
    }

    /// Whether the entry of a feed that a command is to make has the id of another one.
    pub(super) fn is_taken(&self, submission: &Submission) -> bool {
        submission.entry().is_some_and(|id| self.entries.contains(&id))
    }

    /// What the sender of a command is in its project.
    pub(super) fn standing(&self, submission: &Submission) -> Standing {
        match submission.member() {
            Some(member) => self.roles.get(&member).map_or(Standing::Stranger, |role| Standing::Member(*role)),
            None => without_membership(&submission.principal, submission.place),
        }
    }

    /// Remembers what came of a command.
    pub(super) fn remember(&mut self, submission: &Submission, applied: Applied, at: UnixMillis) {
        self.fresh.push((submission.sent.clone(), at));
        self.applied.insert(submission.sent.clone(), applied);
        self.entries.extend(submission.entry());
    }

    /// Writes down which commands were applied.
    pub(super) async fn close(self, conn: &mut Conn) -> sqlx::Result<()> {
        let fresh = self.fresh.iter().filter_map(|(sent, at)| Some((sent, self.applied.get(sent)?, *at)));
        store::command::insert(conn, &fresh.collect::<Vec<_>>()).await
    }
}
