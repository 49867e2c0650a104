//! The session without a socket: frames and time in, effects out.

use watchbell_protocol::{DeviceId, Text, UserId, event::DeviceKind};

use super::*;
use crate::auth::FamilyId;

/// A session, its start, and who it is with.
struct Fixture {
    session: Session,
    start: Now,
    user: UserId,
}

impl Fixture {
    fn new() -> Self {
        let start = Now { wall: UnixMillis(1_000_000), moment: Moment::now() };
        let user = UserId::fresh();
        let principal = principal(user, start.wall.plus(Duration::from_mins(10)));
        Self { session: Session::new(Arc::new(principal), Timing::default(), start), start, user }
    }

    fn after(&self, secs: u64) -> Now {
        let passed = Duration::from_secs(secs);
        Now { wall: self.start.wall.plus(passed), moment: self.start.moment + passed }
    }

    fn text(&mut self, text: &str) -> Vec<Effect> {
        self.session.handle(Input::Text(text), self.start)
    }

    fn tick(&mut self, secs: u64) -> Vec<Effect> {
        let now = self.after(secs);
        self.session.handle(Input::Tick(Ear::Open), now)
    }

    fn heard(&mut self, secs: u64) {
        let now = self.after(secs);
        assert_eq!(self.session.handle(Input::Heard, now), []);
    }
}

fn principal(id: UserId, expires_at: UnixMillis) -> Principal {
    Principal::User {
        id,
        name: Text::clip("ada"),
        display_name: Text::clip("Ada"),
        device: DeviceId("01920000-0000-7000-8000-000000000001".parse().unwrap()),
        device_kind: DeviceKind::Desktop,
        family: FamilyId("01920000-0000-4000-8000-000000000002".parse().unwrap()),
        expires_at,
    }
}

/// The code and field of the one refusal among the effects.
fn refusal(effects: &[Effect]) -> (ErrorCode, Option<&str>) {
    let [Effect::Send(ServerFrame::Error(error) | ServerFrame::Answer { result: Err(error), .. })] = effects else {
        panic!("no refusal: {effects:?}")
    };
    (error.code, error.field.as_deref())
}

#[test]
fn what_is_no_frame_is_refused_and_the_connection_lives() {
    let mut f = Fixture::new();
    assert_eq!(refusal(&f.text("nonsense")).0, ErrorCode::BadRequest);
    assert_eq!(refusal(&f.text(r#"{"cmd":"dance"}"#)), (ErrorCode::UnknownCommand, Some("cmd")));
    assert_eq!(refusal(&f.text(r#"{"cmd":"notification:clear","data":{"through":1}}"#)).1, Some("id"));
    let id = CommandId::fresh();
    let answered = f.text(&format!(r#"{{"id":"{id}","cmd":"dance"}}"#));
    assert!(matches!(&answered[..], [Effect::Send(ServerFrame::Answer { re, .. })] if *re == id));
    assert_eq!(f.tick(1), []);
}

#[test]
fn a_join_names_its_room_and_a_left_room_is_forgotten() {
    let mut f = Fixture::new();
    let (id, room) = (CommandId::fresh(), Room::User(f.user));
    assert_eq!(refusal(&f.text(&format!(r#"{{"id":"{id}","cmd":"room:join"}}"#))).1, Some("room"));
    let joined = f.text(&format!(r#"{{"id":"{id}","cmd":"room:join","room":"{room}"}}"#));
    assert_eq!(joined, [Effect::Join(id, room, RoomJoin::default())]);
    assert_eq!(f.session.rooms().iter().collect::<Vec<_>>(), [&room]);
    let left = f.text(&format!(r#"{{"id":"{id}","cmd":"room:leave","room":"{room}"}}"#));
    assert_eq!(left[0], Effect::Leave(room));
    assert!(f.session.rooms().is_empty());
}

#[test]
fn a_connection_with_much_at_work_is_not_read_until_some_of_it_is_done() {
    let mut f = Fixture::new();
    for _ in 0..AT_WORK {
        let id = CommandId::fresh();
        let frame = format!(r#"{{"id":"{id}","cmd":"notification:clear","data":{{"through":1}}}}"#);
        assert!(matches!(&f.text(&frame)[..], [Effect::Submit(..)]));
    }
    assert!(f.session.is_busy());
    let answer = Input::Answered(CommandId::fresh(), Ok(Answer::default()));
    assert!(matches!(&f.session.handle(answer, f.start)[..], [Effect::Send(ServerFrame::Answer { .. })]));
    assert!(!f.session.is_busy());
}

#[test]
fn momentary_commands_need_no_id_and_get_no_answer() {
    let mut f = Fixture::new();
    let effects = f.text(r#"{"cmd":"presence:update","data":{"status":"away"}}"#);
    assert!(matches!(&effects[..], [Effect::Momentary(_)]));
    assert!(!f.session.is_busy());
}

#[test]
fn a_silent_peer_is_pinged_and_then_closed() {
    let mut f = Fixture::new();
    assert_eq!(f.session.deadline(), f.after(25).moment);
    assert_eq!(f.tick(25), [Effect::Ping]);
    assert_eq!(f.tick(26), []);
    assert_eq!(f.tick(50), [Effect::Ping, Effect::Heads]);
    assert_eq!(f.tick(60), [Effect::Close(CloseCode::Silent)]);
    assert_eq!(f.tick(61), [], "nothing comes after the end");
}

#[test]
fn who_is_not_listened_to_is_not_silent() {
    let mut f = Fixture::new();
    let busy = f.after(60);
    assert!(!f.session.handle(Input::Tick(Ear::Closed), busy).contains(&Effect::Close(CloseCode::Silent)));
    assert!(!f.tick(119).contains(&Effect::Close(CloseCode::Silent)));
    assert_eq!(f.tick(120), [Effect::Close(CloseCode::Silent)]);
}

#[test]
fn anything_heard_counts_as_life() {
    let mut f = Fixture::new();
    f.heard(59);
    assert!(!f.tick(60).contains(&Effect::Close(CloseCode::Silent)));
    assert_eq!(f.tick(119), [Effect::Close(CloseCode::Silent)]);
}

#[test]
fn an_expired_token_closes_and_a_fresh_one_extends() {
    let mut f = Fixture::new();
    f.heard(590);
    let fresh = principal(f.user, f.after(1200).wall);
    let refreshed = Input::Refreshed(CommandId::fresh(), Ok(fresh));
    let now = f.after(590);
    let effects = f.session.handle(refreshed, now);
    assert!(matches!(&effects[..], [Effect::Send(ServerFrame::Answer { result: Ok(_), .. })]));
    f.heard(650);
    assert!(!f.tick(650).contains(&Effect::Close(CloseCode::TokenExpired)));
    f.heard(1190);
    assert_eq!(f.tick(1200), [Effect::Close(CloseCode::TokenExpired)]);
}

#[test]
fn somebody_elses_token_does_not_extend() {
    let mut f = Fixture::new();
    let other = principal(UserId::fresh(), f.after(1200).wall);
    let effects = f.session.handle(Input::Refreshed(CommandId::fresh(), Ok(other)), f.start);
    assert_eq!(refusal(&effects), (ErrorCode::Forbidden, Some("data.access_token")));
    f.heard(599);
    assert_eq!(f.tick(600), [Effect::Close(CloseCode::TokenExpired)]);
}

#[test]
fn what_is_not_the_protocol_closes() {
    for (input, code) in [
        (Input::Binary, CloseCode::Protocol),
        (Input::TooLarge, CloseCode::TooLarge),
        (Input::Ended(CloseCode::Revoked), CloseCode::Revoked),
    ] {
        let mut f = Fixture::new();
        assert_eq!(f.session.handle(input, f.start), [Effect::Close(code)]);
    }
}

#[test]
fn a_stopping_server_says_when_to_come_back_before_it_closes() {
    let mut f = Fixture::new();
    let effects = f.session.handle(Input::Stopping { reconnect_in_ms: 700 }, f.start);
    let away = ServerFrame::GoingAway(GoingAway { reconnect_in_ms: 700 });
    assert_eq!(effects, [Effect::Send(away), Effect::Close(CloseCode::GoingAway)]);
}

#[test]
fn what_is_beyond_the_allowance_is_refused_by_its_id_and_nothing_behind_it_is_taken() {
    let mut f = Fixture::new();
    let ids = [(); 3].map(|()| CommandId::fresh());
    let frames = ids.map(|id| format!(r#"{{"id":"{id}","cmd":"notification:clear","data":{{"through":1}}}}"#));
    let told = |effects: &[Effect]| match effects {
        [Effect::Send(ServerFrame::Answer { re, result: Err(error) })] if error.code == ErrorCode::RateLimited => {
            (*re, error.retry_after_ms.unwrap())
        }
        _ => panic!("not refused for the rate: {effects:?}"),
    };
    let beyond = Input::Beyond { text: Some(&frames[0]), wait: Duration::from_micros(10) };
    assert_eq!(told(&f.session.handle(beyond, f.start)), (ids[0], 250));
    let soon = Now { moment: f.start.moment + Duration::from_millis(100), ..f.start };
    assert_eq!(told(&f.session.handle(Input::Text(&frames[1]), soon)), (ids[1], 150));
    let later = Now { moment: f.start.moment + Duration::from_millis(250), ..f.start };
    assert!(matches!(&f.session.handle(Input::Text(&frames[2]), later)[..], [Effect::Submit(id, _)] if *id == ids[2]));
}

#[test]
fn whoever_does_not_listen_to_refusals_is_closed() {
    let mut f = Fixture::new();
    let beyond = || Input::Beyond { text: None, wait: Duration::from_secs(1) };
    for _ in 0..DEAF {
        assert_eq!(f.session.handle(beyond(), f.start), []);
    }
    assert_eq!(f.session.handle(beyond(), f.start), [Effect::Close(CloseCode::RateLimited)]);
}

#[test]
fn a_frame_that_is_nested_too_deep_is_refused_by_its_id() {
    let mut f = Fixture::new();
    let id = CommandId::fresh();
    let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let frame = |levels| format!(r#"{{"id":"{id}","cmd":"notification:clear","data":{}}}"#, deep(levels));
    let effects = f.text(&frame(32));
    assert!(matches!(&effects[..], [Effect::Send(ServerFrame::Answer { re, .. })] if *re == id));
    assert_eq!(refusal(&effects), (ErrorCode::BadRequest, Some("data")));
    assert!(matches!(&effects[..], [Effect::Send(ServerFrame::Answer { result: Err(error), .. })]
        if error.message.contains("32 levels")));
    assert!(matches!(&f.text(&frame(31))[..], [Effect::Send(ServerFrame::Answer { result: Err(error), .. })]
        if !error.message.contains("levels")));
}
