//! The connection against a scripted server: resume, silence, tokens, refusals.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod common;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use common::{Kept, Peer, Renewal, change, client, event, file, notified, options, position, soon};
use watchbell_client::{
    CacheLocation, Client, Credentials, Follow, Heard, NoStore, OpenError, Options, Timing,
    change::{Change, Shown},
    view::{ConnectionState, NotificationFilter},
};
use watchbell_protocol::{
    CloseCode, ErrorCode, Event, ProjectId, Room, ServerFrame, StateItem, Text, UnixMillis, UserId, WireError,
    command::PresenceUpdate,
    event::{Project, Status},
    frame::GoingAway,
};

fn user() -> UserId {
    UserId(uuid::Uuid::from_u128(7))
}

fn token() -> Credentials {
    Credentials::Token("token".into())
}

async fn reaches(client: &Client, what: &str, wanted: impl Fn(&ConnectionState) -> bool) -> ConnectionState {
    let mut connection = client.watch_connection();
    soon(what, connection.wait_for(|connection| wanted(&connection.state))).await.unwrap().state.clone()
}

async fn unread_becomes(client: &Client, unread: u32) {
    let mut changes = client.changes();
    if client.unread().await.unwrap() != unread {
        let pick =
            |change: &Change| matches!(change, Change::Notifications { unread: now } if *now == unread).then_some(());
        change(&mut changes, pick).await;
    }
}

#[tokio::test]
async fn a_lost_connection_is_resumed_from_the_position_and_a_duplicate_is_applied_once() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let own = Room::User(user());
    let mut connection = peer.greet(user()).await;
    assert_eq!(connection.join().await, (own, None));
    connection.rebuild(own, position(3), Vec::new()).await;
    connection.send(ServerFrame::Event(Box::new(notified(user(), 4)))).await;
    client.live().await.unwrap();
    unread_becomes(&client, 1).await;
    connection.close(CloseCode::Internal.number()).await;

    let mut connection = peer.greet(user()).await;
    assert_eq!(connection.join().await, (own, Some(position(4))));
    let missed = (3..=6).map(|seq| notified(user(), seq)).collect();
    connection.send(ServerFrame::Batch(missed)).await;
    connection.caught_up(own, position(6)).await;
    unread_becomes(&client, 3).await;
    client.shutdown().await;
    connection.closed().await;
}

#[tokio::test]
async fn a_gap_and_a_foreign_head_lead_to_another_join_from_the_position() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let own = Room::User(user());
    let mut connection = peer.greet(user()).await;
    connection.join().await;
    connection.rebuild(own, position(3), Vec::new()).await;
    connection.send(ServerFrame::Event(Box::new(notified(user(), 5)))).await;
    assert_eq!(connection.join().await, (own, Some(position(3))));
    connection.send(ServerFrame::Batch(vec![notified(user(), 4), notified(user(), 5)])).await;
    connection.caught_up(own, position(5)).await;
    unread_becomes(&client, 2).await;
    connection.send(ServerFrame::Heads([(own, position(5))].into())).await;
    connection.send(ServerFrame::Heads([(own, position(6))].into())).await;
    assert_eq!(connection.join().await, (own, Some(position(5))));
}

#[tokio::test]
async fn a_room_that_never_gets_up_to_date_leads_to_another_connection_after_a_pause() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let own = Room::User(user());
    let mut connection = peer.greet(user()).await;
    connection.join().await;
    connection.rebuild(own, position(3), Vec::new()).await;
    client.live().await.unwrap();
    connection.send(ServerFrame::Heads([(own, position(9))].into())).await;
    for _ in 0..5 {
        connection.join().await;
        connection.caught_up(own, position(9)).await;
    }
    let state = reaches(&client, "a pause", |state| matches!(state, ConnectionState::Offline { .. })).await;
    assert!(matches!(state, ConnectionState::Offline { reason, .. } if reason.contains("up to date")));
    peer.accept().await;
}

#[tokio::test]
async fn projects_of_the_own_room_are_joined_and_a_membership_that_ends_is_wiped() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let (own, id) = (Room::User(user()), ProjectId::fresh());
    let project = Project { id, name: Text::clip("web"), created_at: UnixMillis(1) };
    let mut connection = peer.greet(user()).await;
    connection.join().await;
    connection.rebuild(own, position(1), vec![StateItem::Project(project)]).await;
    assert_eq!(connection.join().await, (Room::Project(id), None));
    connection.rebuild(Room::Project(id), position(1), Vec::new()).await;
    client.live().await.unwrap();
    assert!(client.project(id).await.unwrap().unwrap().known);
    let mut changes = client.changes();
    connection.send(ServerFrame::Left { room: Room::Project(id) }).await;
    change(&mut changes, |change| (*change == Change::Reset { project: id }).then_some(())).await;
    assert_eq!(client.project(id).await.unwrap(), None);
}

#[tokio::test]
async fn following_one_project_joins_no_other_and_following_less_leaves() {
    let mut peer = Peer::start().await;
    let (wanted, other) = (ProjectId::fresh(), ProjectId::fresh());
    let options = Options { follow: Follow::Only(wanted), ..options(&peer.url, CacheLocation::Memory) };
    let client = Client::open(options, token(), Arc::new(NoStore)).await.unwrap();
    let own = Room::User(user());
    let mut connection = peer.greet(user()).await;
    assert_eq!(connection.join().await.0, own);
    assert_eq!(connection.join().await.0, Room::Project(wanted));
    let project = |id| StateItem::Project(Project { id, name: Text::clip("web"), created_at: UnixMillis(1) });
    connection.rebuild(own, position(1), vec![project(wanted), project(other)]).await;
    connection.rebuild(Room::Project(wanted), position(1), Vec::new()).await;
    client.live().await.unwrap();
    assert_eq!(client.projects().await.unwrap().len(), 2);
    client.follow(Follow::Own);
    let left = connection.command("room:leave").await;
    assert_eq!(left.room, Some(Room::Project(wanted)));
}

#[tokio::test]
async fn a_silent_server_is_replaced() {
    let mut peer = Peer::start().await;
    let timing = Timing { silence: Duration::from_millis(300), ..Timing::fast() };
    let options = Options { timing, ..options(&peer.url, CacheLocation::Memory) };
    let _client = Client::open(options, token(), Arc::new(NoStore)).await.unwrap();
    // Kept open, and frozen.
    let _frozen = peer.greet(user()).await;
    peer.accept().await;
}

#[tokio::test]
async fn waking_replaces_the_socket_at_once() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let mut first = peer.greet(user()).await;
    first.join().await;
    client.woke();
    peer.accept().await;
    first.closed().await;
}

#[tokio::test]
async fn disconnected_stays_disconnected_and_connect_comes_back() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let mut first = peer.greet(user()).await;
    first.join().await;
    client.disconnect();
    first.closed().await;
    reaches(&client, "the end", |state| matches!(state, ConnectionState::Disconnected { reason: None, .. })).await;
    client.connect();
    let live = client.live();
    let own = Room::User(user());
    let back = async {
        let mut second = peer.greet(user()).await;
        second.join().await;
        second.rebuild(own, position(0), Vec::new()).await;
        second
    };
    let (live, _second) = tokio::join!(live, back);
    assert_eq!(live, Ok(()), "the state from before `connect` is not taken for its result");
}

#[tokio::test]
async fn going_away_says_when_to_come_back() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let mut connection = peer.greet(user()).await;
    connection.send(ServerFrame::GoingAway(GoingAway { reconnect_in_ms: 60_000 })).await;
    connection.close(CloseCode::GoingAway.number()).await;
    let state = reaches(&client, "offline", |state| matches!(state, ConnectionState::Offline { .. })).await;
    let ConnectionState::Offline { since, next_try_at, .. } = state else { unreachable!() };
    assert!(next_try_at.since(since) >= Duration::from_secs(59));
    client.retry_now();
    peer.accept().await;
}

#[tokio::test]
async fn a_window_that_gets_the_focus_makes_the_next_attempt_at_once() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let mut connection = peer.greet(user()).await;
    connection.send(ServerFrame::GoingAway(GoingAway { reconnect_in_ms: 60_000 })).await;
    connection.close(CloseCode::GoingAway.number()).await;
    reaches(&client, "offline", |state| matches!(state, ConnectionState::Offline { .. })).await;
    client.set_focus(true);
    peer.accept().await;
}

#[tokio::test]
async fn the_token_is_renewed_before_connecting_and_on_the_live_connection_and_kept() {
    let mut peer = Peer::start().await;
    peer.renews(Renewal::Seconds(2));
    let kept = Arc::new(Kept::default());
    let refresh = Credentials::Refresh("refresh-0".into());
    let client = Client::open(options(&peer.url, CacheLocation::Memory), refresh, kept.clone()).await.unwrap();
    let mut connection = peer.greet(user()).await;
    assert_eq!(connection.bearer, "Bearer access-1");
    assert_eq!(kept.0.lock().as_deref(), Some("refresh-1"));
    assert_eq!(client.account().await.unwrap().unwrap().display_name, "Mia");
    assert_eq!(client.server_name().await.unwrap().as_deref(), Some("Test"));
    let frame = connection.command("auth:refresh").await;
    let text = serde_json::to_value(&frame).unwrap();
    assert_eq!(text["data"]["access_token"], "access-2");
    assert_eq!(kept.0.lock().as_deref(), Some("refresh-2"));
}

#[tokio::test]
async fn an_access_token_that_is_not_accepted_is_renewed_once() {
    let mut peer = Peer::start().await;
    *peer.accepts.lock() = "access-2".into();
    let refresh = Credentials::Refresh("refresh-0".into());
    let _client = Client::open(options(&peer.url, CacheLocation::Memory), refresh, Arc::new(NoStore)).await.unwrap();
    let connection = peer.accept().await;
    assert_eq!(connection.bearer, "Bearer access-2");
    assert_eq!(peer.renewals.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refused_renewal_needs_a_sign_in_and_an_unreachable_server_does_not() {
    let peer = Peer::start().await;
    peer.renews(Renewal::Down);
    let kept = Arc::new(Kept::default());
    *kept.0.lock() = Some("refresh-0".into());
    let refresh = Credentials::Refresh("refresh-0".into());
    let client = Client::open(options(&peer.url, CacheLocation::Memory), refresh, kept.clone()).await.unwrap();
    reaches(&client, "offline", |state| matches!(state, ConnectionState::Offline { .. })).await;
    assert!(kept.0.lock().is_some());
    peer.renews(Renewal::Refused);
    let state = reaches(&client, "sign-in", |state| matches!(state, ConnectionState::SignInNeeded { .. })).await;
    assert_eq!(state, ConnectionState::SignInNeeded { reason: "the sign-in was revoked".into() });
    soon("the keyring to be cleared", async {
        while kept.0.lock().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(client.live().await, Err("the sign-in was revoked".into()));
}

#[tokio::test]
async fn what_is_so_now_is_said_again_on_the_next_connection_and_only_the_latest() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let presence = |status| PresenceUpdate { status, viewing: None };
    client.momentary(None, presence(Status::Online));
    client.momentary(None, presence(Status::Away));
    for _ in 0..2 {
        let mut connection = peer.greet(user()).await;
        let said = connection.command("presence:update").await;
        assert_eq!((said.id, said.command), (None, presence(Status::Away).into()));
        connection.close(CloseCode::Silent.number()).await;
    }
}

#[tokio::test]
async fn what_was_missed_is_one_summary_and_what_comes_then_is_shown() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let own = Room::User(user());
    let mut changes = client.changes();
    let mut events = client.events();
    let mut connection = peer.greet(user()).await;
    connection.join().await;
    connection.rebuild(own, position(0), Vec::new()).await;
    client.live().await.unwrap();
    connection.close(CloseCode::Silent.number()).await;

    let mut connection = peer.greet(user()).await;
    connection.join().await;
    connection.send(ServerFrame::Batch((1..=7).map(|seq| notified(user(), seq)).collect())).await;
    connection.caught_up(own, position(7)).await;
    let summary = change(&mut changes, |change| match change {
        Change::Summary { count, unread, shown } => Some((*count, *unread, *shown)),
        Change::Arrived { .. } => panic!("one by one"),
        _ => None,
    });
    assert_eq!(summary.await, (7, 7, Shown::Popup));
    for (focused, seq, wanted) in [(false, 8, Shown::Popup), (true, 9, Shown::Toast)] {
        client.set_focus(focused);
        connection.send(ServerFrame::Event(Box::new(notified(user(), seq)))).await;
        let arrived = change(&mut changes, |change| match change {
            Change::Arrived { notification, shown, .. } if notification.seq.0 == seq => Some(*shown),
            _ => None,
        });
        assert_eq!(arrived.await, wanted);
    }
    let heard = soon("the first event", async {
        loop {
            if let Some(Heard::Event(event)) = events.next().await {
                return event;
            }
        }
    });
    assert!(matches!(heard.await.event, Event::NotificationNew(_)));
}

#[tokio::test]
async fn an_error_frame_harms_nothing() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let own = Room::User(user());
    let mut connection = peer.greet(user()).await;
    connection.join().await;
    connection.send(ServerFrame::Error(WireError::new(ErrorCode::BadRequest, "no"))).await;
    connection.rebuild(own, position(0), Vec::new()).await;
    connection.send(ServerFrame::Event(Box::new(event(own, 1, notified(user(), 1).event)))).await;
    unread_becomes(&client, 1).await;
}

#[tokio::test]
async fn it_starts_offline_with_everything_and_says_how_old_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut peer = Peer::start().await;
    let client = common::client(&peer.url, file(folder.path())).await;
    let own = Room::User(user());
    let mut connection = peer.greet(user()).await;
    connection.join().await;
    connection.rebuild(own, position(2), vec![StateItem::Notification(common::notification(2))]).await;
    client.live().await.unwrap();
    client.shutdown().await;

    let nowhere = "http://127.0.0.1:9".parse().unwrap();
    let client = common::client(&nowhere, file(folder.path())).await;
    let page = client.notifications(&NotificationFilter::default()).await.unwrap();
    assert_eq!((page.rows.len(), page.unread), (1, 1));
    assert!(client.connection().saved_at.is_some());
    reaches(&client, "offline", |state| matches!(state, ConnectionState::Offline { .. })).await;
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    let server = "http://bell.example.com".parse().unwrap();
    let opened = Client::open(options(&server, CacheLocation::Memory), token(), Arc::new(NoStore)).await;
    assert!(matches!(opened, Err(OpenError::Address(_))));
}
