//! Receivers that are slow, and commands that come in bulk.

use std::time::Duration;

use tokio::{io::AsyncWriteExt as _, time::timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use watchbell_protocol::{
    CloseCode, CommandId, Event, List, ProjectId, Room, ServerFrame,
    command::{ActivityPost, LogsAppend, RoomJoin},
};
use watchbell_server::Timing;

use crate::{
    client::Client,
    fixture::{Server, Who, quick, text},
    poll::Poller,
    tls,
};

/// Far more than all buffers between a server and a client hold.
const MANY: usize = 4000;
/// So many read from the database at once.
const READERS: usize = 8;
/// Commands sent before their answers are read.
const TOGETHER: usize = 50;

fn large(n: usize) -> ActivityPost {
    ActivityPost { title: text(&n.to_string()), body: Some(text(&"x".repeat(4000))) }
}

async fn publish(client: &mut Client, room: Room, count: usize) {
    for first in (0..count).step_by(TOGETHER) {
        let mut ids = Vec::new();
        for n in first..count.min(first + TOGETHER) {
            let id = CommandId::fresh();
            client.send(Some(id), Some(room), large(n)).await;
            ids.push(id);
        }
        for id in ids {
            client.answer(id).await.unwrap();
        }
    }
}

async fn stage(timing: Timing) -> (Server, Who, Room) {
    let server = Server::start_with(timing).await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    (server, ada, room)
}

#[tokio::test]
async fn a_slow_reader_gets_everything_in_order_from_the_journal() {
    let (server, ada, room) = stage(quick()).await;
    let slow = server.connect(&ada.token).await;
    reads_late_and_misses_nothing(slow, server.connect(&ada.token).await, room).await;
}

/// What a socket does not take halts in the middle of a TLS record there, with what TLS itself has buffered.
#[tokio::test]
async fn a_slow_reader_behind_tls_gets_everything_in_order_from_the_journal() {
    let server = Server::start_configured(quick(), tls::configure).await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let slow = tls::connect(&server, &ada.token).await;
    reads_late_and_misses_nothing(slow, tls::connect(&server, &ada.token).await, room).await;
}

async fn reads_late_and_misses_nothing(mut slow: Client, mut fast: Client, room: Room) {
    let mut next = slow.join(room, None).await.at.seq.next();
    publish(&mut fast, room, MANY).await;
    let mut caught_up = 0;
    let mut posts = 0;
    while posts < MANY {
        let events = match slow.next().await {
            ServerFrame::Event(event) => vec![*event],
            ServerFrame::Batch(events) => events,
            ServerFrame::CaughtUp { .. } => {
                caught_up += 1;
                continue;
            }
            _ => continue,
        };
        for event in events.into_iter().filter(|event| event.seq.is_some()) {
            assert_eq!(event.seq, Some(next));
            next = next.next();
            posts += usize::from(matches!(event.event, Event::ActivityNew(_)));
        }
    }
    // It is live again, not only served.
    publish(&mut fast, room, 1).await;
    slow.event(room, |event| matches!(event, Event::ActivityNew(_)).then_some(())).await;
    let rejoined = slow.kept().filter(|frame| matches!(frame, ServerFrame::CaughtUp { .. })).count();
    assert!(caught_up + rejoined > 0, "it fell behind and came back");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_let_go_and_the_others_notice_nothing() {
    let (server, ada, room) = stage(Timing { stalled: Duration::from_millis(300), ..quick() }).await;
    let mut stalled = server.connect(&ada.token).await;
    let at = stalled.join(room, None).await.at;
    let mut fast = server.connect(&ada.token).await;
    publish(&mut fast, room, MANY).await;
    let close: Option<CloseFrame> = stalled.closed().await;
    assert!(close.is_none(), "a close frame does not get through either");
    let joined = server.connect(&ada.token).await.join(room, Some(at)).await;
    assert_eq!((joined.resync, joined.events.len()), (None, MANY), "its position still serves");
}

/// Each connection waits for the database twice, for its join and for what it said behind it, and what the join reads then
/// waits for one of as many connections to the database as there are clients: were one of the two to keep the other from
/// going on, nobody could read any more.
#[tokio::test]
async fn connections_that_wait_for_the_database_twice_hold_up_nobody() {
    let (server, ada, room) = stage(quick()).await;
    let app = server.app.clone().unwrap();
    let mut clients = Vec::new();
    for _ in 0..READERS {
        clients.push(server.connect(&ada.token).await);
    }
    let mut held = Vec::new();
    for _ in 0..READERS {
        held.push(app.store.look().await.unwrap());
    }
    let mut joins = Vec::new();
    for client in &mut clients {
        let id = CommandId::fresh();
        client.send(Some(id), Some(room), RoomJoin::default()).await;
        let lines = LogsAppend { source: text("build"), lines: List::default() };
        client.send(None, Some(Room::Project(ProjectId::fresh())), lines).await;
        joins.push(id);
    }
    let waits = timeout(Duration::from_millis(200), clients[0].answer(joins[0])).await;
    assert!(waits.is_err(), "nobody can read");
    drop(held);
    for (client, join) in clients.iter_mut().zip(joins) {
        client.answer(join).await.unwrap();
    }
    server.connect(&ada.token).await.join(room, None).await;
}

#[tokio::test]
async fn a_server_stops_within_10_s_whoever_takes_nothing_holds_a_poll_or_never_says_what_it_wants() {
    let (mut server, ada, room) = stage(quick()).await;
    let mut stalled = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect(&ada.token).await;
        client.join(room, None).await;
        stalled.push(client);
    }
    let poller = Poller::open(&server, &ada.token).await;
    let mut silent = server.raw().await;
    silent.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    publish(&mut server.connect(&ada.token).await, room, MANY).await;
    let mut held = std::pin::pin!(poller.polled(poller.n));
    // There is no news, so this only lets the request arrive.
    assert!(timeout(Duration::from_secs(1), &mut held).await.is_err());
    // Which fails when it takes longer.
    let (farewell, ()) = tokio::join!(held, server.stop());
    assert_eq!(farewell.close.map(|close| close.code), Some(CloseCode::GoingAway.number()));
    for mut client in stalled {
        assert!(client.closed().await.is_none(), "what was on its way came, and then nothing");
    }
}

#[tokio::test]
async fn a_refused_command_harms_no_neighbour() {
    let (server, ada, room) = stage(quick()).await;
    let mut a = server.connect(&ada.token).await;
    let at = a.join(room, None).await.at;
    let mut ids = Vec::new();
    for n in 0..60 {
        let id = CommandId::fresh();
        let title = if n % 3 == 0 { " ".to_owned() } else { n.to_string() };
        a.send(Some(id), Some(room), ActivityPost { title: text(&title), body: None }).await;
        ids.push(id);
    }
    let mut expected = at.seq;
    for (n, id) in ids.into_iter().enumerate() {
        match a.answer(id).await {
            Ok(answer) => {
                expected = expected.next();
                assert_eq!(answer.seq, Some(expected), "command {n}");
            }
            Err(error) => assert_eq!((n % 3, error.field.as_deref()), (0, Some("data.title"))),
        }
    }
    assert_eq!(expected.0, at.seq.0 + 40);
}
