//! Streams against a scripted server: what is looked at, what is heard of it, and lines on their way in.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod common;

use common::{Connection, Peer, client, event, position, soon};
use watchbell_client::{CacheLocation, Client, Events, Follow, Heard, RequestError, Streams};
use watchbell_protocol::{
    Answer, CloseCode, Command, CommandId, ErrorCode, Event, List, Position, ProjectId, Room, RoomEvent, ServerFrame,
    Text, UserId, WireError,
    command::{LogsAppend, RoomJoin},
    event::{LogLine, LogsStream},
    frame::Gap,
};

fn user() -> UserId {
    UserId(uuid::Uuid::from_u128(7))
}

fn project() -> ProjectId {
    ProjectId(uuid::Uuid::from_u128(8))
}

fn room() -> Room {
    Room::Project(project())
}

fn streams(names: &[&str]) -> Streams {
    Streams::try_from(names.iter().map(|name| (*name).try_into().unwrap()).collect::<Vec<_>>()).unwrap()
}

fn line(text: &str) -> LogLine {
    LogLine { text: Text::clip(text), raw: None, level: None, written_at: None }
}

fn said(text: &str) -> RoomEvent {
    let event = event(room(), 0, LogsStream { source: Text::clip("build"), line: line(text) });
    RoomEvent { seq: None, tag: None, ..event }
}

fn append(text: &str) -> LogsAppend {
    LogsAppend { source: Text::clip("build"), lines: List::try_from(vec![line(text)]).unwrap() }
}

/// The next join of the project's room: its id, from where, and the streams.
async fn next_join(connection: &mut Connection) -> (CommandId, Option<Position>, Streams) {
    loop {
        let frame = connection.command("room:join").await;
        if let (Some(id), Command::RoomJoin(RoomJoin { since, streams })) = (frame.id, frame.command)
            && frame.room == Some(room())
        {
            return (id, since, streams);
        }
    }
}

/// A client that looks at the log of builds from its first join on, and is up to date.
async fn looker(peer: &mut Peer) -> (Client, Events, Connection) {
    let client = client(&peer.url, CacheLocation::Memory).await;
    let events = client.events();
    client.look(room(), streams(&["logs:build"]));
    client.follow(Follow::Only(project()));
    let mut connection = peer.greet(user()).await;
    let own = connection.join().await.0;
    connection.rebuild(own, position(0), Vec::new()).await;
    assert_eq!(next_join(&mut connection).await.2, streams(&["logs:build"]));
    connection.rebuild(room(), position(4), Vec::new()).await;
    client.live().await.unwrap();
    (client, events, connection)
}

/// What is heard of streams up to the line `last`.
async fn heard(events: &mut Events, last: &str) -> Vec<String> {
    let mut all = Vec::new();
    soon("the last line", async {
        while all.last().is_none_or(|line| line != last) {
            match events.next().await.unwrap() {
                Heard::Event(event) => {
                    if let Event::LogsStream(said) = &event.event {
                        all.push(said.line.text.to_string());
                    }
                }
                Heard::Gap { room: of, stream, dropped } => {
                    assert_eq!((of, stream.as_str()), (room(), "logs:build"));
                    all.push(format!("… {dropped}"));
                }
                Heard::Rebuilt { .. } | Heard::Missed { .. } => {}
            }
        }
    })
    .await;
    all
}

#[tokio::test]
async fn lines_and_gaps_are_heard_in_order_and_the_streams_are_named_again_after_a_reconnect() {
    let mut peer = Peer::start().await;
    let (client, mut events, mut connection) = looker(&mut peer).await;
    connection.send(ServerFrame::Batch(vec![said("1"), said("2")])).await;
    connection.send(ServerFrame::Gap { room: room(), gap: Gap { stream: "logs:build".into(), dropped: 120 } }).await;
    connection.send(ServerFrame::Event(Box::new(said("3")))).await;
    assert_eq!(heard(&mut events, "3").await, ["1", "2", "… 120", "3"]);
    connection.close(CloseCode::Internal.number()).await;

    let mut connection = peer.greet(user()).await;
    let (_, since, named) = next_join(&mut connection).await;
    assert_eq!((since, named), (Some(position(4)), streams(&["logs:build"])));
    connection.caught_up(room(), position(4)).await;
    connection.send(ServerFrame::Event(Box::new(said("4")))).await;
    assert_eq!(heard(&mut events, "4").await, ["4"]);
    client.shutdown().await;
}

#[tokio::test]
async fn to_look_at_other_streams_is_one_join_from_the_position_and_no_outage() {
    let mut peer = Peer::start().await;
    let (client, _events, mut connection) = looker(&mut peer).await;
    let states = client.watch_connection();
    let live = states.borrow().state.clone();
    for wanted in [streams(&["logs:build", "logs:web"]), streams(&[])] {
        client.look(room(), wanted.clone());
        let (id, since, named) = next_join(&mut connection).await;
        assert_eq!((since, named), (Some(position(4)), wanted));
        connection.ok(id, room(), position(4).seq).await;
    }
    assert_eq!(states.borrow().state, live);
    client.shutdown().await;
}

/// The next lines, and the question behind them.
async fn appended(connection: &mut Connection) -> (CommandId, String, CommandId) {
    let frame = connection.command("logs:append").await;
    let Command::LogsAppend(lines) = frame.command else { unreachable!() };
    let mark = connection.next().await;
    assert_eq!(mark.command.name(), "room:leave");
    (frame.id.unwrap(), lines.lines[0].text.to_string(), mark.id.unwrap())
}

async fn refuse(connection: &mut Connection, re: CommandId, error: WireError) {
    connection.send(ServerFrame::Answer { re, result: Err(error) }).await;
}

#[tokio::test]
async fn lines_are_taken_when_what_is_asked_behind_them_is_answered_and_go_in_order() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let writing = tokio::spawn({
        let client = client.clone();
        async move {
            for n in 0..3 {
                client.append(room(), append(&n.to_string())).await.unwrap();
            }
        }
    });
    let mut connection = peer.greet(user()).await;
    for n in 0..3 {
        let (_, text, mark) = appended(&mut connection).await;
        assert_eq!(text, n.to_string());
        assert!(!writing.is_finished());
        connection.send(ServerFrame::Answer { re: mark, result: Ok(Answer::default()) }).await;
    }
    soon("the last answer", writing).await.unwrap();
}

#[tokio::test]
async fn lines_that_are_refused_for_the_moment_are_sent_again_and_for_good_not() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let writing = tokio::spawn({
        let client = client.clone();
        async move { client.append(room(), append("1")).await }
    });
    let mut connection = peer.greet(user()).await;
    let (id, _, mark) = appended(&mut connection).await;
    let slow_down = WireError::new(ErrorCode::RateLimited, "slow down").retry_after_ms(1);
    refuse(&mut connection, id, slow_down.clone()).await;
    refuse(&mut connection, mark, slow_down).await;
    let (id, text, _) = appended(&mut connection).await;
    assert_eq!(text, "1");
    let no = WireError::new(ErrorCode::Forbidden, "no");
    refuse(&mut connection, id, no.clone()).await;
    let result = soon("the refusal", writing).await.unwrap();
    assert!(matches!(result, Err(RequestError::Refused(error)) if error == no));
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_it_open_whether_the_lines_were_taken_and_they_are_not_sent_twice() {
    let mut peer = Peer::start().await;
    let client = client(&peer.url, CacheLocation::Memory).await;
    let write = |text: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.append(room(), append(text)).await })
    };
    let first = write("1");
    let mut connection = peer.greet(user()).await;
    appended(&mut connection).await;
    connection.close(CloseCode::Internal.number()).await;
    assert!(matches!(soon("the end", first).await.unwrap(), Err(RequestError::Unsure)));

    let second = write("2");
    let mut connection = peer.greet(user()).await;
    assert_eq!(appended(&mut connection).await.1, "2");
    client.shutdown().await;
    assert!(matches!(soon("the end", second).await.unwrap(), Err(RequestError::Unsure | RequestError::ShutDown)));
    assert!(matches!(client.append(room(), append("3")).await, Err(RequestError::ShutDown)));
}
