//! Logs: who may append, who gets the lines, and in how few frames; and large frames packed, where that was agreed on.

use tokio_tungstenite::tungstenite::{Bytes, Message};
use watchbell_protocol::{
    CloseCode, CommandId, ErrorCode, Event, List, Position, RoomEvent, SUBPROTOCOL_ZSTD, ServerFrame, WireError,
    command::{ActivityPost, LogsAppend, RoomJoin},
    event::{LogLine, Role},
    limits, packed,
};
use watchbell_server::{auth::Scope, ingest::AdminCommand};

use crate::{
    client::{Client, seqs},
    fixture::{Server, project_of, text},
};

/// Lines of one `logs:append`, numbered from `first` on.
fn lines(source: &str, first: usize, count: usize) -> LogsAppend {
    let line = |number: usize| LogLine { text: text(&number.to_string()), raw: None, level: None, written_at: None };
    let lines = (first..first + count).map(line).collect::<Vec<_>>();
    LogsAppend { source: text(source), lines: List::try_from(lines).unwrap() }
}

fn post(title: &str) -> ActivityPost {
    ActivityPost { title: text(title), body: None }
}

fn looking(streams: &[&str], since: Option<Position>) -> RoomJoin {
    let names: Vec<_> = streams.iter().map(|name| text(name)).collect();
    RoomJoin { since, streams: List::try_from(names).unwrap() }
}

/// The lines of an event, or of a frame with several.
fn said(events: &[RoomEvent]) -> Vec<String> {
    let text = |event: &RoomEvent| match &event.event {
        Event::LogsStream(said) => Some(said.line.text.to_string()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

/// Reads frames until the line `last` has come; the lines, and in how many frames they came.
async fn until(client: &mut Client, last: &str) -> (Vec<String>, usize) {
    let (mut lines, mut frames) = (Vec::new(), 0);
    while lines.last().is_none_or(|line| line != last) {
        let more = match client.next().await {
            ServerFrame::Event(event) => said(&[*event]),
            ServerFrame::Batch(events) => said(&events),
            _ => continue,
        };
        frames += usize::from(!more.is_empty());
        lines.extend(more);
    }
    (lines, frames)
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn a_log_goes_to_who_looks_at_it_in_few_frames_and_to_nobody_else() {
    let server = Server::start().await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let room = server.project("web", &[&ada, &bob]).await;
    let token = server.api_token(&[Scope::ReportLogs], room).await;
    let (mut a, mut b) = (server.connect(&ada.token).await, server.connect(&bob.token).await);
    a.ask(room, looking(&["logs:build"], None)).await.unwrap();
    b.ask(room, looking(&["logs:web"], None)).await.unwrap();
    let mut ci = server.connect(&token).await;
    for first in (0..1000).step_by(200) {
        ci.send(None, Some(room), lines("build", first, 200)).await;
    }
    let (lines_of_a, frames) = until(&mut a, "999").await;
    assert_eq!(lines_of_a, numbers(0..1000));
    assert!(frames <= 200, "{frames} frames");
    ci.send(None, Some(room), lines("web", 7, 1)).await;
    assert_eq!(until(&mut b, "7").await.0, ["7"]);
}

#[tokio::test]
async fn who_was_just_added_may_append_at_once() {
    let server = Server::start().await;
    let (ada, eve) = (server.member("ada").await, server.member("eve").await);
    let room = server.project("web", &[&ada]).await;
    let (mut a, mut e) = (server.connect(&ada.token).await, server.connect(&eve.token).await);
    a.ask(room, looking(&["logs:build"], None)).await.unwrap();
    e.send(None, Some(room), lines("build", 1, 1)).await;
    let refused = e.find(|frame| if let ServerFrame::Error(error) = frame { Some(error.code) } else { None }).await;
    assert_eq!(refused, ErrorCode::Forbidden);
    let project = project_of(room);
    server.admin(AdminCommand::AddMember { project, user: eve.id, role: Role::Member }).await;
    e.send(None, Some(room), lines("build", 2, 1)).await;
    assert_eq!(until(&mut a, "2").await.0, ["2"]);
}

#[tokio::test]
async fn joining_again_with_other_streams_changes_those_and_neither_loses_nor_doubles_an_event() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let (mut a, mut other) = (server.connect(&ada.token).await, server.connect(&ada.token).await);
    let at = a.join(room, None).await.at;
    let mut events: Vec<RoomEvent> = Vec::new();
    // The position is from before the events: nothing is read again all the same.
    for (round, streams) in
        [&["logs:build"][..], &["logs:build", "logs:web"], &[], &["logs:end"]].into_iter().enumerate()
    {
        other.ask(room, post("one")).await.unwrap();
        a.ask(room, looking(streams, Some(at))).await.unwrap();
        other.ask(room, post("two")).await.unwrap();
        for source in ["build", "web", "end"] {
            let line = LogLine { text: text(&format!("{source} {round}")), raw: None, level: None, written_at: None };
            let append = LogsAppend { source: text(source), lines: List::try_from(vec![line]).unwrap() };
            other.send(None, Some(room), append).await;
        }
        for stream in streams {
            let expected = format!("{} {round}", stream.trim_start_matches("logs:"));
            while !said(&events).contains(&expected) {
                match a.next().await {
                    ServerFrame::Event(event) => events.push(*event),
                    ServerFrame::Batch(batch) => events.extend(batch),
                    ServerFrame::Resync { .. } | ServerFrame::State { .. } => panic!("nothing is read again"),
                    _ => {}
                }
            }
        }
    }
    let (durable, streamed): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event.seq.is_some());
    assert_eq!(seqs(&durable), (1..=8).map(|n| at.seq.0 + n).collect::<Vec<_>>());
    let mut heard = said(&streamed);
    heard.sort();
    assert_eq!(heard, ["build 0", "build 1", "end 3", "web 1"]);
    // With the same streams it is read again.
    a.ask(room, looking(&["logs:end"], Some(at))).await.unwrap();
    let again: usize = a.find(|frame| if let ServerFrame::Batch(all) = frame { Some(all.len()) } else { None }).await;
    assert_eq!(again, 8);
}

/// The error that the next error frame carries.
async fn error(client: &mut Client) -> WireError {
    client.find(|frame| if let ServerFrame::Error(error) = frame { Some(error.clone()) } else { None }).await
}

#[tokio::test]
async fn only_who_may_report_appends_and_a_log_has_a_name() {
    let server = Server::start().await;
    let (ada, eve) = (server.member("ada").await, server.member("eve").await);
    let room = server.project("web", &[&ada]).await;
    let mut producer = server.connect(&server.api_token(&[Scope::Notify, Scope::AnalysisRun], room).await).await;
    producer.send(None, Some(room), lines("build", 0, 1)).await;
    let refused = error(&mut producer).await;
    assert_eq!(refused.code, ErrorCode::Forbidden);
    assert!(refused.message.contains("report:logs"), "{refused}");
    let mut stranger = server.connect(&eve.token).await;
    stranger.send(None, Some(room), lines("build", 0, 1)).await;
    assert_eq!(error(&mut stranger).await.field.as_deref(), Some("room"));
    let mut a = server.connect(&ada.token).await;
    a.send(None, Some(room), lines("", 0, 1)).await;
    assert_eq!(error(&mut a).await.field.as_deref(), Some("data.source"));
    a.send(None, None, lines("build", 0, 1)).await;
    assert_eq!(error(&mut a).await.field.as_deref(), Some("room"));
    let id = CommandId::fresh();
    let many: Vec<String> = (0..=limits::STREAMS).map(|n| format!(r#""logs:{n}""#)).collect();
    let join =
        format!(r#"{{"id":"{id}","cmd":"room:join","room":"{room}","data":{{"streams":[{}]}}}}"#, many.join(","));
    a.raw(join).await;
    assert_eq!(a.answer(id).await.unwrap_err().field.as_deref(), Some("data.streams"));
}

#[tokio::test]
async fn lines_come_by_http_as_well() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut a = server.connect(&ada.token).await;
    a.ask(room, looking(&["logs:build"], None)).await.unwrap();
    let token = server.api_token(&[Scope::ReportLogs], room).await;
    let http = crate::poll::http();
    let post = |body: &'static str| {
        let url = format!("{}/v1/rooms/{room}/commands", server.http_url());
        http.post(url).bearer_auth(&token).body(body).send()
    };
    let append =
        r#"{"cmd":"logs:append","data":{"source":"build","lines":[{"text":"1"},{"text":"2","level":"error"}]}}"#;
    assert_eq!(post(append).await.unwrap().status(), 200);
    assert_eq!(until(&mut a, "2").await.0, ["1", "2"]);
    let presence = post(r#"{"cmd":"presence:update","data":{"status":"away"}}"#).await.unwrap();
    assert_eq!(presence.status(), 400, "presence is a connected device's");
}

#[tokio::test]
async fn a_replay_is_a_fraction_of_its_size_where_frames_are_packed_and_text_where_they_are_not() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut plain = server.connect(&ada.token).await;
    let since = plain.join(room, None).await.at;
    for n in 0..300 {
        plain.ask(room, post(&format!("Build {n} of the compiler has finished"))).await.unwrap();
    }
    let mut packed = server.try_connect(Some(&ada.token), Some("watchbell.v1.zstd, watchbell.v1")).await.unwrap();
    assert_eq!(packed.connected.capabilities, ["zstd"]);
    let mut again = server.connect(&ada.token).await;
    assert_eq!(again.connected.capabilities, [] as [&str; 0]);
    let (before_packed, before_plain) = (packed.received(), again.received());
    let (small, large) = (packed.join(room, Some(since)).await, again.join(room, Some(since)).await);
    assert_eq!(small.events, large.events);
    assert_eq!(small.events.len(), 300);
    let (small, large) = (packed.received() - before_packed, again.received() - before_plain);
    assert!(small * 4 < large, "{small} bytes packed, {large} as text");
    assert_eq!(again.binaries(), 0);
}

#[tokio::test]
async fn what_a_client_packs_is_taken_and_a_bomb_is_not() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let connect = async || server.try_connect(Some(&ada.token), Some(SUBPROTOCOL_ZSTD)).await.unwrap();
    let frame = |body: usize| {
        let (id, body) = (CommandId::fresh(), "x".repeat(body));
        let data = format!(r#"{{"title":"t","body":"{body}"}}"#);
        (id, format!(r#"{{"id":"{id}","cmd":"activity:post","room":"{room}","data":{data}}}"#))
    };
    let mut a = connect().await;
    let (id, text) = frame(2000);
    a.raw(Bytes::from(packed::pack(&text).unwrap())).await;
    a.answer(id).await.unwrap();
    let (_, bomb) = frame(limits::FRAME_BYTES);
    a.raw(Bytes::from(packed::pack(&bomb).unwrap())).await;
    assert_eq!(u16::from(a.closed().await.unwrap().code), CloseCode::TooLarge.number());
    let mut nonsense = connect().await;
    nonsense.raw(Bytes::from_static(b"nonsense")).await;
    assert_eq!(u16::from(nonsense.closed().await.unwrap().code), CloseCode::Protocol.number());
    let mut plain = server.connect(&ada.token).await;
    plain.raw(Message::binary(packed::pack(&text).unwrap())).await;
    assert_eq!(u16::from(plain.closed().await.unwrap().code), CloseCode::Protocol.number(), "nobody agreed on that");
}
