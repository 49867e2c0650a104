//! The fan-out against a journal in memory: no gap, no double, whoever joins when and however slow.

use proptest::prelude::*;
use tungstenite::Utf8Bytes;
use watchbell_protocol::{
    AnalysisId, Event, List, Origin, ProjectId, ServerFrame, Tag, Text, UnixMillis,
    event::{
        Analysis, AnalysisComplete, AnalysisProgress, AnalysisState, Counts, DetectorProgress, DetectorState,
        NotificationCleared, Presence, PresenceChanged, Selection, Status, TimeLeft,
    },
    limits,
};

use super::*;
use crate::metrics::Deliveries;
use crate::ws::outbox::{Again, Out};

/// A room with its journal, some of which was sent out, and members that read and listen.
struct World {
    hub: Hub,
    room: Room,
    journal: Vec<Entry>,
    sent_out: usize,
    members: Vec<Receiver>,
    analysis: AnalysisId,
    value: u32,
}

struct Receiver {
    id: ConnectionId,
    outbox: Arc<Outbox>,
    since: Seq,
    /// Where it reads; `None` while it is live.
    reading: Option<Mark>,
    got: Vec<i64>,
    /// The value that it knows, and the largest one that it knew.
    shows: (f32, f32),
}

#[derive(Debug, Clone)]
enum Step {
    /// So many events are committed.
    Commit(usize),
    /// So many committed events are sent out.
    SendOut(usize),
    /// Somebody joins with a position this far back.
    Join(usize),
    /// A member that reads takes a page of at most so many, or lands.
    Read(usize, usize),
    /// A member's socket takes about so many bytes.
    Take(usize, usize),
    /// A value on the board changes so often.
    Change(usize),
    /// A member's write has been under way for long.
    Late(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..400usize).prop_map(Step::Commit),
        (1..600usize).prop_map(Step::SendOut),
        (0..50usize).prop_map(Step::Join),
        (0..8usize, 1..64usize).prop_map(|(member, rows)| Step::Read(member, rows)),
        (0..8usize, 1..40_000usize).prop_map(|(member, bytes)| Step::Take(member, bytes)),
        (1..4usize).prop_map(Step::Change),
        (0..8usize).prop_map(Step::Late),
    ]
}

impl Receiver {
    fn hear(&mut self, event: &RoomEvent) {
        self.got.extend(event.seq.map(|seq| seq.0));
        if let Event::AnalysisProgress(progress) = &event.event {
            self.shows = (progress.percent, self.shows.1.max(progress.percent));
        }
    }
}

impl World {
    fn new() -> Self {
        let room = Room::User(UserId::fresh());
        let (hub, analysis) = (Hub::new(Epoch(1)), AnalysisId::fresh());
        Self { hub, room, journal: Vec::new(), sent_out: 0, members: Vec::new(), analysis, value: 0 }
    }

    fn commit(&mut self) {
        let seq = Seq(self.journal.len() as i64 + 1);
        self.journal.push(entry(self.room, seq, cleared(seq)));
    }

    fn send_out(&mut self) {
        if let Some(entry) = self.journal.get(self.sent_out) {
            self.hub.publish(entry);
            self.sent_out += 1;
        }
    }

    fn join(&mut self, back: usize) {
        let since = Seq(self.journal.len().saturating_sub(back) as i64);
        let (id, outbox) = (ConnectionId::fresh(), Arc::new(Outbox::new(Deliveries::off())));
        self.hub.enter(self.room, id, outbox.clone(), None, Looking::default());
        let mark = Mark { seq: since, tag: Tag(0) };
        self.members.push(Receiver { id, outbox, since, reading: Some(mark), got: Vec::new(), shows: (0.0, 0.0) });
    }

    /// What `ws::catch_up` does, against a journal in memory.
    fn read(&mut self, member: usize, rows: usize) {
        let Some(receiver) = self.members.get_mut(member) else { return };
        let Some(mut at) = receiver.reading else { return };
        if let Some(Again::After(mark)) = receiver.outbox.take_behind(self.room) {
            at = mark;
        }
        let page: Vec<&Entry> = self.journal.iter().skip(at.seq.0 as usize).take(rows).collect();
        let Some(last) = page.last() else {
            if self.hub.land(self.room, receiver.id, at) == Landing::Live {
                receiver.reading = None;
            }
            return;
        };
        let texts: Vec<Utf8Bytes> = page.iter().map(|entry| entry.text.clone()).collect();
        assert!(self.hub.page(self.room, receiver.id, frames::batch(&texts).into()));
        receiver.reading = Some(last.mark);
    }

    fn take(&mut self, member: usize, bytes: usize) {
        let Some(receiver) = self.members.get_mut(member) else { return };
        for out in receiver.outbox.take(bytes).outs {
            let Out::Text(text) = out else { continue };
            match ServerFrame::parse(&text).unwrap() {
                ServerFrame::Event(event) => receiver.hear(&event),
                ServerFrame::Batch(events) | ServerFrame::Board { board: events, .. } => {
                    for event in &events {
                        receiver.hear(event);
                    }
                }
                _ => {}
            }
        }
        receiver.outbox.wrote();
        self.read_again(member);
    }

    /// What `ws::driver::catching_up` does.
    fn read_again(&mut self, member: usize) {
        let receiver = &mut self.members[member];
        if receiver.reading.is_none() {
            receiver.reading = self.hub.read_again(self.room, receiver.id);
        }
    }

    /// A value changes that everybody has to know in the end.
    fn change(&mut self) {
        self.value += 1;
        self.hub.emit(&progress(self.room, self.analysis, self.value as f32 / 100.0));
    }

    fn late(&mut self, member: usize) {
        if let Some(receiver) = self.members.get(member) {
            receiver.outbox.late();
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Commit(count) => (0..count).for_each(|_| self.commit()),
            Step::SendOut(count) => (0..count).for_each(|_| self.send_out()),
            Step::Join(back) => self.join(back),
            Step::Read(member, rows) => self.read(member, rows),
            Step::Take(member, bytes) => self.take(member, bytes),
            Step::Change(times) => (0..times).for_each(|_| self.change()),
            Step::Late(member) => self.late(member),
        }
    }

    /// Lets everything that is under way come to its end.
    fn settle(&mut self) {
        while self.sent_out < self.journal.len() {
            self.send_out();
        }
        for member in 0..self.members.len() {
            self.read_again(member);
            self.take(member, usize::MAX);
            while self.members[member].reading.is_some() {
                self.read(member, 64);
                self.take(member, usize::MAX);
            }
        }
    }
}

fn cleared(seq: Seq) -> Event {
    NotificationCleared { which: Selection::Through(seq) }.into()
}

fn entry(room: Room, seq: Seq, event: Event) -> Entry {
    let mark = Mark { seq, tag: Tag(seq.0 as u32) };
    let event =
        RoomEvent { room, seq: Some(seq), tag: Some(mark.tag), at: UnixMillis(0), origin: Origin::Server, event };
    Entry { id: seq.0, mark, text: frames::event(&event), event }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whoever joins, whenever, however slow: each event after its position, once, in order, and the newest value.
    #[test]
    fn every_member_gets_every_event_once_and_in_order(steps in proptest::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        for receiver in &world.members {
            let expected: Vec<i64> = (receiver.since.0 + 1..=world.journal.len() as i64).collect();
            prop_assert_eq!(&receiver.got, &expected);
            let value = world.value as f32 / 100.0;
            prop_assert_eq!(receiver.shows, (value, value), "the newest value, and never an older one over it");
        }
    }
}

fn texts(outbox: &Outbox) -> Vec<String> {
    let outs = outbox.take(usize::MAX).outs.into_iter();
    outs.filter_map(|out| if let Out::Text(text) = out { Some(text.to_string()) } else { None }).collect()
}

/// A member that has landed at `seq`; its board and `caught_up` still wait.
fn landed(hub: &Hub, room: Room, user: Option<UserId>, seq: i64) -> (ConnectionId, Arc<Outbox>) {
    let (id, outbox) = (ConnectionId::fresh(), Arc::new(Outbox::new(Deliveries::off())));
    hub.enter(room, id, outbox.clone(), user, Looking::default());
    assert!(hub.admit(room, id, Seq::ZERO));
    assert_eq!(hub.land(room, id, Mark { seq: Seq(seq), tag: Tag(seq as u32) }), Landing::Live);
    (id, outbox)
}

fn momentary(room: Room, event: Event) -> RoomEvent {
    RoomEvent { room, seq: None, tag: None, at: UnixMillis(0), origin: Origin::Server, event }
}

fn progress(room: Room, analysis: AnalysisId, percent: f32) -> RoomEvent {
    let progress = AnalysisProgress {
        analysis,
        percent,
        left: TimeLeft::Unknown,
        detectors: List::default(),
        counts: Counts::default(),
        measured_at: UnixMillis(0),
    };
    momentary(room, progress.into())
}

fn complete(project: ProjectId, id: AnalysisId) -> Entry {
    let analysis = Analysis {
        id,
        project,
        number: 1,
        state: AnalysisState::Complete,
        started_by: Origin::Server,
        runner: Text::clip("forge"),
        root: Text::clip("web"),
        branch: None,
        revision: None,
        files: 0,
        started_at: UnixMillis(0),
        ended_at: Some(UnixMillis(1)),
        detectors: List::default(),
        counts: Counts::default(),
        usual_ms: None,
        reason: None,
    };
    entry(Room::Project(project), Seq(1), AnalysisComplete { analysis }.into())
}

#[test]
fn the_end_of_an_analysis_takes_its_progress_from_the_board_and_from_outboxes() {
    let (hub, project, analysis) = (Hub::new(Epoch(1)), ProjectId::fresh(), AnalysisId::fresh());
    let room = Room::Project(project);
    let (_, outbox) = landed(&hub, room, None, 0);
    let _ = texts(&outbox);
    hub.emit(&progress(room, analysis, 97.0));
    hub.publish(&complete(project, analysis));
    let got = texts(&outbox);
    assert_eq!(got.len(), 1, "only the end: {got:?}");
    let (_, late) = landed(&hub, room, None, 1);
    assert!(texts(&late)[0].contains(r#""board":[]"#));
}

#[test]
fn who_read_the_end_before_it_was_sent_out_is_told_that_the_progress_is_gone() {
    let (hub, project, analysis) = (Hub::new(Epoch(1)), ProjectId::fresh(), AnalysisId::fresh());
    let room = Room::Project(project);
    hub.emit(&progress(room, analysis, 97.0));
    let (_, outbox) = landed(&hub, room, None, 1);
    assert!(texts(&outbox)[0].contains("97"), "the board still had it");
    hub.publish(&complete(project, analysis));
    let got = texts(&outbox);
    assert!(got.len() == 1 && got[0].contains(r#""gone""#), "{got:?}");
}

#[test]
fn an_expelled_member_gets_left_and_nothing_that_waited() {
    let (hub, room, user) = (Hub::new(Epoch(1)), Room::Project(ProjectId::fresh()), UserId::fresh());
    let (id, outbox) = landed(&hub, room, Some(user), 0);
    hub.publish(&entry(room, Seq(1), cleared(Seq(1))));
    hub.expel(room, user, Seq(1));
    hub.publish(&entry(room, Seq(2), cleared(Seq(2))));
    let got = texts(&outbox);
    assert!(got.len() == 1 && got[0].contains(r#""left""#), "{got:?}");
    assert!(!hub.page(room, id, Utf8Bytes::from("late").into()));
}

#[test]
fn a_removal_that_is_sent_out_after_a_new_admission_removes_nobody() {
    let (hub, room, user) = (Hub::new(Epoch(1)), Room::Project(ProjectId::fresh()), UserId::fresh());
    for (admitted, stays) in [(Seq(7), true), (Seq(3), false)] {
        let (checked, unchecked) = (ConnectionId::fresh(), ConnectionId::fresh());
        for id in [checked, unchecked] {
            hub.enter(room, id, Arc::new(Outbox::new(Deliveries::off())), Some(user), Looking::default());
        }
        hub.admit(room, checked, admitted);
        hub.expel(room, user, Seq(5));
        assert_eq!(hub.page(room, checked, Utf8Bytes::from("page").into()), stays);
        assert_eq!(hub.admit(room, unchecked, admitted), stays);
        hub.leave(room, checked);
    }
}

#[test]
fn a_diff_is_one_frame_and_who_went_is_not_on_the_board() {
    let (hub, room) = (Hub::new(Epoch(1)), Room::Project(ProjectId::fresh()));
    let (_, outbox) = landed(&hub, room, None, 0);
    let _ = texts(&outbox);
    let presence = |status| {
        let (user, since, devices) = (UserId::fresh(), UnixMillis(0), List::default());
        let presence = Presence { user, status, since, devices, viewing: None };
        momentary(room, PresenceChanged { presence }.into())
    };
    let came = (presence(Status::Online), Lasts::UntilReplaced);
    let went = (presence(Status::Offline), Lasts::NotAtAll);
    hub.change(room, &[came, went]);
    let got = texts(&outbox);
    assert!(got.len() == 1 && got[0].starts_with(r#"{"batch":["#), "{got:?}");
    let (_, late) = landed(&hub, room, None, 0);
    let board = texts(&late)[0].clone();
    assert!(board.contains("online") && !board.contains("offline"), "{board}");
}

#[test]
fn a_large_diff_comes_in_frames_that_fit_and_whole() {
    let (hub, room) = (Hub::new(Epoch(1)), Room::Project(ProjectId::fresh()));
    let (_, outbox) = landed(&hub, room, None, 0);
    let _ = texts(&outbox);
    let presence = || {
        let (user, since, devices) = (UserId::fresh(), UnixMillis(0), List::default());
        let presence = Presence { user, status: Status::Online, since, devices, viewing: None };
        (momentary(room, PresenceChanged { presence }.into()), Lasts::UntilReplaced)
    };
    let everybody: Vec<_> = (0..900).map(|_| presence()).collect();
    hub.change(room, &everybody);
    let texts = texts(&outbox);
    assert!(texts.len() > 1 && texts.iter().all(|text| text.len() < limits::FRAME_BYTES / 2), "{}", texts.len());
    assert_eq!(texts.concat().matches(r#""event":"presence:changed""#).count(), 900);
}

#[test]
fn a_large_board_comes_in_frames_that_fit_and_whole() {
    let (hub, room) = (Hub::new(Epoch(1)), Room::Project(ProjectId::fresh()));
    let detector = |number: usize| DetectorProgress {
        name: Text::clip(format!("{}{number}", "\u{1}".repeat(100))),
        state: DetectorState::Running,
        percent: None,
        counts: Counts::default(),
        ms: 1,
    };
    for _ in 0..60 {
        let mut event = progress(room, AnalysisId::fresh(), 1.0);
        if let Event::AnalysisProgress(progress) = &mut event.event {
            progress.detectors = (0..64).map(detector).collect::<Vec<_>>().try_into().unwrap();
        }
        hub.emit(&event);
    }
    let (_, outbox) = landed(&hub, room, None, 1);
    let texts = texts(&outbox);
    assert!(texts.iter().all(|text| text.len() < limits::FRAME_BYTES));
    assert!(texts[0].contains(r#""board":["#) && texts[1].starts_with(r#"{"batch":["#));
    assert_eq!(texts.concat().matches(r#""event":"analysis:progress""#).count(), 60);
}

#[test]
fn an_idle_room_is_forgotten() {
    let (hub, room) = (Hub::new(Epoch(1)), Room::User(UserId::fresh()));
    let (id, _) = landed(&hub, room, None, 0);
    assert_eq!(hub.rooms(), 1);
    assert!(hub.leave(room, id));
    assert_eq!(hub.rooms(), 0);
}
