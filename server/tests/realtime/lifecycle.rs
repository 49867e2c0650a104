//! How connections live and end: heartbeat, tokens, revocation, heads, the farewell.

use std::{collections::BTreeSet, time::Duration};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use watchbell_protocol::{
    CloseCode, CommandId, ErrorCode, SUBPROTOCOL, ServerFrame, UnixMillis,
    command::{ActivityPost, AuthRefresh},
};
use watchbell_server::{Timing, auth::Scope, store::accounts};

use crate::fixture::{SOON, Server, now, quick, text};

fn code(close: Option<tokio_tungstenite::tungstenite::protocol::CloseFrame>) -> Option<CloseCode> {
    close.and_then(|close| CloseCode::from_number(close.code.into()))
}

#[tokio::test]
async fn an_expired_token_ends_the_connection_and_a_fresh_one_keeps_it() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let short = server.access_token(&ada, Duration::from_secs(2));
    let (mut lapsing, mut kept) = (server.connect(&short).await, server.connect(&short).await);
    let id = CommandId::fresh();
    kept.send(Some(id), None, AuthRefresh { access_token: text(&ada.token) }).await;
    kept.answer(id).await.unwrap();
    assert_eq!(code(lapsing.closed().await), Some(CloseCode::TokenExpired));
    kept.join(ada.room(), None).await;
}

#[tokio::test]
async fn a_token_of_somebody_else_does_not_take_over_a_connection() {
    let server = Server::start().await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let other_device = server.sign_in(ada.id).await;
    let mut a = server.connect(&ada.token).await;
    for (token, expected) in [
        (bob.token.as_str(), ErrorCode::Forbidden),
        (other_device.token.as_str(), ErrorCode::Forbidden),
        ("nonsense", ErrorCode::Unauthenticated),
    ] {
        let id = CommandId::fresh();
        a.send(Some(id), None, AuthRefresh { access_token: text(token) }).await;
        assert_eq!(a.answer(id).await.unwrap_err().code, expected);
    }
    a.join(ada.room(), None).await;
}

#[tokio::test]
async fn a_disabled_member_and_an_ended_sign_in_are_cut_off() {
    let server = Server::start().await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let bob_elsewhere = server.sign_in(bob.id).await;
    let (mut a, mut b) = (server.connect(&ada.token).await, server.connect(&bob.token).await);
    let mut kept = server.connect(&bob_elsewhere.token).await;
    let mut tx = server.store.write().await.unwrap();
    assert!(accounts::set_disabled(&mut tx, ada.id, Some(now())).await.unwrap());
    // Committed late, or by a clock that was set forward since.
    let a_while_ago = UnixMillis(now().0 - 30 * 60_000);
    accounts::revoke(&mut tx, bob.family, a_while_ago).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(code(a.closed().await), Some(CloseCode::Revoked));
    assert_eq!(code(b.closed().await), Some(CloseCode::Revoked));
    kept.join(bob.room(), None).await;
}

#[tokio::test]
async fn a_revoked_api_token_and_a_changed_password_end_live_connections() {
    let server = Server::start().await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let ada_elsewhere = server.sign_in(ada.id).await;
    let room = server.project("web", &[&ada, &bob]).await;
    let leaked = server.api_token(&[Scope::ReportLogs], room).await;
    let other = server.api_token(&[Scope::AnalysisRun], room).await;
    let mut ended = Vec::new();
    for token in [&leaked, &ada.token, &ada_elsewhere.token] {
        ended.push(server.connect(token).await);
    }
    let (mut b, mut ci) = (server.connect(&bob.token).await, server.connect(&other).await);

    let (id, _) = leaked.trim_start_matches("wbt_").split_once('.').unwrap();
    server.command_line(&["token", "revoke", id], "").await;
    server.command_line(&["user", "password", "ada", "--password-stdin"], "another one, and longer\n").await;
    for mut client in ended {
        assert_eq!(code(client.closed().await), Some(CloseCode::Revoked));
    }
    for token in [&leaked, &ada.token, &ada_elsewhere.token] {
        let (status, _) = server.try_connect(Some(token), Some(SUBPROTOCOL)).await.err().unwrap();
        assert_eq!(status, 401);
    }
    b.join(bob.room(), None).await;
    ci.join(room, None).await;
}

#[tokio::test]
async fn heads_come_behind_the_events_they_name() {
    let server = Server::start_with(Timing { heads_every: Duration::from_millis(100), ..quick() }).await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut a = server.connect(&ada.token).await;
    let at = a.join(room, None).await.at;
    let post = ActivityPost { title: text("x"), body: None };
    let seq = a.ask(room, post).await.unwrap().seq.unwrap();
    let mut seen = at.seq;
    loop {
        match a.next().await {
            ServerFrame::Event(event) if event.room == room => seen = event.seq.unwrap_or(seen),
            ServerFrame::Heads(heads) => {
                assert!(heads[&room].seq <= seen, "a head before its events");
                assert_eq!(heads[&room].epoch, at.epoch);
                if heads[&room].seq == seq {
                    break;
                }
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_silent_peer_is_closed() {
    let silence = Duration::from_millis(200);
    let server = Server::start_with(Timing { silence, ping_every: Duration::from_mins(1), ..quick() }).await;
    let ada = server.member("ada").await;
    let mut a = server.connect(&ada.token).await;
    assert_eq!(code(a.closed().await), Some(CloseCode::Silent));
}

#[tokio::test]
async fn pongs_keep_a_quiet_connection() {
    let timing = Timing {
        silence: Duration::from_millis(400),
        ping_every: Duration::from_millis(50),
        heads_every: Duration::from_millis(1200),
        ..quick()
    };
    let server = Server::start_with(timing).await;
    let ada = server.member("ada").await;
    let mut a = server.connect(&ada.token).await;
    a.join(ada.room(), None).await;
    a.find(|frame| matches!(frame, ServerFrame::Heads(_)).then_some(())).await;
}

#[tokio::test]
async fn a_stopping_server_says_farewell_and_keeps_what_it_acknowledged() {
    let mut server = Server::start().await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut a = server.connect(&ada.token).await;
    let at = a.join(room, None).await.at;
    let post = ActivityPost { title: text("kept"), body: None };
    a.ask(room, post).await.unwrap();
    let stopping = server.stop();
    let farewell = async {
        let away = a.find(|frame| match frame {
            ServerFrame::GoingAway(away) => Some(*away),
            _ => None,
        });
        assert!(away.await.reconnect_in_ms < 5000);
        a.closed().await
    };
    let ((), close) = tokio::join!(stopping, farewell);
    assert_eq!(code(close), Some(CloseCode::GoingAway));
    server.restart().await;
    let joined = server.connect(&ada.token).await.join(room, Some(at)).await;
    assert_eq!((joined.resync, joined.events.len()), (None, 1));
}

#[tokio::test]
async fn those_who_are_sent_away_come_back_spread_over_two_milliseconds_for_each() {
    const MANY: usize = 60;
    let mut server = Server::start().await;
    let ada = server.member("ada").await;
    let mut clients = Vec::new();
    for _ in 0..MANY {
        clients.push(server.connect(&ada.token).await);
    }
    let mut waits = BTreeSet::new();
    let farewells = async {
        for client in &mut clients {
            let told = |frame: &ServerFrame| match frame {
                ServerFrame::GoingAway(away) => Some(away.reconnect_in_ms),
                _ => None,
            };
            waits.insert(client.find(told).await);
            client.closed().await;
        }
    };
    tokio::join!(server.stop(), farewells);
    let most = 2 * MANY as u32;
    // Random, but not even a quarter of them being different, or all being in one half, happens to nobody.
    assert!(waits.len() > MANY / 4, "{waits:?}");
    assert!(waits.first().unwrap() <= &(most / 2) && waits.last().unwrap() > &(most / 2), "{waits:?}");
    assert!(waits.last().unwrap() <= &most, "{waits:?}");
}

#[tokio::test]
async fn a_client_that_never_says_what_it_wants_is_let_go_and_a_websocket_stays() {
    let head = Duration::from_millis(300);
    let server = Server::start_with(Timing { head, request: head, ..quick() }).await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut a = server.connect(&ada.token).await;
    a.join(room, None).await;
    for unfinished in ["GET / HTTP/1.1\r\n", "POST /v1/sign-in HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"] {
        let mut silent = server.raw().await;
        silent.write_all(unfinished.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        // The end of what the server has to say: it has closed, or says that it took too long and then closes.
        tokio::time::timeout(SOON, silent.read_to_end(&mut rest)).await.expect("is let go").unwrap();
    }
    a.ask(room, ActivityPost { title: text("still here"), body: None }).await.unwrap();
}

#[tokio::test]
async fn a_newer_database_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("watchbell.db");
    let store = watchbell_server::store::Store::open(&file).await.unwrap();
    let mut tx = store.write().await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', 1, x'00', 0)",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    store.close().await;
    let error = watchbell_server::store::Store::open(&file).await.unwrap_err().to_string();
    assert!(error.contains("9999"), "{error}");
}
