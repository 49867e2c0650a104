//! Facts about the cache: what is kept, what goes, what this device's own commands make of it, and what happens to a
//! file that cannot be read.

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
    popup::Policy,
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
    Popups { policy, focused: false, catching_up: false, first_time: false, at }
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

#[tokio::test]
async fn what_this_device_asked_for_shows_at_once_and_is_marked_as_waiting() {
    let mut fixture = Fixture::new().await;
    let (first, second, third) = (fixture.notified().await, fixture.notified().await, fixture.notified().await);
    let ids = List::try_from(vec![second.id]).unwrap();
    fixture.asks(fixture.own(), NotificationReadCmd { ids }).await;
    assert_eq!(fixture.cache.unread().await.unwrap(), 2);
    fixture.asks(fixture.own(), NotificationReadAll { through: first.seq }).await;
    let page = fixture.cache.notifications(&NotificationFilter::default()).await.unwrap();
    let seen: Vec<_> =
        page.rows.iter().map(|row| (row.notification.id, row.notification.read_at.is_some(), row.waiting)).collect();
    assert_eq!(seen, [(third.id, false, false), (second.id, true, true), (first.id, true, true)]);
    assert_eq!((page.unread, page.newest), (1, third.seq));
    let unread = NotificationFilter { unread: true, before: None };
    assert_eq!(fixture.cache.notifications(&unread).await.unwrap().rows.len(), 1);
    assert_eq!(fixture.cache.projects().await.unwrap()[0].unread, 1);

    fixture.asks(fixture.own(), NotificationClear { through: second.seq }).await;
    let page = fixture.cache.notifications(&NotificationFilter::default()).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.unread, 1);
}

#[tokio::test]
async fn an_answered_command_stays_in_sight_until_its_event_is_here() {
    let mut fixture = Fixture::new().await;
    let notification = fixture.notified().await;
    let through = notification.seq;
    let id = fixture.asks(fixture.own(), NotificationReadAll { through }).await;
    let seq = fixture.next(fixture.own()).await;
    let answer = Answer { room: Some(fixture.own()), seq: Some(seq), started: None };
    fixture.cache.settle(id, &answer).await.unwrap();
    assert_eq!(fixture.cache.unread().await.unwrap(), 0, "no flicker between answer and event");
    assert_eq!(fixture.cache.waiting().await.unwrap(), 0);
    let read = NotificationRead { which: Selection::Through(through), at: UnixMillis(77) };
    fixture.happens(fixture.own(), read).await;
    assert_eq!(fixture.cache.unread().await.unwrap(), 0);
    let page = fixture.cache.notifications(&NotificationFilter::default()).await.unwrap();
    assert_eq!(page.rows[0].notification.read_at, Some(UnixMillis(77)), "the server's word counts");
    assert!(!page.rows[0].waiting);
}

#[tokio::test]
async fn a_rebuild_settles_commands_whose_event_it_skipped() {
    let mut fixture = Fixture::new().await;
    let notification = fixture.notified().await;
    let id = fixture.asks(fixture.own(), NotificationReadAll { through: notification.seq }).await;
    let answer = Answer { room: Some(fixture.own()), seq: Some(Seq(40)), started: None };
    fixture.cache.settle(id, &answer).await.unwrap();
    let unread_again = StateItem::Notification(notification);
    fixture.rebuild(fixture.own(), Seq(50), vec![unread_again]).await;
    assert_eq!(fixture.cache.unread().await.unwrap(), 1, "the server's state wins");
}

#[tokio::test]
async fn a_rebuild_sweeps_what_was_in_no_page_and_only_after_the_last() {
    let mut fixture = Fixture::new().await;
    let (kept, gone) = (fixture.notified().await, fixture.notified().await);
    let other = ProjectId::fresh();
    let head = Position { epoch: Epoch(2), seq: Seq(9), tag: Tag(3) };
    fixture.cache.begin_rebuild(fixture.own(), &Resync { reason: ResyncReason::Diverged, head }).await.unwrap();
    let items = vec![StateItem::Notification(kept.clone()), StateItem::Project(project(other, "api"))];
    let page = StatePage { items, last: false };
    fixture.cache.apply_page(fixture.own(), &page, &mut popups(&mut fixture.policy)).await.unwrap();
    assert_eq!(fixture.cache.notifications(&NotificationFilter::default()).await.unwrap().rows.len(), 2);
    assert_eq!(fixture.cache.position(fixture.own()).await.unwrap().unwrap().epoch, Epoch(1));

    let last = StatePage { items: Vec::new(), last: true };
    let applied = fixture.cache.apply_page(fixture.own(), &last, &mut popups(&mut fixture.policy)).await.unwrap();
    let rows = fixture.cache.notifications(&NotificationFilter::default()).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.notification.id).collect::<Vec<_>>(), [kept.id], "not {}", gone.id);
    assert_eq!(fixture.cache.position(fixture.own()).await.unwrap(), Some(head));
    assert_eq!(applied.left.into_iter().collect::<Vec<_>>(), [fixture.project]);
    assert_eq!(fixture.cache.project_ids().await.unwrap(), [other]);
    assert_eq!(fixture.cache.position(fixture.room()).await.unwrap(), None, "its room is wiped with it");
}

#[tokio::test]
async fn a_removed_member_keeps_nothing_of_the_project() {
    let mut fixture = Fixture::new().await;
    let started = analysis(fixture.project, 1);
    fixture.happens(fixture.room(), AnalysisStarted { analysis: started.clone() }).await;
    let removed = ProjectMemberRemoved { project: fixture.project, user: fixture.me };
    let applied = fixture.happens(fixture.own(), removed).await;
    assert!(applied.left.contains(&fixture.project));
    assert!(applied.touched.reset.contains(&fixture.project));
    assert_eq!(fixture.cache.project(fixture.project).await.unwrap(), None);
    assert_eq!(fixture.cache.analysis(started.id).await.unwrap(), None);
    let added = ProjectMemberAdded { project: project(fixture.project, "web"), member: member(fixture.me, "mia") };
    let applied = fixture.happens(fixture.own(), added).await;
    assert!(applied.entered.contains(&fixture.project));
    assert!(!fixture.cache.project(fixture.project).await.unwrap().unwrap().known, "it begins from the state");
}

#[tokio::test]
async fn an_unknown_event_moves_the_position() {
    let mut fixture = Fixture::new().await;
    let seq = fixture.next(fixture.room()).await;
    let event = RoomEvent {
        room: fixture.room(),
        seq: Some(seq),
        tag: Some(Tag(4)),
        at: UnixMillis(1),
        origin: Origin::Server,
        event: Event::Unknown,
    };
    let applied = fixture.cache.apply(&[event], Some(fixture.me), &mut popups(&mut fixture.policy)).await.unwrap();
    assert!(applied.gaps.is_empty());
    let expected = Position { epoch: Epoch(1), seq, tag: Tag(4) };
    assert_eq!(fixture.cache.position(fixture.room()).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn an_analysis_grows_with_its_events_and_its_end_closes_the_progress() {
    let mut fixture = Fixture::new().await;
    let mut run = analysis(fixture.project, 1);
    fixture.happens(fixture.room(), AnalysisStarted { analysis: run.clone() }).await;
    let progress = AnalysisProgress {
        analysis: run.id,
        percent: 40.0,
        left: TimeLeft::Unknown,
        detectors: List::default(),
        counts: Counts::default(),
        measured_at: UnixMillis(1),
    };
    fixture.happens(fixture.room(), progress.clone()).await;
    let counts = Counts { high: 2, ..Counts::default() };
    let issues = List::try_from(vec![issue("a"), issue("b")]).unwrap();
    fixture.happens(fixture.room(), AnalysisIssues { analysis: run.id, issues: issues.clone(), counts }).await;
    fixture.happens(fixture.room(), AnalysisIssues { analysis: run.id, issues, counts }).await;
    let view = fixture.cache.project(fixture.project).await.unwrap().unwrap();
    assert_eq!(view.progress, Some(progress));
    assert_eq!(view.project.run.unwrap().percent, Some(40.0));
    assert_eq!(view.analysis.unwrap().counts, counts);
    let page = fixture.cache.issues(run.id, &IssueFilter::default(), 0, 10).await.unwrap();
    assert_eq!((page.rows.len(), page.total), (2, 2), "a fingerprint reported again replaces");

    fixture.asks(fixture.room(), AnalysisCancel { analysis: run.id }).await;
    assert_eq!(fixture.cache.analysis(run.id).await.unwrap().unwrap().state, AnalysisState::Cancelling);

    (run.state, run.counts) = (AnalysisState::Complete, counts);
    fixture.happens(fixture.room(), AnalysisComplete { analysis: run.clone() }).await;
    let view = fixture.cache.project(fixture.project).await.unwrap().unwrap();
    assert_eq!((view.progress, view.trend), (None, vec![2]));
    assert_eq!(view.analysis, Some(run));
}

#[tokio::test]
async fn issues_come_worst_first_and_are_filtered() {
    let mut fixture = Fixture::new().await;
    let run = analysis(fixture.project, 1);
    fixture.happens(fixture.room(), AnalysisStarted { analysis: run.clone() }).await;
    let made = |fingerprint: &str, severity, path: &str, line| Issue {
        severity,
        path: Text::clip(path),
        line,
        ..issue(fingerprint)
    };
    let issues = vec![
        made("a", Severity::Low, "b.py", 1),
        made("b", Severity::Critical, "z.py", 9),
        made("c", Severity::Critical, "z.py", 10),
        Issue {
            detector: Text::clip("eslint"),
            message: Text::clip("No Console"),
            ..made("d", Severity::Low, "a.js", 5)
        },
    ];
    let counts = Counts::default();
    let issues = List::try_from(issues).unwrap();
    fixture.happens(fixture.room(), AnalysisIssues { analysis: run.id, issues, counts }).await;
    let found = async |filter: IssueFilter, offset, limit| {
        let page = fixture.cache.issues(run.id, &filter, offset, limit).await.unwrap();
        let names: String = page.rows.iter().map(|issue| issue.fingerprint.to_string()).collect();
        (names, page.total)
    };
    assert_eq!(found(IssueFilter::default(), 0, 10).await, ("bcda".to_owned(), 4));
    assert_eq!(found(IssueFilter::default(), 1, 2).await, ("cd".to_owned(), 4));
    let severities = vec![Severity::Low];
    assert_eq!(found(IssueFilter { severities, ..IssueFilter::default() }, 0, 10).await.0, "da");
    let detector = Some("ruff".to_owned());
    assert_eq!(found(IssueFilter { detector, ..IssueFilter::default() }, 0, 10).await.0, "bca");
    for text in ["CONSOLE", "a.JS"] {
        let text = Some(text.to_owned());
        assert_eq!(found(IssueFilter { text, ..IssueFilter::default() }, 0, 10).await, ("d".to_owned(), 1));
    }
    let text = Some("100%".to_owned());
    assert_eq!(found(IssueFilter { text, ..IssueFilter::default() }, 0, 10).await.1, 0);
}

#[tokio::test]
async fn people_are_online_first_and_an_offline_one_was_last_seen() {
    let mut fixture = Fixture::new().await;
    let (ada, zoe) = (UserId::fresh(), UserId::fresh());
    for (user, name) in [(ada, "ada"), (zoe, "zoe")] {
        let added = ProjectMemberAdded { project: project(fixture.project, "web"), member: member(user, name) };
        fixture.happens(fixture.room(), added).await;
    }
    let device = Device { id: DeviceId::fresh(), kind: DeviceKind::Cli, status: Status::Online };
    for (user, status, since, devices) in
        [(zoe, Status::Online, 20, vec![device]), (ada, Status::Offline, 30, Vec::new())]
    {
        let devices = List::try_from(devices).unwrap();
        let presence = Presence { user, status, since: UnixMillis(since), devices, viewing: None };
        fixture.happens(fixture.room(), PresenceChanged { presence }).await;
    }
    let people = fixture.cache.people(fixture.project).await.unwrap();
    let seen: Vec<_> = people.iter().map(|person| (person.name.as_str(), person.status, person.last_seen)).collect();
    assert_eq!(
        seen,
        [
            ("zoe", Status::Online, None),
            ("ada", Status::Offline, Some(UnixMillis(30))),
            ("mia", Status::Offline, Some(UnixMillis(5))),
        ]
    );
    assert_eq!(people[0].devices, [DeviceKind::Cli]);
    fixture.cache.board_value_gone(fixture.room(), "presence:changed", &zoe.to_string()).await.unwrap();
    assert_eq!(fixture.cache.people(fixture.project).await.unwrap()[0].name, "ada");
}

#[tokio::test]
async fn only_the_newest_analyses_and_the_issues_of_three_are_kept() {
    let mut fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for number in 1..=53 {
        let run = analysis(fixture.project, number);
        ids.push(run.id);
        fixture.happens(fixture.room(), AnalysisStarted { analysis: run.clone() }).await;
        let issues = List::try_from(vec![issue("a")]).unwrap();
        let counts = Counts::default();
        fixture.happens(fixture.room(), AnalysisIssues { analysis: run.id, issues, counts }).await;
    }
    let mut known = 0;
    let mut with_issues = 0;
    for &id in &ids {
        known += u32::from(fixture.cache.analysis(id).await.unwrap().is_some());
        with_issues += fixture.cache.issues(id, &IssueFilter::default(), 0, 10).await.unwrap().total;
    }
    assert_eq!((known, with_issues), (50, 3));
}

#[tokio::test]
async fn a_notification_is_decided_upon_once_and_what_was_missed_is_counted_once() {
    let mut fixture = Fixture::new().await;
    let new = notification(fixture.next(fixture.own()).await, None);
    let applied = fixture.happens(fixture.own(), NotificationNew { notification: new.clone() }).await;
    assert_eq!(applied.touched.arrived, [(new.clone(), Shown::Popup)]);
    let applied = fixture.rebuild(fixture.own(), Seq(9), vec![StateItem::Notification(new)]).await;
    assert!(applied.touched.arrived.is_empty(), "a rebuild shows nothing again");

    let (unread, read) = (notification(Seq(10), None), notification(Seq(11), None));
    for new in [&unread, &read] {
        let mut policy = Policy::default();
        let mut popups = Popups { catching_up: true, ..popups(&mut policy) };
        let event = RoomEvent {
            room: fixture.own(),
            seq: Some(new.seq),
            tag: Some(Tag(1)),
            at: UnixMillis(1),
            origin: Origin::Server,
            event: NotificationNew { notification: new.clone() }.into(),
        };
        let applied = fixture.cache.apply(&[event], Some(fixture.me), &mut popups).await.unwrap();
        assert!(applied.touched.arrived.is_empty());
    }
    let which = Selection::Ids(List::try_from(vec![read.id]).unwrap());
    fixture.happens(fixture.own(), NotificationRead { which, at: UnixMillis(1) }).await;
    assert_eq!(fixture.cache.take_missed().await.unwrap(), 1, "read elsewhere counts for nothing");
    assert_eq!(fixture.cache.take_missed().await.unwrap(), 0);
}

#[tokio::test]
async fn a_new_device_shows_nothing_of_what_was_before_it() {
    let mut fixture = Fixture { cache: Cache::open(&CacheLocation::Memory).await.unwrap(), ..Fixture::new().await };
    fixture.rebuild(fixture.own(), Seq(9), vec![StateItem::Notification(notification(Seq(3), None))]).await;
    assert_eq!(fixture.cache.take_missed().await.unwrap(), 0);
    assert_eq!(fixture.cache.unread().await.unwrap(), 1);
}

#[tokio::test]
async fn another_account_finds_nothing_of_the_first() {
    let mut fixture = Fixture::new().await;
    assert!(!fixture.cache.claim("mia").await.unwrap());
    let notification = fixture.notified().await;
    fixture.asks(fixture.own(), NotificationReadAll { through: notification.seq }).await;
    assert!(!fixture.cache.claim("mia").await.unwrap());
    assert_eq!(fixture.cache.waiting().await.unwrap(), 1);
    assert!(fixture.cache.claim("noah").await.unwrap());
    assert_eq!(fixture.cache.waiting().await.unwrap(), 0);
    assert!(fixture.cache.projects().await.unwrap().is_empty());
    assert!(fixture.cache.positions().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_command_larger_than_a_frame_or_not_durable_is_refused_before_it_is_queued() {
    let fixture = Fixture::new().await;
    let big = Issue { message: Text::clip("x".repeat(4000)), ..issue("a") };
    let issues = List::try_from(vec![big; 400]).unwrap();
    let items = List::try_from(vec![watchbell_protocol::command::ReportItem::Issues(issues)]).unwrap();
    let report = watchbell_protocol::command::AnalysisReport { analysis: AnalysisId::fresh(), items };
    let error = outbox::enqueue(&fixture.cache, CommandId::fresh(), None, &report.into()).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge { .. }), "{error}");
    let presence = watchbell_protocol::command::PresenceUpdate { status: Status::Online, viewing: None };
    let error = outbox::enqueue(&fixture.cache, CommandId::fresh(), None, &presence.into()).await.unwrap_err();
    assert!(matches!(error, SendError::NotDurable("presence:update")), "{error}");
    assert_eq!(fixture.cache.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_outbox_says_so() {
    let fixture = Fixture::new().await;
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO outbox (id, name, bytes, alone, frame) SELECT 'id' || i, 'notify', 10, 0, '{}' FROM n",
    )
    .execute(&mut *fixture.cache.writer().await.unwrap())
    .await
    .unwrap();
    let all = NotificationReadAll { through: Seq(1) };
    let error = outbox::enqueue(&fixture.cache, CommandId::fresh(), None, &all.into()).await.unwrap_err();
    assert!(matches!(error, SendError::Full { rows: 10_000, .. }), "{error}");
}

#[tokio::test]
async fn everything_survives_a_restart_and_only_one_client_has_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let location = CacheLocation::File(folder.path().join("deep/er/cache.db"));
    let mut fixture = Fixture::on(&location).await;
    let notification = fixture.notified().await;
    fixture.asks(fixture.own(), NotificationReadAll { through: notification.seq }).await;
    assert!(matches!(Cache::open(&location).await, Err(OpenError::InUse(_))));
    let position = fixture.cache.position(fixture.own()).await.unwrap();
    fixture.cache.close().await;

    let cache = Cache::open(&location).await.unwrap();
    assert_eq!(cache.waiting().await.unwrap(), 1);
    assert_eq!(cache.queued(0, 10).await.unwrap().len(), 1);
    assert_eq!(cache.unread().await.unwrap(), 0);
    assert_eq!(cache.position(Room::User(fixture.me)).await.unwrap(), position);
}

fn damage(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let end = (at + 4096).min(bytes.len());
    bytes[at..end].fill(0x5a);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_damaged_cache_is_kept_aside_and_begun_anew() {
    for at in [0, 8192] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let location = CacheLocation::File(path.clone());
        let mut fixture = Fixture::on(&location).await;
        fixture.notified().await;
        fixture.cache.close().await;
        // As after a crash: the next start looks at every page.
        let cache = Cache::open(&location).await.unwrap();
        cache.readers.close().await;
        cache.writer.close().await;
        drop(cache);
        damage(&path, at);

        let cache = Cache::open(&location).await.unwrap();
        assert!(cache.positions().await.unwrap().is_empty(), "damaged at {at}");
        assert_eq!(cache.unread().await.unwrap(), 0);
        assert!(folder.path().join("cache.db.damaged").exists());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let _cache = Cache::open(&CacheLocation::File(path.clone())).await.unwrap();
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o077, 0);
}
