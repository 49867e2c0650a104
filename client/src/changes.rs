//! From the driver to its listeners: a mailbox per listener that conflates, and the events as they are applied.
//!
//! Deliberately absent: a queue. A mailbox holds one value per thing, so a listener that sleeps for an hour costs what
//! the newest state costs.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast};
use watchbell_protocol::{AnalysisId, NotificationId, ProjectId, Room, RoomEvent, event::Activity};

use crate::change::{Change, Shown};

/// Changes in one batch.
const BATCH: usize = 256;
/// Things a mailbox holds before it says "pull everything" of the projects instead.
const THINGS: usize = 1024;
/// Single arrivals (and refusals) a mailbox holds before it counts them instead.
const ARRIVALS: usize = 128;
/// New entries of one feed; a view shows no more at once.
const ENTRIES: usize = 100;

/// A listener's end.
pub struct Changes {
    mailbox: Arc<Mailbox>,
}

impl Changes {
    /// The next batch, as soon as there is one: at most 256 changes. `None` after the client has ended.
    pub async fn next(&mut self) -> Option<Vec<Change>> {
        loop {
            let news = self.mailbox.news.notified();
            {
                let mut pending = self.mailbox.pending.lock();
                if !pending.order.is_empty() {
                    return Some(pending.take());
                }
                if pending.closed {
                    return None;
                }
            }
            news.await;
        }
    }
}

/// Every listener there is.
#[derive(Default)]
pub(crate) struct Listeners {
    mailboxes: Mutex<Vec<Weak<Mailbox>>>,
}

impl Listeners {
    pub(crate) fn listen(&self) -> Changes {
        let mailbox = Arc::new(Mailbox::default());
        let mut mailboxes = self.mailboxes.lock();
        mailboxes.retain(|mailbox| mailbox.strong_count() > 0);
        mailboxes.push(Arc::downgrade(&mailbox));
        Changes { mailbox }
    }

    /// Whether anybody listens: without, nothing needs to be looked up.
    pub(crate) fn any(&self) -> bool {
        self.mailboxes.lock().iter().any(|mailbox| mailbox.strong_count() > 0)
    }

    pub(crate) fn tell(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        for mailbox in self.mailboxes.lock().iter().filter_map(Weak::upgrade) {
            {
                let mut pending = mailbox.pending.lock();
                changes.iter().cloned().for_each(|change| pending.put(change));
            }
            mailbox.news.notify_one();
        }
    }

    pub(crate) fn close(&self) {
        for mailbox in self.mailboxes.lock().iter().filter_map(Weak::upgrade) {
            mailbox.pending.lock().closed = true;
            mailbox.news.notify_one();
        }
    }
}

#[derive(Default)]
struct Mailbox {
    pending: Mutex<PendingChanges>,
    news: Notify,
}

/// What a change replaces: the waiting one of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Connection,
    Projects,
    People(ProjectId),
    Analysis(AnalysisId),
    Progress(AnalysisId),
    Issues(AnalysisId),
    Activity(ProjectId),
    Notifications,
    Arrived(NotificationId),
    Summary,
    Refused(watchbell_protocol::CommandId),
    Reset(ProjectId),
}

impl Key {
    fn of(change: &Change) -> Self {
        match change {
            Change::Connection { .. } => Self::Connection,
            Change::Projects { .. } => Self::Projects,
            Change::People { project, .. } => Self::People(*project),
            Change::Analysis { analysis } => Self::Analysis(analysis.id),
            Change::Progress { progress, .. } => Self::Progress(progress.analysis),
            Change::Issues { analysis, .. } => Self::Issues(*analysis),
            Change::Activity { project, .. } => Self::Activity(*project),
            Change::Notifications { .. } => Self::Notifications,
            Change::Arrived { notification, .. } => Self::Arrived(notification.id),
            Change::Summary { .. } => Self::Summary,
            Change::Refused { command, .. } => Self::Refused(*command),
            Change::Reset { project } => Self::Reset(*project),
        }
    }
}

/// Waiting changes: one per key, in the order in which the keys first appeared.
#[derive(Default)]
struct PendingChanges {
    order: VecDeque<Key>,
    values: HashMap<Key, Change>,
    closed: bool,
    /// "Pull everything" cannot become less.
    collapsed: usize,
}

impl PendingChanges {
    fn put(&mut self, change: Change) {
        let key = Key::of(&change);
        if let Some(waiting) = self.values.remove(&key) {
            self.values.insert(key, merged(waiting, change));
            return;
        }
        self.values.insert(key, change);
        self.order.push_back(key);
        self.bound(key);
    }

    /// Keeps the mailbox from growing without anything being forgotten silently.
    fn bound(&mut self, newest: Key) {
        match newest {
            Key::Arrived(_) => self.count_oldest_arrival(),
            Key::Refused(_) if self.count(|key| matches!(key, Key::Refused(_))) > ARRIVALS => {
                if let Some(Change::Refused { command, name, .. }) =
                    self.drop_first(|key| matches!(key, Key::Refused(_)))
                {
                    tracing::warn!(%command, name, "a listener is too slow to be told of every refused command");
                }
            }
            _ if self.order.len() > THINGS + self.collapsed => self.collapse(),
            _ => {}
        }
    }

    fn count_oldest_arrival(&mut self) {
        if self.count(|key| matches!(key, Key::Arrived(_))) <= ARRIVALS {
            return;
        }
        let oldest = self.drop_first(|key| matches!(key, Key::Arrived(_)));
        if let Some(Change::Arrived { shown: shown @ (Shown::Popup | Shown::Toast), .. }) = oldest {
            self.put(Change::Summary { count: 1, unread: 0, shown });
        }
    }

    /// Everything of the projects becomes "pull everything" of each.
    fn collapse(&mut self) {
        let mut projects: Vec<ProjectId> = Vec::new();
        self.values.retain(|key, change| match (key, change) {
            (Key::Reset(project) | Key::People(project) | Key::Activity(project), _) => {
                projects.push(*project);
                false
            }
            (_, Change::Progress { project, .. }) => {
                projects.push(*project);
                false
            }
            (_, Change::Analysis { analysis }) => {
                projects.push(analysis.project);
                false
            }
            // Its project is not told, but its analysis is in the list above, or is not shown any more.
            (Key::Issues(_), _) => false,
            _ => true,
        });
        projects.sort_unstable();
        projects.dedup();
        let values = &self.values;
        self.order.retain(|key| values.contains_key(key));
        for project in projects {
            self.order.push_back(Key::Reset(project));
            self.values.insert(Key::Reset(project), Change::Reset { project });
        }
        self.collapsed = self.order.len();
    }

    fn count(&self, which: impl Fn(&Key) -> bool) -> usize {
        self.order.iter().filter(|key| which(key)).count()
    }

    fn drop_first(&mut self, which: impl Fn(&Key) -> bool) -> Option<Change> {
        let index = self.order.iter().position(which)?;
        self.order.remove(index).and_then(|key| self.values.remove(&key))
    }

    fn take(&mut self) -> Vec<Change> {
        let count = self.order.len().min(BATCH);
        self.collapsed = self.collapsed.saturating_sub(count);
        let (order, values) = (&mut self.order, &mut self.values);
        order.drain(..count).filter_map(|key| values.remove(&key)).collect()
    }
}

/// One change that says what two said.
fn merged(waiting: Change, newer: Change) -> Change {
    match (waiting, newer) {
        (Change::Activity { entries: old, .. }, Change::Activity { project, mut entries }) => {
            let old =
                old.into_iter().filter(|old| entries.iter().all(|new| new.id != old.id)).collect::<Vec<Activity>>();
            entries.extend(old);
            entries.truncate(ENTRIES);
            Change::Activity { project, entries }
        }
        (Change::Summary { count: earlier, unread: before, .. }, Change::Summary { count, unread, shown }) => {
            Change::Summary { count: earlier.saturating_add(count), unread: unread.max(before), shown }
        }
        (_, newer) => newer,
    }
}

/// What a receiver of events hears.
#[derive(Debug, Clone)]
pub enum Heard {
    /// An event, after it was applied; or a line of a stream that is looked at, which is kept nowhere.
    Event(Arc<RoomEvent>),
    /// Lines of a stream that this connection was too slow for: the server dropped them.
    Gap {
        /// In which room.
        room: Room,
        /// Which stream.
        stream: String,
        /// How many.
        dropped: u64,
    },
    /// A room was rebuilt from its state: what happened there before was not handed on event by event. What the cache
    /// answers is complete.
    Rebuilt {
        /// Which room.
        room: Room,
    },
    /// The receiver was too slow for some of this, of whichever rooms. What the cache answers is complete; lines of
    /// streams are gone.
    Missed {
        /// How much.
        count: u64,
    },
}

/// The events as they are applied.
pub struct Events {
    receiver: broadcast::Receiver<Heard>,
}

impl Events {
    pub(crate) fn new(receiver: broadcast::Receiver<Heard>) -> Self {
        Self { receiver }
    }

    /// The next one; `None` after the client has ended.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.receiver.recv().await {
            Ok(heard) => Some(heard),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(Heard::Missed { count }),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{UnixMillis, event::Counts};

    use super::*;
    use crate::view::{Connection, ConnectionState};

    fn connection(since: i64) -> Change {
        let state = ConnectionState::Live { since: UnixMillis(since) };
        Change::Connection {
            connection: Connection { state, transport: None, latency_ms: None, waiting: 0, saved_at: None },
        }
    }

    #[tokio::test]
    async fn a_sleeping_listener_finds_the_newest_value_of_each_thing() {
        let listeners = Listeners::default();
        let mut changes = listeners.listen();
        for since in 0..1000 {
            listeners.tell(&[connection(since), Change::Notifications { unread: since as u32 }]);
        }
        let batch = changes.next().await.unwrap();
        assert_eq!(batch, [connection(999), Change::Notifications { unread: 999 }]);
        listeners.close();
        assert_eq!(changes.next().await, None);
    }

    #[test]
    fn more_things_than_a_mailbox_holds_become_pull_everything() {
        let mut pending = PendingChanges::default();
        let projects: Vec<_> = (0..1500).map(|_| ProjectId::fresh()).collect();
        pending.put(connection(1));
        for &project in &projects {
            pending.put(Change::People { project, people: Vec::new() });
        }
        pending.put(Change::Issues { analysis: AnalysisId::fresh(), counts: Counts::default() });
        assert!(pending.order.len() <= projects.len() + 2);
        let told: Vec<_> =
            std::iter::from_fn(|| Some(pending.take()).filter(|batch| !batch.is_empty())).flatten().collect();
        for project in projects {
            assert!(told.iter().any(|change| match change {
                Change::Reset { project: told } | Change::People { project: told, .. } => *told == project,
                _ => false,
            }));
        }
    }
}
