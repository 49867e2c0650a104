//! No frame of a room reaches anyone who was not a member at that moment, whatever members, admins and networks do.
//!
//! Random plans run against a real server beside a model that knows only who belongs where. What has a number is judged
//! by its place in the room's order, also when it races with a removal; what has none carries a mark, and is judged by
//! who belonged when it was said.

use std::collections::BTreeMap;

use proptest::{prelude::*, test_runner::TestCaseError};
use watchbell_protocol::{
    AnalysisId, CommandId, ErrorCode, Event, List, Position, Room, RoomEvent, Seq, ServerFrame, UnixMillis,
    command::{ActivityPost, AnalysisRenew, Notify, PresenceUpdate, RoomLeave},
    event::{AnalysisProgress, Counts, Level, Role, Status, TimeLeft, Viewing},
};
use watchbell_server::ingest::AdminCommand;

use crate::{
    client::Client,
    fixture::{Server, Who, now, project_of, start, text},
};

const MEMBERS: usize = 3;
const PROJECTS: usize = 2;

/// One thing that happens. The numbers choose a member and a project.
#[derive(Debug, Clone, Copy)]
enum Step {
    Admit(usize, usize),
    Remove(usize, usize),
    Join(usize, usize, bool),
    Leave(usize, usize),
    Reconnect(usize),
    /// Said by a member or a stranger, without waiting: it races with what comes next.
    Post(usize, usize),
    /// A latest value, by the captain, who belongs everywhere.
    Progress(usize),
    /// A latest value of a member's own.
    Presence(usize, usize),
    Notify(usize),
    Disable(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, at) = (0..MEMBERS, 0..PROJECTS);
    let both = (who.clone(), at.clone());
    prop_oneof![
        4 => both.clone().prop_map(|(who, at)| Step::Admit(who, at)),
        3 => both.clone().prop_map(|(who, at)| Step::Remove(who, at)),
        5 => (who.clone(), at.clone(), any::<bool>()).prop_map(|(who, at, resumes)| Step::Join(who, at, resumes)),
        1 => both.clone().prop_map(|(who, at)| Step::Leave(who, at)),
        1 => who.clone().prop_map(Step::Reconnect),
        5 => both.clone().prop_map(|(who, at)| Step::Post(who, at)),
        5 => at.clone().prop_map(Step::Progress),
        2 => both.prop_map(|(who, at)| Step::Presence(who, at)),
        2 => at.prop_map(Step::Notify),
        1 => who.prop_map(Step::Disable),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_frame_of_a_room_reaches_anyone_who_was_not_a_member(plan in prop::collection::vec(step(), 40..90)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in plan {
                world.take(step).await;
            }
            world.judge().await
        })?;
    }
}

#[tokio::test]
async fn what_was_applied_before_a_removal_is_answered_the_same_after_it() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let (mut a, id, post) =
        (server.connect(&ada.token).await, CommandId::fresh(), ActivityPost { title: text("done"), body: None });
    let answer = a.ask_as(id, room, post.clone()).await.unwrap();
    server.admin(AdminCommand::RemoveMember { project: project_of(room), user: ada.id }).await;
    assert_eq!(a.ask_as(id, room, post.clone()).await, Ok(answer), "the answer was lost");
    assert_eq!(a.ask(room, post).await.unwrap_err().code, ErrorCode::Forbidden);
}

/// From when until when somebody belonged to a project: by the room's order, and by the plan's steps.
#[derive(Debug, Clone, Copy)]
struct Membership {
    admitted: (Seq, i64),
    removed: Option<(Seq, i64)>,
}

struct Person {
    who: Who,
    client: Client,
    disabled: bool,
    /// By project; the last one counts now.
    memberships: [Vec<Membership>; PROJECTS],
    /// Where they last stood in each project.
    positions: [Option<Position>; PROJECTS],
    /// What came by joins and over connections that were left behind.
    events: Vec<RoomEvent>,
}

impl Person {
    fn belongs(&self, at: usize) -> bool {
        !self.disabled && self.memberships[at].last().is_some_and(|it| it.removed.is_none())
    }

    fn note(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::Event(event) => self.events.push((**event).clone()),
            ServerFrame::Batch(events) => self.events.extend(events.iter().cloned()),
            _ => {}
        }
    }

    fn note_kept(&mut self) {
        let kept: Vec<ServerFrame> = self.client.kept().cloned().collect();
        for frame in &kept {
            self.note(frame);
        }
    }
}

struct World {
    server: Server,
    rooms: Vec<Room>,
    people: Vec<Person>,
    captain: Client,
    /// How far the captain has seen each room.
    seen: BTreeMap<Room, Seq>,
    analyses: Vec<AnalysisId>,
    /// Counts the steps; also the mark of what is said at one.
    step: i64,
}

impl World {
    async fn new() -> Self {
        let server = Server::start().await;
        let captain = server.member("captain").await;
        let mut rooms = Vec::new();
        for name in ["compiler", "web"] {
            rooms.push(server.project(name, &[&captain]).await);
        }
        let mut people = Vec::new();
        for name in ["ada", "bob", "cyd"] {
            let who = server.member(name).await;
            let client = server.connect(&who.token).await;
            let (memberships, positions) = <_>::default();
            people.push(Person { who, client, disabled: false, memberships, positions, events: Vec::new() });
        }
        let mut captain = server.connect(&captain.token).await;
        let mut analyses = Vec::new();
        for &room in &rooms {
            captain.join(room, None).await;
            analyses.push(captain.ask(room, start(&["lookout"])).await.unwrap().started.unwrap().analysis);
        }
        Self { server, rooms, people, captain, seen: BTreeMap::new(), analyses, step: 0 }
    }

    async fn take(&mut self, step: Step) {
        self.step += 1;
        match step {
            Step::Admit(who, at) if !self.people[who].belongs(at) && !self.people[who].disabled => {
                let user = self.people[who].who.id;
                let project = project_of(self.rooms[at]);
                let seq = self.admin(at, AdminCommand::AddMember { project, user, role: Role::Member }).await;
                let membership = Membership { admitted: (seq, self.step), removed: None };
                self.people[who].memberships[at].push(membership);
            }
            Step::Remove(who, at) if self.people[who].belongs(at) => {
                let (user, project) = (self.people[who].who.id, project_of(self.rooms[at]));
                let seq = self.admin(at, AdminCommand::RemoveMember { project, user }).await;
                let membership = self.people[who].memberships[at].last_mut().unwrap();
                membership.removed = Some((seq, self.step));
            }
            Step::Join(who, at, resumes) => self.join(who, at, resumes).await,
            Step::Leave(who, at) => self.settle(who, at).await,
            Step::Reconnect(who) => self.reconnect(who).await,
            Step::Post(who, at) if !self.people[who].disabled => {
                let post = ActivityPost { title: text("hello"), body: None };
                self.people[who].client.send(Some(CommandId::fresh()), Some(self.rooms[at]), post).await;
            }
            Step::Progress(at) => {
                let renew = progress(self.analyses[at], self.step);
                self.captain.send(None, Some(self.rooms[at]), renew).await;
                self.said(at).await;
            }
            Step::Presence(who, at) if self.people[who].belongs(at) => {
                let viewing = Viewing { project: project_of(self.rooms[at]), place: text(&self.step.to_string()) };
                let update = PresenceUpdate { status: Status::Online, viewing: Some(viewing) };
                self.people[who].client.send(None, None, update).await;
                self.settle_nothing(who).await;
            }
            Step::Notify(at) => {
                let notify =
                    Notify { level: Level::Info, title: text(&self.step.to_string()), body: text(""), link: None };
                self.captain.ask(self.rooms[at], notify).await.unwrap();
            }
            Step::Disable(who) if self.step % 8 == 0 && !self.people[who].disabled => self.disable(who).await,
            _ => {}
        }
    }

    /// What an admin does, until the running server has sent it out.
    async fn admin(&mut self, at: usize, command: AdminCommand) -> Seq {
        let answer = watchbell_server::ingest::admin(&self.server.store, command, now()).await.unwrap();
        let seq = answer.seq.expect("it changes something");
        self.wait_for(self.rooms[at], seq).await;
        seq
    }

    /// Until the captain has seen the room up to there.
    async fn wait_for(&mut self, room: Room, seq: Seq) {
        while self.seen.get(&room).is_none_or(|&seen| seen < seq) {
            let last = self.captain.find(|frame| last_of(frame, room)).await;
            self.seen.insert(room, last);
        }
    }

    /// Until what the captain said before was taken: frames of a connection are taken in order.
    async fn said(&mut self, at: usize) {
        let post = ActivityPost { title: text("said"), body: None };
        self.captain.ask(self.rooms[at], post).await.unwrap();
    }

    async fn join(&mut self, who: usize, at: usize, resumes: bool) {
        let room = self.rooms[at];
        let person = &mut self.people[who];
        if person.disabled {
            return;
        }
        let since = person.positions[at].filter(|_| resumes);
        let joined = person.client.try_join(room, since).await;
        assert_eq!(joined.is_ok(), person.belongs(at), "{who} joins {at}: {joined:?}");
        if let Ok(joined) = joined {
            person.positions[at] = Some(joined.at);
            // The board is what is so now, whenever it was said; who sees it belongs now, as was just asserted.
            person.events.extend(joined.events);
        }
    }

    async fn settle(&mut self, who: usize, at: usize) {
        if !self.people[who].disabled {
            let _ = self.people[who].client.ask(self.rooms[at], RoomLeave {}).await;
        }
    }

    /// Until everything that this member said was taken, and everything said to them before has arrived.
    async fn settle_nothing(&mut self, who: usize) {
        let own = self.people[who].who.room();
        let _ = self.people[who].client.ask(own, RoomLeave {}).await;
    }

    async fn reconnect(&mut self, who: usize) {
        if self.people[who].disabled {
            return;
        }
        self.people[who].note_kept();
        let client = self.server.connect(&self.people[who].who.token).await;
        self.people[who].client = client;
        let own = self.people[who].who.room();
        let joined = self.people[who].client.join(own, None).await;
        self.people[who].events.extend(joined.events);
    }

    async fn disable(&mut self, who: usize) {
        let user = self.people[who].who.id;
        let mut tx = self.server.store.write().await.unwrap();
        watchbell_server::store::accounts::set_disabled(&mut tx, user, Some(now())).await.unwrap();
        tx.commit().await.unwrap();
        self.people[who].client.closed().await;
        self.people[who].disabled = true;
        assert!(self.server.try_connect(Some(&self.people[who].who.token), None).await.is_err());
    }

    /// Everything that arrived anywhere, against the model.
    async fn judge(mut self) -> Result<(), TestCaseError> {
        for who in 0..self.people.len() {
            if !self.people[who].disabled {
                self.settle_nothing(who).await;
            }
            self.people[who].note_kept();
        }
        for person in &self.people {
            for event in &person.events {
                self.judge_one(person, event)?;
            }
        }
        Ok(())
    }

    fn judge_one(&self, person: &Person, event: &RoomEvent) -> Result<(), TestCaseError> {
        let Some(at) = self.rooms.iter().position(|&room| room == event.room) else {
            prop_assert_eq!(event.room, person.who.room(), "somebody else's room");
            return self.judge_notification(person, &event.event);
        };
        let memberships = &person.memberships[at];
        let is_right = match (event.seq, &event.event) {
            (Some(seq), _) => {
                memberships.iter().any(|it| it.admitted.0 <= seq && it.removed.is_none_or(|(removed, _)| seq < removed))
            }
            (None, Event::AnalysisProgress(progress)) => belonged(memberships, progress.measured_at.0),
            // A presence is sent again when anything of it changes: later than its mark, but never to those who had gone.
            (None, Event::PresenceChanged(changed)) => {
                let viewing = changed.presence.viewing.as_ref();
                let said: i64 = viewing.and_then(|viewing| viewing.place.parse().ok()).unwrap_or(0);
                memberships.iter().any(|it| it.removed.is_none_or(|(_, step)| said < step))
            }
            (None, _) => !memberships.is_empty(),
        };
        prop_assert!(is_right, "{:?} got {event:?}, but belonged only {memberships:?}", person.who.id);
        Ok(())
    }

    fn judge_notification(&self, person: &Person, event: &Event) -> Result<(), TestCaseError> {
        let Event::NotificationNew(new) = event else { return Ok(()) };
        let Ok(step) = new.notification.title.parse::<i64>() else { return Ok(()) };
        let at = self.rooms.iter().position(|&room| new.notification.project == Some(project_of(room))).unwrap();
        let memberships = &person.memberships[at];
        prop_assert!(belonged(memberships, step), "{:?} was notified of {step}: {memberships:?}", person.who.id);
        Ok(())
    }
}

/// Whether somebody belonged when this was said.
fn belonged(memberships: &[Membership], step: i64) -> bool {
    memberships.iter().any(|it| it.admitted.1 < step && it.removed.is_none_or(|(_, removed)| step < removed))
}

/// The last number of the room in this frame.
fn last_of(frame: &ServerFrame, room: Room) -> Option<Seq> {
    let of = |event: &RoomEvent| event.seq.filter(|_| event.room == room);
    match frame {
        ServerFrame::Event(event) => of(event),
        ServerFrame::Batch(events) => events.iter().filter_map(of).max(),
        _ => None,
    }
}

/// A value whose mark is when it was measured.
fn progress(analysis: AnalysisId, mark: i64) -> AnalysisRenew {
    let progress = AnalysisProgress {
        analysis,
        percent: 1.0,
        left: TimeLeft::Unknown,
        detectors: List::default(),
        counts: Counts::default(),
        measured_at: UnixMillis(mark),
    };
    AnalysisRenew { progress }
}
