//! Facts about the reconnect machine. Time is a number here, so nothing sleeps.

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);
const TOKEN: Duration = Duration::from_mins(10);

fn at_with(mono: Duration, jitter: f64) -> Moment {
    Moment { mono, wall: UnixMillis(1_000_000).plus(mono), jitter }
}

fn at(ms: u64) -> Moment {
    at_with(Duration::from_millis(ms), 1.0)
}

/// A member's session that is up to date at `ms`.
fn live(ms: u64) -> Session {
    let mut session = Session::new(Kind::Member, Timing::default());
    assert_eq!(session.handle(Input::Connect, at(ms)), [Effect::Renew]);
    assert_eq!(session.handle(Input::Renewed(TOKEN), at(ms)), [Effect::Open(Transport::WebSocket)]);
    session.handle(Input::Opened, at(ms));
    session.handle(Input::Rooms { done: 2, of: 2 }, at(ms));
    assert!(matches!(session.view(), ConnectionState::Live { .. }));
    session
}

fn refused() -> Input {
    Input::OpenFailed(OpenFailure::Network("connection refused".into()))
}

fn closed(code: CloseCode) -> Input {
    Input::Closed(Some(code.number()), code.reason().into())
}

fn tries(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Open(_) | Effect::Renew))
}

fn pause(session: &Session, now: Moment) -> Duration {
    match session.view() {
        ConnectionState::Offline { next_try_at, .. } => next_try_at.since(now.wall),
        other => panic!("not waiting: {other:?}"),
    }
}

#[test]
fn the_first_retry_is_made_at_once_and_the_next_after_growing_pauses() {
    let mut session = live(0);
    let mut now = 10_000;
    assert!(tries(&session.handle(Input::Closed(None, "lost".into()), at(now))));
    // Past the first moments, in which no pause is long.
    now += 20_000;
    let pauses: Vec<u64> = (0..7)
        .map(|_| {
            assert!(!tries(&session.handle(refused(), at(now))));
            let pause = pause(&session, at(now));
            now += pause.as_millis() as u64;
            assert!(tries(&session.handle(Input::Tick, at(now))));
            pause.as_secs()
        })
        .collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 16, 16]);
}

#[test]
fn in_the_first_seconds_of_an_outage_a_server_that_returns_is_found_within_a_second() {
    let timing = Timing::default();
    let mut session = live(0);
    session.handle(Input::Closed(None, "lost".into()), at(10_000));
    let mut now = 10_000;
    while now < 14_000 {
        session.handle(refused(), at(now));
        let pause = pause(&session, at(now));
        assert!(pause <= timing.quick_pause, "{pause:?}");
        now += pause.as_millis() as u64;
        session.handle(Input::Tick, at(now));
    }
}

#[test]
fn every_close_code_decides_what_comes_next() {
    for &code in CloseCode::ALL {
        let mut session = live(0);
        let effects = session.handle(closed(code), at(60_000));
        let view = session.view();
        let right = match code.reconnect() {
            Reconnect::Now => effects.contains(&Effect::Open(Transport::WebSocket)),
            Reconnect::Later => !tries(&effects) && matches!(view, ConnectionState::Offline { .. }),
            Reconnect::AfterRefresh => effects.contains(&Effect::Renew),
            Reconnect::SignIn => {
                matches!(view, ConnectionState::SignInNeeded { .. }) && effects.contains(&Effect::Forget)
            }
            Reconnect::Never => matches!(view, ConnectionState::Disconnected { reason: Some(_), .. }),
        };
        assert!(right, "{code:?}: {effects:?}, {view:?}");
    }
    let mut session = live(0);
    assert!(tries(&session.handle(Input::Closed(Some(4999), String::new()), at(60_000))), "an unknown code is `Now`");
}

#[test]
fn a_server_that_takes_connections_only_to_drop_them_is_not_asked_without_a_pause() {
    let mut session = live(0);
    session.handle(Input::Closed(None, "lost".into()), at(60_000));
    let mut now = 70_000;
    for _ in 0..5 {
        session.handle(Input::Opened, at(now));
        let effects = session.handle(Input::Closed(None, "lost".into()), at(now));
        assert!(!tries(&effects), "{effects:?}");
        now += pause(&session, at(now)).as_millis() as u64;
        session.handle(Input::Tick, at(now));
    }
    assert!(now > 80_000);
}

#[test]
fn the_first_ping_goes_out_at_once_also_right_after_the_start() {
    let mut session = live(0);
    assert!(session.handle(Input::Tick, at(10)).contains(&Effect::Ping));
    assert!(!session.handle(Input::Tick, at(20)).contains(&Effect::Ping));
}

#[test]
fn going_away_is_honoured() {
    let mut session = live(0);
    session.handle(Input::GoingAway(Duration::from_millis(700)), at(5_000));
    session.handle(closed(CloseCode::GoingAway), at(5_100));
    assert_eq!(pause(&session, at(5_100)), Duration::from_millis(700));
    assert!(tries(&session.handle(Input::Tick, at(5_800))));
}

#[test]
fn a_silent_socket_is_replaced_and_a_pinged_one_is_not() {
    let mut session = live(0);
    for second in 1..200 {
        session.handle(Input::Heard, at(second * 1000));
        assert!(!tries(&session.handle(Input::Tick, at(second * 1000))));
    }
    assert!(!tries(&session.handle(Input::Tick, at(258_999))));
    let effects = session.handle(Input::Tick, at(259_000));
    assert_eq!(effects, [Effect::Close(CloseCode::Silent), Effect::Open(Transport::WebSocket)]);
}

#[test]
fn an_attempt_without_an_answer_ends_after_the_connect_time() {
    let mut session = Session::new(Kind::Fixed, Timing::default());
    assert_eq!(session.handle(Input::Connect, at(0)), [Effect::Open(Transport::WebSocket)]);
    assert!(session.handle(Input::Tick, at(19_999)).is_empty());
    assert_eq!(session.handle(Input::Tick, at(20_000)), [Effect::Close(CloseCode::Normal)]);
    assert!(matches!(session.view(), ConnectionState::Offline { .. }));
}

#[test]
fn a_clock_that_jumped_replaces_the_socket_at_once() {
    let mut session = live(0);
    session.handle(Input::Tick, at(0));
    // Asleep for an hour: the monotonic clock stood still.
    let woke = Moment { wall: UnixMillis(1_000_000).plus(60 * MINUTE), ..at(5_000) };
    let effects = session.handle(Input::Tick, woke);
    // The token ran out meanwhile: it is renewed first.
    assert_eq!(effects, [Effect::Close(CloseCode::Normal), Effect::Renew]);
    assert_eq!(session.handle(Input::Renewed(TOKEN), woke), [Effect::Open(Transport::WebSocket)]);
}

#[test]
fn a_clock_that_is_set_back_changes_nothing() {
    let mut session = live(0);
    session.handle(Input::Tick, at(0));
    let back = Moment { wall: UnixMillis(0), ..at(5_000) };
    assert!(!tries(&session.handle(Input::Tick, back)));
}

#[test]
fn the_token_is_renewed_on_the_live_connection_before_it_runs_out() {
    let mut session = live(0);
    session.handle(Input::Heard, at(479_000));
    assert!(!session.handle(Input::Tick, at(479_000)).contains(&Effect::Renew));
    assert!(session.handle(Input::Tick, at(480_000)).contains(&Effect::Renew));
    assert!(!session.handle(Input::Tick, at(480_001)).contains(&Effect::Renew), "one request at a time");
    assert_eq!(session.handle(Input::Renewed(TOKEN), at(480_100)), [Effect::OfferToken]);
}

#[test]
fn a_renewal_that_fails_on_a_live_connection_is_tried_again_and_costs_nothing() {
    let mut session = live(0);
    session.handle(Input::Heard, at(480_000));
    session.handle(Input::Tick, at(480_000));
    assert!(session.handle(Input::RenewFailed("no route".into()), at(480_500)).is_empty());
    assert!(matches!(session.view(), ConnectionState::Live { .. }));
    assert!(session.handle(Input::Tick, at(490_500)).contains(&Effect::Renew));
}

#[test]
fn a_refused_renewal_needs_a_sign_in_and_a_failed_one_does_not() {
    let mut session = Session::new(Kind::Member, Timing::default());
    session.handle(Input::Connect, at(0));
    session.handle(Input::RenewFailed("no route".into()), at(100));
    assert!(matches!(session.view(), ConnectionState::Offline { .. }));
    assert!(tries(&session.handle(Input::RetryNow, at(200))));
    let effects = session.handle(Input::RenewRefused("revoked".into()), at(300));
    assert!(effects.contains(&Effect::Forget));
    assert_eq!(session.view(), ConnectionState::SignInNeeded { reason: "revoked".into() });
    assert!(session.handle(Input::Tick, at(9_000_000)).is_empty(), "nothing is tried until then");
}

#[test]
fn an_unauthorized_token_is_renewed_once() {
    let unauthorized = || Input::OpenFailed(OpenFailure::Unauthorized("not accepted".into()));
    let mut session = Session::new(Kind::Member, Timing::default());
    session.handle(Input::Connect, at(0));
    session.handle(Input::Renewed(TOKEN), at(0));
    assert_eq!(session.handle(unauthorized(), at(100)), [Effect::Renew]);
    assert_eq!(session.handle(Input::Renewed(TOKEN), at(200)), [Effect::Open(Transport::WebSocket)]);
    session.handle(unauthorized(), at(300));
    assert!(matches!(session.view(), ConnectionState::SignInNeeded { .. }));

    let mut token = Session::new(Kind::Fixed, Timing::default());
    token.handle(Input::Connect, at(0));
    assert!(!token.handle(unauthorized(), at(100)).contains(&Effect::Forget));
    assert!(matches!(token.view(), ConnectionState::SignInNeeded { .. }));
}

#[test]
fn a_busy_server_gets_the_pause_it_asks_for() {
    let mut session = Session::new(Kind::Fixed, Timing::default());
    session.handle(Input::Connect, at(0));
    session.handle(Input::OpenFailed(OpenFailure::Busy(Duration::from_secs(9), "busy".into())), at(0));
    assert_eq!(pause(&session, at(0)), Duration::from_secs(9));
}

#[test]
fn who_disconnects_stays_disconnected_until_they_connect() {
    let mut session = live(0);
    assert_eq!(session.handle(Input::Disconnect, at(1000)), [Effect::Close(CloseCode::Normal)]);
    for input in [Input::Tick, Input::RetryNow, Input::Woke, refused(), Input::Closed(None, String::new())] {
        assert!(!tries(&session.handle(input, at(100_000))));
    }
    assert!(tries(&session.handle(Input::Connect, at(100_001))));
}

#[test]
fn after_the_last_attempt_that_there_may_be_it_stays_disconnected_until_somebody_connects_or_retries() {
    for wish in [Input::Connect, Input::RetryNow] {
        let timing = Timing { attempts: Some(3), ..Timing::default() };
        let mut session = Session::new(Kind::Fixed, timing);
        assert!(tries(&session.handle(Input::Connect, at(0))));
        for minute in 1..3 {
            session.handle(refused(), at(minute * 60_000));
            assert!(matches!(session.view(), ConnectionState::Offline { .. }));
            assert!(tries(&session.handle(Input::Tick, at(minute * 60_000 + 30_000))));
        }
        session.handle(refused(), at(180_000));
        let reason = Some("connection refused".to_owned());
        assert_eq!(session.view(), ConnectionState::Disconnected { since: at(60_000).wall, reason });
        for input in [Input::Tick, Input::Woke, Input::NetworkChanged] {
            assert!(!tries(&session.handle(input, at(9_000_000))));
        }
        assert!(tries(&session.handle(wish, at(9_000_001))));
        session.handle(refused(), at(9_000_002));
        assert!(matches!(session.view(), ConnectionState::Offline { .. }), "counted from the beginning");
    }
}

#[test]
fn attempts_are_counted_from_the_last_connection_that_was_stable() {
    let mut session = Session::new(Kind::Fixed, Timing { attempts: Some(1), ..Timing::default() });
    session.handle(Input::Connect, at(0));
    for second in 1..10 {
        session.handle(Input::Opened, at(second * 10_000));
        session.handle(Input::Rooms { done: 1, of: 1 }, at(second * 10_000));
        assert!(tries(&session.handle(Input::Closed(None, "lost".into()), at(second * 10_000 + 5_000))));
    }
    session.handle(refused(), at(100_000));
    assert!(matches!(session.view(), ConnectionState::Disconnected { .. }));
}

#[test]
fn offline_since_is_when_the_connection_was_lost_not_when_the_last_attempt_failed() {
    let mut session = live(0);
    session.handle(Input::Closed(None, "lost".into()), at(10_000));
    session.handle(refused(), at(11_000));
    session.handle(Input::Tick, at(15_000));
    session.handle(refused(), at(16_000));
    match session.view() {
        ConnectionState::Offline { since, .. } => assert_eq!(since, at(10_000).wall),
        other => panic!("{other:?}"),
    }
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        Just(Input::Connect),
        Just(Input::Disconnect),
        Just(Input::RetryNow),
        Just(Input::Woke),
        Just(Input::NetworkChanged),
        Just(Input::Pong),
        any::<bool>().prop_map(|works| Input::Tried { works }),
        Just(Input::OpenFailed(OpenFailure::Blocked("426".into()))),
        Just(Input::Opened),
        Just(Input::Heard),
        Just(refused()),
        Just(Input::OpenFailed(OpenFailure::Unauthorized("no".into()))),
        Just(Input::OpenFailed(OpenFailure::Busy(MINUTE, "busy".into()))),
        (0..3u32).prop_map(|done| Input::Rooms { done, of: 2 }),
        Just(Input::GoingAway(MINUTE)),
        proptest::sample::select(CloseCode::ALL).prop_map(closed),
        Just(Input::Broken("disk full".into())),
        Just(Input::Renewed(TOKEN)),
        Just(Input::RenewFailed("no route".into())),
        Just(Input::Tick),
    ]
}

proptest! {
    /// Whatever happens, in whatever order: unless a person or the server said stop, there is a next attempt, and it
    /// is never far away.
    #[test]
    fn there_is_always_a_next_attempt(steps in prop::collection::vec((any_input(), 0..30_000u64, 0.0..1.0f64), 1..80)) {
        let mut session = Session::new(Kind::Member, Timing::default());
        let mut now = Duration::ZERO;
        session.handle(Input::Connect, at_with(now, 0.5));
        for (input, ms, jitter) in steps {
            now += Duration::from_millis(ms);
            let moment = at_with(now, jitter);
            session.handle(input, moment);
            session.handle(Input::Tick, moment);
            prop_assert!(session.deadline(moment) <= now + MINUTE);
            if let ConnectionState::Offline { next_try_at, .. } = session.view() {
                prop_assert!(next_try_at.since(moment.wall) <= LONGEST_ASKED);
            }
        }
        // Left to itself with a server that works, it is up to date within the longest pause.
        if !matches!(session.view(), ConnectionState::Disconnected { .. } | ConnectionState::SignInNeeded { .. }) {
            for _ in 0..40 {
                now += Duration::from_secs(5);
                let moment = at_with(now, 1.0);
                let input = match session.state {
                    State::Renewing => Input::Renewed(TOKEN),
                    State::Opening { .. } => Input::Opened,
                    State::Open(_) => Input::Rooms { done: 1, of: 1 },
                    _ => Input::Tick,
                };
                session.handle(input, moment);
                session.handle(Input::Heard, moment);
            }
            let live = matches!(session.view(), ConnectionState::Live { .. });
            prop_assert!(live, "{:?}", session.view());
        }
    }
}
