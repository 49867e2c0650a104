//! The cache against a model: whatever order frames, duplicates, gaps, crashes and rebuilds come in, nothing is lost and
//! nothing is doubled.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use watchbell_protocol::{
    Event, NotificationId, Room, RoomEvent,
    frame::{Resync, ResyncReason},
};

use super::{
    Cache, Popups,
    model_server::{Deed, Server, Truth},
    tests::popups,
};
use crate::{
    options::CacheLocation,
    popup::{News, Policy},
    view::NotificationFilter,
};

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
