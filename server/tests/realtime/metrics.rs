//! What the server counts, after real traffic of every kind.

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use watchbell_protocol::{
    AnalysisId, CommandId, List, Room, SUBPROTOCOL, ServerFrame, UnixMillis,
    command::{ActivityPost, AnalysisRenew, LogsAppend, RoomJoin},
    event::{AnalysisProgress, Counts, LogLine, Role, TimeLeft},
    limits,
};
use watchbell_server::{
    config::{Addresses, Config, Door},
    ingest::AdminCommand,
};

use crate::{
    client::Client,
    fixture::{SOON, Server, Who, project_of, quick, start, text},
    poll,
};

fn configure(config: &mut Config) {
    config.metrics.listen = Door(Some(([127, 0, 0, 1], 0).into()));
    // Clients from elsewhere come through a proxy; on loopback nobody has a share.
    config.server.trusted_proxies = Addresses(vec!["127.0.0.1".parse().unwrap()]);
    (config.limits.user_connections, config.limits.http_requests_burst) = (3, 20);
    (config.limits.commands_per_second, config.limits.commands_burst) = (1, 500);
}

/// Whose names must have a number above zero. A signal is not among them: no event is one yet.
const COUNTED: [&str; 34] = [
    "watchbell_connections",
    "watchbell_rooms",
    "watchbell_connection_attempts_total{result=\"accepted\"}",
    "watchbell_connection_attempts_total{result=\"unauthenticated\"}",
    "watchbell_connection_attempts_total{result=\"limited\"}",
    "watchbell_connection_attempts_total{result=\"malformed\"}",
    "watchbell_connections_ended_total{code=\"lost\"}",
    "watchbell_reconnects_total",
    "watchbell_session_seconds_count",
    "watchbell_joins_total{kind=\"new\"}",
    "watchbell_joins_total{kind=\"resumed\"}",
    "watchbell_joins_total{kind=\"other_epoch\"}",
    "watchbell_joins_total{kind=\"diverged\"}",
    "watchbell_joins_total{kind=\"readmitted\"}",
    "watchbell_joins_total{kind=\"too_old\"}",
    "watchbell_deliveries_total{class=\"durable\"}",
    "watchbell_deliveries_total{class=\"latest\"}",
    "watchbell_deliveries_total{class=\"stream\"}",
    "watchbell_deliveries_total{class=\"control\"}",
    "watchbell_conflated_total",
    "watchbell_dropped_total{class=\"stream\"}",
    "watchbell_fell_behind_total",
    "watchbell_queue_bytes",
    "watchbell_limited_total{limit=\"connections\"}",
    "watchbell_limited_total{limit=\"commands\"}",
    "watchbell_limited_total{limit=\"requests\"}",
    "watchbell_auth_failures_total{proof=\"token\"}",
    "watchbell_auth_failures_total{proof=\"password\"}",
    "watchbell_auth_failures_total{proof=\"refresh_token\"}",
    "watchbell_commit_seconds_count",
    "watchbell_commit_jobs_count",
    "watchbell_fan_out_seconds_count{class=\"durable\"}",
    "watchbell_fan_out_seconds_count{class=\"latest\"}",
    "watchbell_write_seconds_count",
];

#[tokio::test]
async fn every_number_counts_what_its_name_says() {
    let server = Server::start_configured(quick(), configure).await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let room = server.project("web", &[&ada, &bob]).await;
    let mut a = joins(&server, &ada, &bob, room).await;
    let _slow = Box::pin(overload(&server, &bob, &mut a, room)).await;
    let _here = refusals(&server, &ada, &mut a).await;
    let deadline = Instant::now() + SOON;
    loop {
        let page = server.metrics().await;
        let missing: Vec<_> = COUNTED.into_iter().filter(|name| number(&page, name) <= 0.0).collect();
        if missing.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "nothing was counted as {missing:#?}");
    }
}

/// A number of the page; zero if it is not there.
fn number(page: &str, name: &str) -> f64 {
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().unwrap())
}

/// Joins by every kind of position; gives the connection that did.
async fn joins(server: &Server, ada: &Who, bob: &Who, room: Room) -> Client {
    let mut a = server.connect(&ada.token).await;
    let at = a.join(room, None).await.at;
    for _ in 0..3 {
        a.ask(room, post()).await.unwrap();
    }
    let (mut other_epoch, mut other_tag) = (at, at);
    other_epoch.epoch.0 ^= 1;
    other_tag.tag.0 ^= 1;
    for since in [at, other_epoch, other_tag] {
        a.join(room, Some(since)).await;
    }
    let project = project_of(room);
    server.admin(AdminCommand::RemoveMember { project, user: ada.id }).await;
    server.admin(AdminCommand::AddMember { project, user: ada.id, role: Role::Member }).await;
    // Sent out when the server has noticed; a join that it overtakes would be refused.
    a.find(|frame| matches!(frame, ServerFrame::Left { room: of } if *of == room).then_some(())).await;
    a.join(room, Some(at)).await;
    server.sql("DELETE FROM journal WHERE seq < 8").await;
    server.connect(&bob.token).await.join(room, Some(at)).await;
    a
}

fn post() -> ActivityPost {
    ActivityPost { title: text("x"), body: Some(text(&"x".repeat(limits::BODY_BYTES))) }
}

/// Somebody who takes nothing of a log, of the progress of an analysis and of the feed.
async fn overload(server: &Server, bob: &Who, a: &mut Client, room: Room) -> Client {
    let streams = List::try_from(vec![text("logs:build")]).unwrap();
    let [mut slow, mut gone] = [server.connect(&bob.token).await, server.connect(&bob.token).await];
    for client in [&mut slow, &mut gone] {
        client.ask(room, RoomJoin { since: None, streams: streams.clone() }).await.unwrap();
    }
    let analysis = a.ask(room, start(&[] as &[&str])).await.unwrap().started.unwrap().analysis;
    let line = LogLine { text: text(&"x".repeat(4000)), raw: None, level: None, written_at: None };
    let lines = || List::try_from(vec![line.clone(); 200]).unwrap();
    // More than all buffers between a server and a client hold.
    for _ in 0..30 {
        a.send(None, Some(room), LogsAppend { source: text("build"), lines: lines() }).await;
        for _ in 0..2 {
            a.send(None, Some(room), renew(analysis)).await;
        }
    }
    for _ in 0..100 {
        a.ask(room, post()).await.unwrap();
    }
    // What was being written to it took until here.
    drop(gone);
    slow
}

fn renew(analysis: AnalysisId) -> AnalysisRenew {
    let progress = AnalysisProgress {
        analysis,
        percent: 1.0,
        left: TimeLeft::Unknown,
        detectors: List::default(),
        counts: Counts::default(),
        measured_at: UnixMillis(0),
    };
    AnalysisRenew { progress }
}

/// Everything that is refused; gives the connections that were let in.
async fn refusals(server: &Server, ada: &Who, a: &mut Client) -> Vec<Client> {
    for (token, protocol) in [("nonsense", Some(SUBPROTOCOL)), (&ada.token, None)] {
        server.try_connect(Some(token), protocol).await.err().unwrap();
    }
    let mut here = Vec::new();
    while let Ok(client) = server.try_connect_from("192.0.2.1", &ada.token).await {
        here.push(client);
    }
    let http = poll::http();
    let device = r#"{"id":"01920000-0000-7000-8000-000000000001","kind":"other","name":"x"}"#;
    for (path, body) in [
        ("sign-in", format!(r#"{{"name":"ada","password":"a wrong one","device":{device}}}"#)),
        ("refresh", r#"{"refresh_token":"nonsense"}"#.to_owned()),
    ] {
        let request = http.post(format!("{}/v1/{path}", server.http_url())).header("content-type", "application/json");
        assert_eq!(request.body(body).send().await.unwrap().status(), 401, "{path}");
    }
    let get = || http.get(format!("{}/v1/info", server.http_url())).header("x-forwarded-for", "192.0.2.2").send();
    while get().await.unwrap().status() != 429 {}
    // As many as may come at once after a rest, and some more.
    for _ in 0..600 {
        a.raw(Message::Ping(Vec::new().into())).await;
    }
    let id = CommandId::fresh();
    a.send(Some(id), Some(ada.room()), RoomJoin::default()).await;
    drop(a.answer(id).await);
    here
}
