//! The cache against a model: whatever order frames, duplicates, gaps, crashes and rebuilds come in, nothing is lost and
//! nothing is doubled.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use watchbell_protocol::{
    ActivityId, AnalysisId, Epoch, Event, NotificationId, Origin, Position, ProjectId, Room, RoomEvent, Seq, StateItem,
    StatePage, Tag, Text, UnixMillis, UserId,
    event::{
        Activity, ActivityKind, ActivityNew, AnalysisComplete, AnalysisIssues, AnalysisStarted, AnalysisState,
        Notification, NotificationCleared, NotificationNew, NotificationRead, Project, Selection,
    },
    frame::{Resync, ResyncReason},
};

use super::{Cache, Popups, tests::*};
use crate::{
    options::CacheLocation,
    popup::{News, Policy},
    view::NotificationFilter,
};

/// What a server does.
#[derive(Debug, Clone)]
enum Deed {
    Notify,
    Read(usize),
    ReadThrough(usize),
    ClearThrough(usize),
    Post,
    Start,
    Find(u8),
    Complete,
}

/// What the network and the machine do.
#[derive(Debug, Clone)]
enum Fate {
    /// A frame that begins `back` events before the position and has `count`.
    Frame { own: bool, back: usize, count: usize },
    /// A frame that leaves out `missing` events.
    Gap { own: bool, missing: usize },
    /// The program is killed and starts again.
    Crash,
    /// A rebuild, of which only so many pages arrive.
    Rebuild { own: bool, pages: usize },
}

/// What a room's events make.
#[derive(Debug, Clone, Default, PartialEq)]
struct Truth {
    notifications: BTreeMap<NotificationId, Notification>,
    activity: BTreeMap<ActivityId, Activity>,
    analyses: BTreeMap<AnalysisId, (AnalysisState, u32)>,
}

struct Server {
    user: UserId,
    project: ProjectId,
    journals: BTreeMap<Room, Vec<RoomEvent>>,
    running: Option<watchbell_protocol::event::Analysis>,
    issues: Vec<watchbell_protocol::event::Issue>,
}

impl Server {
    fn new() -> Self {
        Self {
            user: UserId::fresh(),
            project: ProjectId::fresh(),
            journals: BTreeMap::new(),
            running: None,
            issues: Vec::new(),
        }
    }

    fn room(&self, own: bool) -> Room {
        if own { Room::User(self.user) } else { Room::Project(self.project) }
    }

    fn journal(&self, room: Room) -> &[RoomEvent] {
        self.journals.get(&room).map_or(&[], Vec::as_slice)
    }

    fn write(&mut self, room: Room, event: impl Into<Event>) {
        let journal = self.journals.entry(room).or_default();
        let seq = Seq(journal.len() as i64 + 1);
        let tag = Some(Tag(seq.0 as u32 * 7));
        journal.push(RoomEvent {
            room,
            seq: Some(seq),
            tag,
            at: UnixMillis(seq.0),
            origin: Origin::Server,
            event: event.into(),
        });
    }

    fn position(seq: usize) -> Position {
        Position { epoch: Epoch(1), seq: Seq(seq as i64), tag: Tag(seq as u32 * 7) }
    }

    fn act(&mut self, deed: &Deed) {
        let (own, project) = (self.room(true), self.room(false));
        let next = Seq(self.journal(own).len() as i64 + 1);
        match *deed {
            Deed::Notify => {
                let notification = notification(next, Some(self.project));
                self.write(own, NotificationNew { notification });
            }
            Deed::Read(nth) => {
                let all: Vec<_> = self.truth(own, usize::MAX).notifications.into_keys().collect();
                if let Some(&id) = all.get(nth % all.len().max(1)) {
                    let which = Selection::Ids(vec![id].try_into().unwrap());
                    self.write(own, NotificationRead { which, at: UnixMillis(next.0) });
                }
            }
            Deed::ReadThrough(back) => {
                let which = Selection::Through(Seq((next.0 - back as i64).max(0)));
                self.write(own, NotificationRead { which, at: UnixMillis(next.0) });
            }
            Deed::ClearThrough(back) => {
                self.write(own, NotificationCleared { which: Selection::Through(Seq((next.0 - back as i64).max(0))) });
            }
            Deed::Post => {
                let activity = Activity {
                    id: ActivityId::fresh(),
                    project: self.project,
                    at: UnixMillis(next.0),
                    by: Origin::Server,
                    what: ActivityKind::ProjectAdded,
                };
                self.write(project, ActivityNew { activity });
            }
            Deed::Start => {
                let started = analysis(self.project, self.journal(project).len() as u32 + 1);
                self.issues.clear();
                self.running = Some(started.clone());
                self.write(project, AnalysisStarted { analysis: started });
            }
            Deed::Find(count) => {
                let Some(mut running) = self.running.clone() else { return };
                let found: Vec<_> = (0..count).map(|n| issue(&format!("{}-{n}", self.issues.len()))).collect();
                self.issues.extend(found.iter().cloned());
                running.counts = self.issues.iter().map(|issue| issue.severity).collect();
                let (id, counts) = (running.id, running.counts);
                self.running = Some(running);
                self.write(project, AnalysisIssues { analysis: id, issues: found.try_into().unwrap(), counts });
            }
            Deed::Complete => {
                let Some(mut ended) = self.running.take() else { return };
                ended.state = AnalysisState::Complete;
                self.write(project, AnalysisComplete { analysis: ended });
            }
        }
    }

    /// What the first `through` events of a room make.
    fn truth(&self, room: Room, through: usize) -> Truth {
        let mut truth = Truth::default();
        for event in self.journal(room).iter().take(through) {
            match &event.event {
                Event::NotificationNew(new) => {
                    truth.notifications.insert(new.notification.id, new.notification.clone());
                }
                Event::NotificationRead(read) => {
                    for notification in truth.notifications.values_mut() {
                        if notification.read_at.is_none() && selects(&read.which, notification) {
                            notification.read_at = Some(read.at);
                        }
                    }
                }
                Event::NotificationCleared(cleared) => {
                    truth.notifications.retain(|_, notification| !selects(&cleared.which, notification));
                }
                Event::ActivityNew(new) => {
                    truth.activity.insert(new.activity.id, new.activity.clone());
                }
                Event::AnalysisStarted(AnalysisStarted { analysis })
                | Event::AnalysisComplete(AnalysisComplete { analysis }) => {
                    truth.analyses.insert(analysis.id, (analysis.state, analysis.counts.total()));
                }
                Event::AnalysisIssues(found) => {
                    if let Some(analysis) = truth.analyses.get_mut(&found.analysis) {
                        analysis.1 = found.counts.total();
                    }
                }
                other => panic!("not in the model: {other:?}"),
            }
        }
        truth
    }

    /// The room's state at its head, in pages of two.
    fn pages(&self, room: Room) -> Vec<StatePage> {
        let truth = self.truth(room, usize::MAX);
        let mut items: Vec<StateItem> = Vec::new();
        if let Room::User(_) = room {
            items.push(StateItem::Project(project(self.project)));
        }
        items.extend(truth.notifications.into_values().map(StateItem::Notification));
        items.extend(truth.activity.into_values().map(StateItem::Activity));
        for event in self.journal(room) {
            if let Event::AnalysisStarted(started) = &event.event {
                let mut analysis = started.analysis.clone();
                let (state, total) = truth.analyses[&analysis.id];
                analysis.state = state;
                analysis.counts.high = total;
                items.push(StateItem::Analysis(analysis));
            }
        }
        let mut pages: Vec<StatePage> =
            items.chunks(2).map(|items| StatePage { items: items.to_vec(), last: false }).collect();
        pages.push(StatePage { items: Vec::new(), last: true });
        pages
    }
}

fn selects(which: &Selection, notification: &Notification) -> bool {
    match which {
        Selection::Ids(ids) => ids.contains(&notification.id),
        Selection::Through(seq) => notification.seq <= *seq,
    }
}

/// The client's side of the model: a cache in a file, which a crash closes without a farewell.
struct Device {
    folder: tempfile::TempDir,
    cache: Option<Cache>,
    taken: BTreeMap<Room, Vec<i64>>,
    rebuilt: BTreeSet<Room>,
    arrived: Vec<NotificationId>,
}

impl Device {
    async fn new() -> Self {
        let mut device = Self {
            folder: tempfile::tempdir().unwrap(),
            cache: None,
            taken: BTreeMap::new(),
            rebuilt: BTreeSet::new(),
            arrived: Vec::new(),
        };
        device.open().await;
        device
    }

    async fn open(&mut self) {
        self.cache = None;
        let location = CacheLocation::File(self.folder.path().join("cache.db"));
        self.cache = Some(Cache::open(&location).await.unwrap());
    }

    fn cache(&self) -> &Cache {
        self.cache.as_ref().unwrap()
    }

    async fn stands(&self, room: Room) -> Option<usize> {
        self.cache().position(room).await.unwrap().map(|position| position.seq.0 as usize)
    }

    async fn frame(&mut self, server: &Server, room: Room, from: usize, count: usize) {
        let events: Vec<RoomEvent> = server.journal(room).iter().skip(from).take(count).cloned().collect();
        let mut policy = Policy::default();
        let mut popups = popups(&mut policy);
        let applied = self.cache().apply(&events, Some(server.user), &mut popups).await.unwrap();
        let taken = applied.taken.iter().filter_map(|&index| events[index].seq).map(|seq| seq.0);
        self.taken.entry(room).or_default().extend(taken);
        self.arrived.extend(applied.touched.arrived.iter().map(|(notification, _)| notification.id));
    }

    async fn rebuild(&mut self, server: &Server, room: Room, pages: usize) {
        let head = Server::position(server.journal(room).len());
        let before = self.cache().position(room).await.unwrap();
        self.cache().begin_rebuild(room, &Resync { reason: ResyncReason::TooOld, head }).await.unwrap();
        self.rebuilt.insert(room);
        let all = server.pages(room);
        let complete = pages >= all.len();
        for page in all.iter().take(pages) {
            let mut policy = Policy::default();
            let mut popups = Popups { news: News::Missed, ..popups(&mut policy) };
            self.cache().apply_page(room, page, &mut popups).await.unwrap();
        }
        let after = self.cache().position(room).await.unwrap();
        assert_eq!(after, if complete { Some(head) } else { before }, "only the last page moves the position");
    }

    async fn suffer(&mut self, server: &Server, fate: &Fate) {
        match *fate {
            Fate::Frame { own, back, count } => {
                let room = server.room(own);
                if let Some(stands) = self.stands(room).await {
                    self.frame(server, room, stands.saturating_sub(back), count).await;
                }
            }
            Fate::Gap { own, missing } => {
                let room = server.room(own);
                let stands = self.stands(room).await;
                self.frame(server, room, stands.unwrap_or(0) + missing, 3).await;
                assert_eq!(self.stands(room).await, stands, "what does not follow is not applied");
            }
            Fate::Crash => self.open().await,
            Fate::Rebuild { own, pages } => self.rebuild(server, server.room(own), pages).await,
        }
    }

    /// Everything arrives in the end.
    async fn settle(&mut self, server: &Server) {
        for own in [true, false] {
            let room = server.room(own);
            match self.stands(room).await {
                None => self.rebuild(server, room, usize::MAX).await,
                Some(stands) => self.frame(server, room, stands, usize::MAX).await,
            }
        }
    }

    async fn truth(&self, server: &Server) -> Truth {
        let mut truth = Truth::default();
        let mut filter = NotificationFilter::default();
        loop {
            let page = self.cache().notifications(&filter).await.unwrap();
            filter.before = page.rows.last().map(|row| row.notification.seq);
            truth.notifications.extend(page.rows.into_iter().map(|row| (row.notification.id, row.notification)));
            if !page.more {
                break;
            }
        }
        if let Some(view) = self.cache().project(server.project).await.unwrap() {
            truth.activity.extend(view.activity.into_iter().map(|entry| (entry.id, entry)));
        }
        for event in server.journal(server.room(false)) {
            if let Event::AnalysisStarted(started) = &event.event
                && let Some(analysis) = self.cache().analysis(started.analysis.id).await.unwrap()
            {
                truth.analyses.insert(analysis.id, (analysis.state, analysis.counts.total()));
            }
        }
        truth
    }
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => Just(Deed::Notify),
        2 => (0..20usize).prop_map(Deed::Read),
        1 => (0..6usize).prop_map(Deed::ReadThrough),
        1 => (0..9usize).prop_map(Deed::ClearThrough),
        3 => Just(Deed::Post),
        2 => Just(Deed::Start),
        3 => (1..4u8).prop_map(Deed::Find),
        1 => Just(Deed::Complete),
    ]
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => (any::<bool>(), 0..4usize, 1..8usize).prop_map(|(own, back, count)| Fate::Frame { own, back, count }),
        2 => (any::<bool>(), 1..4usize).prop_map(|(own, missing)| Fate::Gap { own, missing }),
        1 => Just(Fate::Crash),
        2 => (any::<bool>(), 0..12usize).prop_map(|(own, pages)| Fate::Rebuild { own, pages }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(Vec<Deed>, Fate)>> {
    prop::collection::vec((prop::collection::vec(deeds(), 0..5), fates()), 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_is_doubled(first in any::<bool>(), steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut server, mut device) = (Server::new(), Device::new().await);
            if first {
                device.settle(&server).await;
            }
            for (deeds, fate) in &steps {
                for deed in deeds {
                    server.act(deed);
                }
                device.suffer(&server, fate).await;
            }
            device.settle(&server).await;

            let mut truth = server.truth(server.room(true), usize::MAX);
            let project = server.truth(server.room(false), usize::MAX);
            (truth.activity, truth.analyses) = (project.activity, project.analyses);
            prop_assert_eq!(device.truth(&server).await, truth);
            for taken in device.taken.values() {
                let once: BTreeSet<_> = taken.iter().collect();
                prop_assert_eq!(once.len(), taken.len(), "an event was applied twice: {:?}", taken);
            }
            let once: BTreeSet<_> = device.arrived.iter().collect();
            prop_assert_eq!(once.len(), device.arrived.len(), "a notification was decided upon twice");
            Ok(())
        })?;
    }
}

/// So that the project is in the list.
fn project(id: ProjectId) -> Project {
    Project { id, name: Text::clip("web"), created_at: UnixMillis(0) }
}
