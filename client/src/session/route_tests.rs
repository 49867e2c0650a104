//! Facts about the way round, and about a network that changes, told of the whole machine.

use watchbell_protocol::UnixMillis;

use super::*;
use crate::{
    session::{Effect, Input, OpenFailure, Session, token::Kind},
    view::ConnectionState,
};

fn at(ms: u64) -> Moment {
    let mono = Duration::from_millis(ms);
    Moment { mono, wall: UnixMillis(1_000_000).plus(mono), jitter: 0.0 }
}

fn blocked() -> Input {
    Input::OpenFailed(OpenFailure::Blocked("answered with 426".into()))
}

fn down() -> Input {
    Input::OpenFailed(OpenFailure::Network("connection refused".into()))
}

fn opens(effects: &[Effect]) -> Option<Transport> {
    effects.iter().find_map(|effect| match effect {
        Effect::Open(via) => Some(*via),
        _ => None,
    })
}

/// An attempt ends like this; what the next one goes over.
fn next(session: &mut Session, failure: Input) -> Transport {
    let mut effects = session.handle(failure, at(0));
    if opens(&effects).is_none() {
        effects = session.handle(Input::RetryNow, at(0));
    }
    opens(&effects).expect("another attempt")
}

fn connecting() -> Session {
    let mut session = Session::new(Kind::Fixed, Timing::default());
    assert_eq!(session.handle(Input::Connect, at(0)), [Effect::Open(Transport::WebSocket)]);
    session
}

/// A session that is up to date, over long-poll since `at(0)`.
fn polling() -> Session {
    let mut session = connecting();
    while next(&mut session, blocked()) == Transport::WebSocket {}
    live(&mut session, 0);
    session
}

fn live(session: &mut Session, ms: u64) {
    session.handle(Input::Opened, at(ms));
    session.handle(Input::Rooms { done: 1, of: 1 }, at(ms));
}

/// Lets time pass on a connection that is well; when the WebSocket was tried.
fn tries(session: &mut Session, seconds: std::ops::RangeInclusive<u64>, works: bool) -> Vec<u64> {
    let mut tried = Vec::new();
    for second in seconds {
        session.handle(Input::Heard, at(second * 1000));
        if session.handle(Input::Tick, at(second * 1000)).contains(&Effect::TryWebSocket) {
            tried.push(second);
            session.handle(Input::Tried { works }, at(second * 1000));
        }
    }
    tried
}

#[test]
fn after_three_blocked_attempts_in_a_row_the_next_goes_round_at_once() {
    let mut session = connecting();
    assert_eq!(next(&mut session, blocked()), Transport::WebSocket);
    assert_eq!(next(&mut session, blocked()), Transport::WebSocket);
    assert_eq!(session.handle(blocked(), at(0)), [Effect::Open(Transport::LongPoll)]);
    live(&mut session, 0);
    assert_eq!(session.transport(), Some(Transport::LongPoll));
}

#[test]
fn a_server_that_is_down_is_no_reason_to_go_round() {
    let mut session = connecting();
    for _ in 0..50 {
        assert_eq!(next(&mut session, down()), Transport::WebSocket);
    }
    for failure in [blocked(), blocked(), down(), blocked(), blocked()] {
        assert_eq!(next(&mut session, failure), Transport::WebSocket, "not three in a row");
    }
}

#[test]
fn a_connection_that_worked_starts_the_count_anew() {
    let mut session = connecting();
    for _ in 0..10 {
        next(&mut session, blocked());
        next(&mut session, blocked());
        live(&mut session, 0);
        let effects = session.handle(Input::Closed(None, "lost".into()), at(0));
        let via = opens(&effects).or_else(|| opens(&session.handle(Input::RetryNow, at(0))));
        assert_eq!(via, Some(Transport::WebSocket));
    }
}

#[test]
fn a_lost_connection_by_long_poll_is_opened_the_same_way() {
    let mut session = polling();
    assert_eq!(opens(&session.handle(Input::Closed(None, "lost".into()), at(5_000))), Some(Transport::LongPoll));
    assert_eq!(next(&mut session, down()), Transport::LongPoll);
}

#[test]
fn a_websocket_is_tried_after_a_minute_and_then_every_five_without_a_pause_in_between() {
    let mut session = polling();
    assert_eq!(tries(&mut session, 1..=1000, false), [60, 360, 660, 960]);
    assert!(matches!(session.view(), ConnectionState::Live { .. }), "quietly");
}

#[test]
fn one_that_works_takes_over_without_an_outage_and_is_kept() {
    let mut session = polling();
    session.handle(Input::Heard, at(59_000));
    assert!(session.handle(Input::Tick, at(60_000)).contains(&Effect::TryWebSocket));
    assert!(!session.handle(Input::Tick, at(61_000)).contains(&Effect::TryWebSocket), "one at a time");
    assert_eq!(session.handle(Input::Tried { works: true }, at(62_000)), [Effect::Switch]);
    assert_eq!(session.transport(), Some(Transport::WebSocket));
    assert!(matches!(session.view(), ConnectionState::CatchingUp { .. }));
    session.handle(Input::Rooms { done: 1, of: 1 }, at(62_100));
    assert!(tries(&mut session, 63..=2000, true).is_empty());
    assert_eq!(next(&mut session, Input::Closed(None, "lost".into())), Transport::WebSocket);
}

#[test]
fn one_that_works_when_nothing_is_open_is_the_way_of_the_next_attempt() {
    let mut session = polling();
    session.handle(Input::Heard, at(60_000));
    session.handle(Input::Tick, at(60_000));
    session.handle(Input::Closed(None, "lost".into()), at(60_100));
    assert_eq!(session.handle(Input::Tried { works: true }, at(60_200)), [], "it is not taken");
    assert_eq!(next(&mut session, down()), Transport::WebSocket);
}

#[test]
fn one_that_works_while_a_long_poll_is_being_opened_is_tried_once_more_as_soon_as_that_is_open() {
    let mut session = polling();
    session.handle(Input::Heard, at(60_000));
    session.handle(Input::Tick, at(60_000));
    assert_eq!(opens(&session.handle(Input::Closed(None, "lost".into()), at(60_100))), Some(Transport::LongPoll));
    session.handle(Input::Tried { works: true }, at(60_200));
    live(&mut session, 60_300);
    assert_eq!(session.transport(), Some(Transport::LongPoll));
    assert!(session.handle(Input::Tick, at(60_400)).contains(&Effect::TryWebSocket));
}

#[test]
fn where_nothing_answers_by_long_poll_every_fourth_attempt_is_a_websocket() {
    let mut session = polling();
    assert_eq!(opens(&session.handle(Input::Closed(None, "lost".into()), at(5_000))), Some(Transport::LongPoll));
    for _ in 0..3 {
        assert_eq!(next(&mut session, down()), Transport::LongPoll);
        assert_eq!(next(&mut session, down()), Transport::LongPoll);
        assert_eq!(next(&mut session, down()), Transport::WebSocket);
        assert_eq!(next(&mut session, down()), Transport::LongPoll);
    }
    next(&mut session, down());
    next(&mut session, down());
    assert_eq!(next(&mut session, down()), Transport::WebSocket);
    live(&mut session, 10_000);
    assert_eq!(session.transport(), Some(Transport::WebSocket));
    assert_eq!(next(&mut session, Input::Closed(None, "lost".into())), Transport::WebSocket, "it is kept");
}

#[test]
fn an_attempt_without_an_answer_in_time_counts_as_one_that_nothing_answered() {
    let mut session = polling();
    let mut via = opens(&session.handle(Input::Closed(None, "lost".into()), at(5_000)));
    let mut now = 5_000;
    for wanted in [Transport::LongPoll, Transport::LongPoll, Transport::LongPoll, Transport::WebSocket] {
        assert_eq!(via, Some(wanted));
        now += 20_000;
        session.handle(Input::Tick, at(now));
        via = opens(&session.handle(Input::RetryNow, at(now)));
    }
}

#[test]
fn a_websocket_that_is_still_blocked_in_between_costs_no_pause() {
    let mut session = polling();
    session.handle(Input::Closed(None, "lost".into()), at(5_000));
    while next(&mut session, down()) == Transport::LongPoll {}
    assert_eq!(session.handle(blocked(), at(5_000)), [Effect::Open(Transport::LongPoll)]);
}

#[test]
fn where_there_is_no_long_poll_either_the_straight_way_is_taken_again() {
    let mut session = connecting();
    while next(&mut session, blocked()) == Transport::WebSocket {}
    assert_eq!(next(&mut session, blocked()), Transport::WebSocket);
}

#[test]
fn after_a_sleep_and_on_another_network_a_websocket_is_tried_at_once() {
    for change in [Input::Woke, Input::NetworkChanged] {
        let mut session = polling();
        session.handle(change, at(5_000));
        live(&mut session, 5_000);
        assert_eq!(session.transport(), Some(Transport::LongPoll));
        assert!(session.handle(Input::Tick, at(5_100)).contains(&Effect::TryWebSocket));
    }
}

#[test]
fn on_another_network_a_connection_that_does_not_answer_is_replaced_after_two_seconds() {
    let mut session = connecting();
    live(&mut session, 0);
    assert_eq!(session.handle(Input::NetworkChanged, at(10_000)), [Effect::Ping]);
    session.handle(Input::Heard, at(11_000));
    assert_eq!(session.deadline(at(11_999)), Duration::from_secs(12));
    assert!(session.handle(Input::Tick, at(11_999)).is_empty(), "what was on its way is no answer");
    let effects = session.handle(Input::Tick, at(12_000));
    assert_eq!(effects, [Effect::Close(watchbell_protocol::CloseCode::Silent), Effect::Open(Transport::WebSocket)]);
}

#[test]
fn on_another_network_a_connection_that_answers_stays() {
    let mut session = connecting();
    live(&mut session, 0);
    session.handle(Input::NetworkChanged, at(10_000));
    session.handle(Input::Pong, at(10_040));
    session.handle(Input::Heard, at(10_040));
    assert!(opens(&session.handle(Input::Tick, at(20_000))).is_none());
    assert!(matches!(session.view(), ConnectionState::Live { .. }));
}

#[test]
fn on_another_network_whoever_waits_tries_at_once_and_whoever_stopped_does_not() {
    let mut session = connecting();
    session.handle(down(), at(0));
    session.handle(down(), at(0));
    assert!(opens(&session.handle(Input::NetworkChanged, at(10))).is_some());
    session.handle(Input::Disconnect, at(20));
    assert_eq!(session.handle(Input::NetworkChanged, at(30)), []);
}
