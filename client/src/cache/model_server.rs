//! The server of the model: a journal per room, and what its events make, computed the slow and obvious way.

use std::collections::BTreeMap;

use watchbell_protocol::{
    ActivityId, AnalysisId, Epoch, Event, NotificationId, Origin, Position, ProjectId, Room, RoomEvent, Seq, StateItem,
    StatePage, Tag, Text, UnixMillis, UserId,
    event::{
        Activity, ActivityKind, ActivityNew, Analysis, AnalysisComplete, AnalysisIssues, AnalysisStarted,
        AnalysisState, Issue, Notification, NotificationCleared, NotificationNew, NotificationRead, Project, Selection,
    },
};

use super::tests::{analysis, issue, notification};

/// What a server does.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    Notify,
    Read(usize),
    ReadThrough(usize),
    ClearThrough(usize),
    Post,
    Start,
    Find(u8),
    Complete,
}

/// What a room's events make.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Truth {
    pub(super) notifications: BTreeMap<NotificationId, Notification>,
    pub(super) activity: BTreeMap<ActivityId, Activity>,
    pub(super) analyses: BTreeMap<AnalysisId, (AnalysisState, u32)>,
}

pub(super) struct Server {
    pub(super) user: UserId,
    pub(super) project: ProjectId,
    journals: BTreeMap<Room, Vec<RoomEvent>>,
    running: Option<Analysis>,
    issues: Vec<Issue>,
}

impl Server {
    pub(super) fn new() -> Self {
        Self {
            user: UserId::fresh(),
            project: ProjectId::fresh(),
            journals: BTreeMap::new(),
            running: None,
            issues: Vec::new(),
        }
    }

    pub(super) fn room(&self, own: bool) -> Room {
        if own { Room::User(self.user) } else { Room::Project(self.project) }
    }

    pub(super) fn journal(&self, room: Room) -> &[RoomEvent] {
        self.journals.get(&room).map_or(&[], Vec::as_slice)
    }

    pub(super) fn write(&mut self, room: Room, event: impl Into<Event>) {
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

    pub(super) fn position(seq: usize) -> Position {
        Position { epoch: Epoch(1), seq: Seq(seq as i64), tag: Tag(seq as u32 * 7) }
    }

    pub(super) fn act(&mut self, deed: &Deed) {
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
    pub(super) fn truth(&self, room: Room, through: usize) -> Truth {
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
    pub(super) fn pages(&self, room: Room) -> Vec<StatePage> {
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

/// So that the project is in the list.
fn project(id: ProjectId) -> Project {
    Project { id, name: Text::clip("web"), created_at: UnixMillis(0) }
}
