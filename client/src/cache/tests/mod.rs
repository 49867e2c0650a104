//! Facts about the cache. Here: what the tests in the files beside this one begin with.

mod commands;
mod files;
mod rooms;
mod views;

use std::{fs, path::Path};

use watchbell_protocol::{
    AnalysisId, Answer, CommandId, DeviceId, Epoch, Event, List, NotificationId, Origin, Position, ProjectId, Room,
    RoomEvent, Seq, StateItem, StatePage, Tag, Text, UnixMillis, UserId,
    command::{AnalysisCancel, NotificationClear, NotificationReadAll, NotificationReadCmd},
    event::{
        Analysis, AnalysisComplete, AnalysisIssues, AnalysisProgress, AnalysisStarted, AnalysisState, Counts, Device,
        DeviceKind, Issue, Level, Member, Notification, NotificationKind, NotificationNew, NotificationRead, Presence,
        PresenceChanged, Project, ProjectMemberAdded, ProjectMemberRemoved, Role, Selection, Severity, Status,
        TimeLeft,
    },
    frame::{Resync, ResyncReason},
};

use super::{Applied, Cache, Popups};
use crate::{
    change::Shown,
    client::OpenError,
    options::CacheLocation,
    outbox::{self, SendError},
    popup::{News, Policy},
    session::Moment,
    view::{IssueFilter, NotificationFilter},
};

pub(super) fn notification(seq: Seq, project: Option<ProjectId>) -> Notification {
    Notification {
        id: NotificationId::fresh(),
        seq,
        kind: NotificationKind::Notice,
        level: Level::Info,
        title: Text::clip(format!("notice {}", seq.0)),
        body: Text::default(),
        project,
        link: None,
        at: UnixMillis(seq.0),
        read_at: None,
    }
}

pub(super) fn analysis(project: ProjectId, number: u32) -> Analysis {
    Analysis {
        id: AnalysisId::fresh(),
        project,
        number,
        state: AnalysisState::Running,
        started_by: Origin::Server,
        runner: Text::clip("ci"),
        root: Text::clip("web"),
        branch: None,
        revision: None,
        files: 3,
        started_at: UnixMillis(1),
        ended_at: None,
        detectors: List::default(),
        counts: Counts::default(),
        usual_ms: None,
        reason: None,
    }
}

pub(super) fn issue(fingerprint: &str) -> Issue {
    Issue {
        fingerprint: Text::clip(fingerprint),
        detector: Text::clip("ruff"),
        rule: Text::clip("F401"),
        severity: Severity::High,
        message: Text::clip("imported but unused"),
        path: Text::clip("src/app.py"),
        line: 1,
        column: None,
        end_line: None,
        help: None,
    }
}

pub(super) fn popups(policy: &mut Policy) -> Popups<'_> {
    let at = Moment { mono: std::time::Duration::ZERO, wall: UnixMillis(1), jitter: 0.5 };
    Popups { policy, focused: false, news: News::Live, at }
}

fn project(id: ProjectId, name: &str) -> Project {
    Project { id, name: Text::clip(name), created_at: UnixMillis(0) }
}

fn member(user: UserId, name: &str) -> Member {
    let (name, display_name) = (Text::clip(name), Text::clip(name.to_uppercase()));
    Member { user, name, display_name, role: Role::Member, last_seen: Some(UnixMillis(5)) }
}

/// A cache in memory that is in step with a member's room and a project's.
struct Fixture {
    cache: Cache,
    policy: Policy,
    me: UserId,
    project: ProjectId,
}

impl Fixture {
    async fn new() -> Self {
        Self::on(&CacheLocation::Memory).await
    }

    async fn on(location: &CacheLocation) -> Self {
        let cache = Cache::open(location).await.unwrap();
        let (me, project) = (UserId::fresh(), ProjectId::fresh());
        let mut fixture = Self { cache, policy: Policy::default(), me, project };
        fixture.rebuild(fixture.own(), Seq(0), vec![StateItem::Project(self::project(project, "web"))]).await;
        fixture.rebuild(fixture.room(), Seq(0), vec![StateItem::Member(member(me, "mia"))]).await;
        fixture
    }

    fn own(&self) -> Room {
        Room::User(self.me)
    }

    fn room(&self) -> Room {
        Room::Project(self.project)
    }

    async fn rebuild(&mut self, room: Room, head: Seq, items: Vec<StateItem>) -> Applied {
        let head = Position { epoch: Epoch(1), seq: head, tag: Tag(0) };
        self.cache.begin_rebuild(room, &Resync { reason: ResyncReason::New, head }).await.unwrap();
        let page = StatePage { items, last: true };
        self.cache.apply_page(room, &page, &mut popups(&mut self.policy)).await.unwrap()
    }

    async fn next(&self, room: Room) -> Seq {
        self.cache.position(room).await.unwrap().unwrap().seq.next()
    }

    async fn happens(&mut self, room: Room, event: impl Into<Event>) -> Applied {
        let (event, seq) = (event.into(), self.next(room).await);
        let durable = event.class() == watchbell_protocol::Class::Durable;
        let event = RoomEvent {
            room,
            seq: durable.then_some(seq),
            tag: durable.then_some(Tag(9)),
            at: UnixMillis(seq.0),
            origin: Origin::Server,
            event,
        };
        self.cache.apply(&[event], Some(self.me), &mut popups(&mut self.policy)).await.unwrap()
    }

    async fn notified(&mut self) -> Notification {
        let new = notification(self.next(self.own()).await, Some(self.project));
        self.happens(self.own(), NotificationNew { notification: new.clone() }).await;
        new
    }

    async fn asks(&self, room: Room, command: impl Into<watchbell_protocol::Command>) -> CommandId {
        let id = CommandId::fresh();
        outbox::enqueue(&self.cache, id, Some(room), &command.into()).await.unwrap();
        id
    }
}
