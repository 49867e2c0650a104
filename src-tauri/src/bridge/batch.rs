//! What waits to be sent to the window: a change that carries a whole value replaces the waiting one of its kind.
//!
//! Pure, so that what a slow window sees is table-tested. So a window that is slow gets the newest values, never a backlog
//! of old ones, and memory is bounded by what is on the screens.

use watchbell_client::change::Change;
use watchbell_protocol::{AnalysisId, ProjectId};

use crate::view::AppChange;

/// A batch never has more changes than this.
pub const BATCH: usize = 256;

/// Changes in order, each value once.
#[derive(Debug, Default)]
pub struct Batch(Vec<AppChange>);

/// Which value a change carries whole.
#[derive(Debug, PartialEq, Eq)]
enum Whole {
    Connection,
    Projects,
    People(ProjectId),
    Analysis(AnalysisId),
    Progress(AnalysisId),
    Issues(AnalysisId),
    Notifications,
    Reset(ProjectId),
    Keyring,
    Popups,
}

impl Batch {
    /// Adds a change behind the others.
    pub fn push(&mut self, change: AppChange) {
        if matches!(change, AppChange::Snapshot(_)) {
            // It holds everything that waited, but not a click.
            self.0.retain(|waiting| matches!(waiting, AppChange::Open(_)));
            self.0.insert(0, change);
            return;
        }
        if let Some(value) = whole(&change) {
            self.0.retain(|waiting| whole(waiting).as_ref() != Some(&value));
        }
        self.0.push(change);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has to be sent before another change is added.
    pub fn is_full(&self) -> bool {
        self.0.len() >= BATCH
    }

    /// Takes everything.
    pub fn take(&mut self) -> Vec<AppChange> {
        std::mem::take(&mut self.0)
    }
}

fn whole(change: &AppChange) -> Option<Whole> {
    match change {
        AppChange::Keyring(_) => Some(Whole::Keyring),
        AppChange::Popups(_) => Some(Whole::Popups),
        AppChange::Snapshot(_) | AppChange::Open(_) => None,
        AppChange::Client(change) => match change.as_ref() {
            Change::Connection { .. } => Some(Whole::Connection),
            Change::Projects { .. } => Some(Whole::Projects),
            Change::People { project, .. } => Some(Whole::People(*project)),
            Change::Analysis { analysis } => Some(Whole::Analysis(analysis.id)),
            Change::Progress { progress, .. } => Some(Whole::Progress(progress.analysis)),
            Change::Issues { analysis, .. } => Some(Whole::Issues(*analysis)),
            Change::Notifications { .. } => Some(Whole::Notifications),
            Change::Reset { project } => Some(Whole::Reset(*project)),
            Change::Activity { .. } | Change::Arrived { .. } | Change::Summary { .. } | Change::Refused { .. } => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{KeyringState, OpenTarget, PopupState, Session, Snapshot};

    fn client(change: Change) -> AppChange {
        AppChange::Client(Box::new(change))
    }

    fn unread(unread: u32) -> AppChange {
        client(Change::Notifications { unread })
    }

    fn snapshot() -> AppChange {
        AppChange::Snapshot(Box::new(Snapshot {
            version: "0".into(),
            session: Session::SignedOut { address: String::new(), name: String::new(), reason: None },
            keyring: KeyringState::Empty,
            popups: PopupState::Unknown,
            connection: None,
            projects: Vec::new(),
            unread: 0,
        }))
    }

    #[test]
    fn a_newer_value_replaces_the_waiting_one_and_stands_behind_what_came_between() {
        let mut batch = Batch::default();
        batch.push(unread(1));
        batch.push(AppChange::Keyring(KeyringState::Kept));
        batch.push(unread(2));
        assert_eq!(batch.take(), [AppChange::Keyring(KeyringState::Kept), unread(2)]);
        assert!(batch.is_empty());
    }

    #[test]
    fn values_of_different_projects_do_not_replace_each_other() {
        let [a, b] = [ProjectId::fresh(), ProjectId::fresh()];
        let people = |project| client(Change::People { project, people: Vec::new() });
        let mut batch = Batch::default();
        for project in [a, b, a] {
            batch.push(people(project));
        }
        assert_eq!(batch.take(), [people(b), people(a)]);
    }

    #[test]
    fn entries_of_a_feed_are_all_kept_until_the_batch_is_full() {
        let project = ProjectId::fresh();
        let mut batch = Batch::default();
        for _ in 0..BATCH {
            assert!(!batch.is_full());
            batch.push(client(Change::Activity { project, entries: Vec::new() }));
        }
        assert!(batch.is_full());
    }

    #[test]
    fn a_snapshot_comes_first_and_replaces_everything_but_a_click() {
        let mut batch = Batch::default();
        batch.push(unread(1));
        batch.push(AppChange::Open(OpenTarget::Notifications));
        batch.push(snapshot());
        assert_eq!(batch.take(), [snapshot(), AppChange::Open(OpenTarget::Notifications)]);
    }
}
