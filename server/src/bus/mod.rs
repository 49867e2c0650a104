//! Carries committed journal rows to the rooms, in the order of the journal, each once.
//!
//! Rows come from this process's writer, or from another process that wrote to the same database (the command line):
//! those are found by looking for ids after the last one that was sent out. A bus between several nodes would stand here.

use std::{sync::Arc, time::Duration};

use metrics::Histogram;
use tokio::sync::mpsc;
use watchbell_protocol::{Event, Room};

use crate::{
    clock::{Clock, Moment},
    domain::{memberships::Memberships, presence::Presences},
    hub::{Entry, Hub, board::Key},
    store::{self, Store, Writes, journal::Row},
};

/// Transactions that may wait to be sent out; the writer waits when there are more.
const QUEUE: usize = 64;
/// Rows read at once.
const PAGE: u32 = 256;

/// Where committed rows are handed over.
#[derive(Debug, Clone)]
pub struct Bus {
    committed: mpsc::Sender<(Moment, Vec<Entry>)>,
}

/// The task that sends out.
pub struct Follower {
    committed: mpsc::Receiver<(Moment, Vec<Entry>)>,
    store: Store,
    writes: Writes,
    to: FanOut,
    /// The id of the last row that was sent out.
    last: i64,
    every: Duration,
}

/// Where rows are sent out to.
pub struct FanOut {
    /// The rooms.
    pub hub: Arc<Hub>,
    /// Who is here, and where they belong.
    pub presences: Arc<Presences>,
    /// The memberships that momentary commands go by.
    pub memberships: Arc<Memberships>,
    /// The clock.
    pub clock: Clock,
    /// How long it takes from the commit.
    pub took: Histogram,
}

impl Bus {
    /// Hands over the rows of one transaction, after its commit at that moment.
    pub async fn publish(&self, at: Moment, entries: Vec<Entry>) {
        if self.committed.send((at, entries)).await.is_err() {
            tracing::debug!("the fan-out has ended; the journal keeps the rows");
        }
    }
}

impl Follower {
    /// Begins behind the row `last`; looks for rows of other processes `every` so often.
    pub fn new(store: Store, to: FanOut, last: i64, every: Duration) -> (Bus, Self) {
        let (sender, committed) = mpsc::channel(QUEUE);
        let writes = store.writes();
        (Bus { committed: sender }, Self { committed, store, writes, to, last, every })
    }

    /// Sends out until the writer has ended.
    pub async fn run(mut self) {
        let mut look = tokio::time::interval(self.every);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                entries = self.committed.recv() => match entries {
                    Some((at, entries)) => {
                        self.handed_over(entries).await;
                        self.to.took.record(self.to.clock.moment() - at);
                    }
                    None => return,
                },
                _ = look.tick() => self.look().await,
            }
        }
    }

    async fn handed_over(&mut self, entries: Vec<Entry>) {
        if entries.first().is_some_and(|entry| entry.id > self.last + 1) {
            // Another process wrote in between.
            self.catch_up().await;
        }
        for entry in entries {
            // Those that were found by looking already are not sent again.
            if entry.id == self.last + 1 {
                self.send_out(&entry);
            }
        }
    }

    /// Looks for rows of other processes, if any may have been written.
    async fn look(&mut self) {
        if self.writes.to_look(self.to.clock.moment()) {
            self.catch_up().await;
        }
    }

    /// Sends out what is in the journal and was not sent out yet. If that cannot be read, the next look does it.
    async fn catch_up(&mut self) {
        let began = self.to.clock.moment();
        loop {
            let rows = match self.read().await {
                Ok(rows) => rows,
                Err(error) => {
                    self.writes.failed();
                    tracing::error!(%error, "the journal could not be followed; trying again soon");
                    return;
                }
            };
            let was_last = rows.len() < PAGE as usize;
            for row in rows {
                self.last = row.id;
                match entry(row) {
                    Ok(entry) => self.send_out(&entry),
                    Err(error) => {
                        // It may be somebody's removal.
                        self.to.memberships.forget();
                        tracing::error!(%error, row.id = self.last, "a row of the journal does not parse");
                    }
                }
            }
            if was_last {
                self.to.memberships.hold(began);
                return;
            }
        }
    }

    async fn read(&self) -> sqlx::Result<Vec<Row>> {
        let mut conn = self.store.look().await?;
        store::journal::after_id(&mut conn, self.last, PAGE).await
    }

    fn send_out(&mut self, entry: &Entry) {
        self.last = entry.id;
        if let Room::Project(project) = entry.event.room {
            match &entry.event.event {
                // Before the fan-out: who was removed hears nothing more of this room.
                Event::ProjectMemberRemoved(removed) => {
                    self.to.memberships.changed(removed.user, project);
                    self.to.hub.expel(entry.event.room, removed.user, entry.mark.seq);
                    self.to.presences.expelled(removed.user, project);
                    let key = Key::new("presence:changed", removed.user.to_string());
                    self.to.hub.end(entry.event.room, &key);
                }
                Event::ProjectMemberAdded(added) => {
                    self.to.memberships.changed(added.member.user, project);
                    self.to.presences.admitted(added.member.user, project);
                }
                _ => {}
            }
        }
        self.to.hub.publish(entry);
    }
}

fn entry(row: Row) -> serde_json::Result<Entry> {
    let event = serde_json::from_str(&row.body)?;
    let mark = store::journal::Mark { seq: row.seq, tag: row.tag };
    Ok(Entry { id: row.id, mark, event, text: row.body })
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{
        ConnectionId, Epoch, Origin, ProjectId, RoomEvent, Seq, Tag, Text, UnixMillis, UserId,
        event::{Member, NotificationCleared, Project, ProjectMemberAdded, ProjectMemberRemoved, Role, Selection},
    };

    use super::*;
    use crate::{
        hub::{Landing, Looking, frames},
        metrics::{Deliveries, Metrics},
        store::journal::Mark,
        ws::outbox::{Out, Outbox},
    };

    fn cleared(room: Room, id: i64) -> Entry {
        entry(room, id, NotificationCleared { which: Selection::Through(Seq(id)) }.into())
    }

    fn entry(room: Room, id: i64, event: Event) -> Entry {
        let mark = Mark { seq: Seq(id), tag: Tag(0) };
        let (seq, tag) = (Some(mark.seq), Some(mark.tag));
        let event = RoomEvent { room, seq, tag, at: UnixMillis(0), origin: Origin::Server, event };
        Entry { id, mark, text: frames::event(&event), event }
    }

    /// One that sends out to nobody, and looks only when it is told to.
    fn follower(store: Store, memberships: Arc<Memberships>) -> (Bus, Follower) {
        let (hub, presences) = (Arc::new(Hub::new(Epoch(1))), Arc::new(Presences::new(Duration::ZERO)));
        let to = FanOut { hub, presences, memberships, clock: Clock, took: Metrics::off().fan_out };
        Follower::new(store, to, 0, Duration::from_hours(1))
    }

    #[tokio::test]
    async fn what_follows_is_sent_out_without_a_look_at_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(store::FILE_NAME)).await.unwrap();
        // Whoever looks from now on finds nothing.
        store.close().await;
        let (hub, room) = (Arc::new(Hub::new(Epoch(1))), Room::User(UserId::fresh()));
        let (id, outbox) = (ConnectionId::fresh(), Arc::new(Outbox::new(Deliveries::off())));
        hub.enter(room, id, outbox.clone(), None, Looking::default());
        assert_eq!(hub.land(room, id, Mark::default()), Landing::Live);

        let presences = Arc::new(Presences::new(Duration::ZERO));
        let memberships = Arc::default();
        let to = FanOut { hub, presences, memberships, clock: Clock, took: Metrics::off().fan_out };
        let (bus, follower) = Follower::new(store, to, 0, Duration::from_hours(1));
        for ids in [1..=2, 3..=3] {
            bus.publish(Clock.moment(), ids.map(|id| cleared(room, id)).collect()).await;
        }
        drop(bus);
        follower.run().await;
        let outs = outbox.take(usize::MAX).outs.into_iter();
        let events = outs.filter(|out| matches!(out, Out::Text(text) if text.contains("notification:cleared")));
        assert_eq!(events.count(), 3);
    }

    #[tokio::test]
    async fn a_gap_that_could_not_be_read_is_looked_at_again_though_nobody_writes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(store::FILE_NAME);
        // The other keeps the database's log as it is when the first is closed.
        let (store, _other) = (Store::open(&file).await.unwrap(), Store::open(&file).await.unwrap());
        let (_bus, mut follower) = follower(store.clone(), Arc::default());
        follower.look().await;
        follower.look().await;
        let now = Clock.moment();
        assert!(!follower.writes.to_look(now), "nobody wrote");

        store.close().await;
        follower.handed_over(vec![cleared(Room::User(UserId::fresh()), 5)]).await;
        assert_eq!(follower.last, 0, "what is before it was not sent out");
        assert!(follower.writes.to_look(now));
    }

    #[tokio::test]
    async fn memberships_hold_as_long_as_the_journal_can_be_followed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(store::FILE_NAME)).await.unwrap();
        let (user, project, now) = (UserId::fresh(), ProjectId::fresh(), Clock.moment());
        let memberships = Arc::new(Memberships::default());
        let since = memberships.get(user, project, now).unwrap_err();
        memberships.note(user, project, Role::Member, now, since);
        let later = now + Duration::from_secs(5);
        assert_eq!(memberships.get(user, project, later), Err(since));
        let (_bus, mut follower) = follower(store.clone(), memberships.clone());
        follower.look().await;
        assert_eq!(memberships.get(user, project, later), Ok(Role::Member), "nothing has changed since");

        let unreadable = "INSERT INTO journal (id, room, seq, tag, at, body) VALUES (1, $1, 1, 0, 0, 'no event')";
        let mut tx = store.write().await.unwrap();
        sqlx::query(unreadable).bind(Room::Project(project).to_string()).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        follower.look().await;
        assert!(memberships.get(user, project, now).is_err(), "it may have been a removal");
    }

    #[tokio::test]
    async fn whoever_was_admitted_or_removed_is_looked_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(store::FILE_NAME)).await.unwrap();
        let project = Project { id: ProjectId::fresh(), name: Text::clip("web"), created_at: UnixMillis(0) };
        let (room, now) = (Room::Project(project.id), Clock.moment());
        let memberships = Arc::new(Memberships::default());
        let [removed, admitted, other] = [(); 3].map(|()| {
            let user = UserId::fresh();
            let since = memberships.get(user, project.id, now).unwrap_err();
            memberships.note(user, project.id, Role::Admin, now, since);
            user
        });
        let (name, display_name) = (Text::clip("ada"), Text::clip("Ada"));
        let member = Member { user: admitted, name, display_name, role: Role::Member, last_seen: None };
        let changes = [
            entry(room, 1, ProjectMemberRemoved { project: project.id, user: removed }.into()),
            entry(room, 2, ProjectMemberAdded { project: project.clone(), member }.into()),
        ];
        let (bus, follower) = follower(store, memberships.clone());
        bus.publish(now, changes.into()).await;
        drop(bus);
        follower.run().await;
        let known = [removed, admitted, other].map(|user| memberships.get(user, project.id, now).ok());
        assert_eq!(known, [None, None, Some(Role::Admin)]);
    }
}
