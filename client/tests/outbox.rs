//! The outbox against a scripted server: nothing a person did is lost, and nothing is done twice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod common;

use common::{Peer, change, client, file, notification, notified, position, soon};
use watchbell_client::{CacheLocation, Client, RequestError, change::Change};
use watchbell_protocol::{
    CloseCode, Command, ErrorCode, ProjectId, Room, Seq, ServerFrame, StateItem, Text, UnixMillis, UserId, WireError,
    command::{NotificationReadAll, Notify},
    event::{Level, NotificationRead, Selection},
};

fn user() -> UserId {
    UserId(uuid::Uuid::from_u128(7))
}

fn own() -> Room {
    Room::User(user())
}

fn notice() -> Notify {
    Notify { level: Level::Info, title: Text::clip("hello"), body: Text::default(), link: None }
}

async fn read_all(client: &Client, through: i64) {
    client.send(Some(own()), NotificationReadAll { through: Seq(through) }).await.unwrap();
}

#[tokio::test]
async fn what_was_done_offline_arrives_after_a_restart_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut peer = Peer::start().await;
    let client = common::client(&peer.url, file(folder.path())).await;
    let mut connection = peer.greet(user()).await;
    connection.join().await;
    connection.rebuild(own(), position(2), vec![StateItem::Notification(notification(2))]).await;
    client.live().await.unwrap();
    client.disconnect();
    connection.closed().await;
    read_all(&client, 2).await;
    assert_eq!(client.unread().await.unwrap(), 0);
    client.shutdown().await;

    let client = common::client(&peer.url, file(folder.path())).await;
    assert_eq!((client.unread().await.unwrap(), client.connection().waiting), (0, 1));
    let mut connection = peer.greet(user()).await;
    let first = connection.command("notification:read_all").await;
    // The answer is lost with the connection: it is sent again, under the same id.
    connection.close(CloseCode::Internal.number()).await;
    let mut connection = peer.greet(user()).await;
    let second = connection.command("notification:read_all").await;
    assert_eq!(first, second);
    connection.ok(second.id.unwrap(), own(), Seq(3)).await;
    soon("the outbox to drain", client.drained()).await;
    assert_eq!(client.unread().await.unwrap(), 0, "the event has not arrived yet");
    let read = NotificationRead { which: Selection::Through(Seq(2)), at: UnixMillis(1) };
    connection.send(ServerFrame::Event(Box::new(common::event(own(), 3, read)))).await;
    connection.caught_up(own(), position(3)).await;
    client.live().await.unwrap();
    assert_eq!(client.unread().await.unwrap(), 0);
    connection.close(CloseCode::Silent.number()).await;

    let mut connection = peer.greet(user()).await;
    connection.join().await;
    client.send(None, notice()).await.unwrap();
    assert_eq!(connection.next().await.command.name(), "notify", "an answered command is not sent again");
}

#[tokio::test]
async fn a_refusal_is_told_and_what_it_showed_is_taken_back() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let mut changes = client.changes();
    let mut connection = peer.greet(user()).await;
    connection.join().await;
    connection.rebuild(own(), position(2), vec![StateItem::Notification(notification(2))]).await;
    client.live().await.unwrap();
    read_all(&client, 2).await;
    let asked = connection.command("notification:read_all").await;
    change(&mut changes, |change| matches!(change, Change::Notifications { unread: 0 }).then_some(())).await;
    let error = WireError::new(ErrorCode::Expired, "too old");
    connection.send(ServerFrame::Answer { re: asked.id.unwrap(), result: Err(error.clone()) }).await;
    let refused = change(&mut changes, |change| match change {
        Change::Refused { command, name, error } => Some((*command, name.clone(), error.clone())),
        _ => None,
    });
    assert_eq!(refused.await, (asked.id.unwrap(), "notification:read_all".into(), error));
    assert_eq!(client.unread().await.unwrap(), 1);
    soon("the outbox to drain", client.drained()).await;
}

#[tokio::test]
async fn a_refusal_for_the_moment_is_sent_again_and_the_answer_found_over_connections() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let room = Room::Project(ProjectId::fresh());
    let request = tokio::spawn({
        let client = client.clone();
        async move { client.request(Some(room), notice()).await }
    });
    let mut connection = peer.greet(user()).await;
    let asked = connection.command("notify").await;
    let busy = WireError::new(ErrorCode::RateLimited, "slow down").retry_after_ms(30);
    connection.send(ServerFrame::Answer { re: asked.id.unwrap(), result: Err(busy) }).await;
    assert_eq!(connection.command("notify").await, asked);
    connection.close(CloseCode::Internal.number()).await;
    let mut connection = peer.greet(user()).await;
    assert_eq!(connection.command("notify").await, asked);
    connection.ok(asked.id.unwrap(), room, Seq(9)).await;
    let answer = soon("the answer", request).await.unwrap().unwrap();
    assert_eq!(answer.seq, Some(Seq(9)));
    soon("the outbox to drain", client.drained()).await;
}

#[tokio::test]
async fn a_request_hears_its_refusal() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let mut connection = peer.greet(user()).await;
    let pending = client.begin(None, notice()).await.unwrap();
    let asked = connection.command("notify").await;
    assert_eq!(asked.id, Some(pending.id));
    let error = WireError::new(ErrorCode::Forbidden, "not yours");
    connection.send(ServerFrame::Answer { re: pending.id, result: Err(error.clone()) }).await;
    let answer = soon("the answer", pending.answer()).await;
    assert!(matches!(answer, Err(RequestError::Refused(refusal)) if refusal == error));
}

#[tokio::test]
async fn a_request_that_nobody_answers_ends_with_the_client() {
    let peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let pending = client.begin(None, notice()).await.unwrap();
    client.shutdown().await;
    assert!(matches!(soon("the end", pending.answer()).await, Err(RequestError::ShutDown)));
}

#[tokio::test]
async fn commands_are_sent_in_order_and_no_more_than_sixty_four_at_once() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    for through in 1..=100 {
        read_all(&client, through).await;
    }
    let mut connection = peer.greet(user()).await;
    connection.join().await;
    let mut sent = Vec::new();
    for _ in 0..64 {
        sent.push(connection.next().await);
    }
    // The way is full: only an answer makes room.
    connection.send(ServerFrame::Event(Box::new(notified(user(), 1)))).await;
    connection.ok(sent[0].id.unwrap(), own(), Seq(1)).await;
    sent.push(connection.next().await);
    let order: Vec<i64> = sent
        .iter()
        .map(|frame| match &frame.command {
            Command::NotificationReadAll(all) => all.through.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(order, (1..=65).collect::<Vec<_>>());
}
