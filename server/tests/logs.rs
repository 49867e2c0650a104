//! What stands in the log, and what never does, whatever comes over a connection.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{
    Answer,
    process::{Place, Serving},
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use watchbell_protocol::{CommandId, SUBPROTOCOL, http::CONNECTION};

/// Part of everything that must not be logged.
const SECRET: &str = "hush-7f3a91c4";
const SOON: Duration = Duration::from_secs(20);

/// Frames that carry the secret in a payload, a command and a token; each is answered.
fn frames(room: &str, token: &str) -> Vec<Value> {
    let frame = |cmd: &str, data: Value| json!({"id": CommandId::fresh(), "room": room, "cmd": cmd, "data": data});
    vec![
        frame("activity:post", json!({"title": SECRET, "body": SECRET})),
        frame("notify", json!({"level": "info", "title": SECRET, "link": {"kind": "url", "url": SECRET}})),
        frame("activity:post", json!({"title": {SECRET: SECRET}})),
        frame("notify", json!({"level": SECRET, "title": "x"})),
        frame(&format!("dance:{SECRET}"), json!({})),
        frame("analysis:cancel", json!({"analysis": SECRET})),
        frame("auth:refresh", json!({"access_token": SECRET})),
        frame("auth:refresh", json!({"access_token": format!("{token}{SECRET}")})),
        frame("auth:refresh", json!({"access_token": token})),
        frame("logs:append", json!({"source": "", "lines": [{"text": SECRET}]})),
        frame("room:join", json!({"streams": [SECRET]})),
    ]
}

/// How many of these are answers.
fn answers<'a>(frames: impl IntoIterator<Item = &'a Value>) -> usize {
    frames.into_iter().filter(|frame| frame["re"].is_string()).count()
}

/// Says everything over a WebSocket; gives the connection's id.
async fn over_websocket(base: &str, room: &str, token: &str) -> String {
    let mut request = format!("{}/v1/ws", base.replace("http", "ws")).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let first: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
    socket.send(Message::text(format!("no JSON: {SECRET}"))).await.unwrap();
    let frames = frames(room, token);
    for frame in &frames {
        socket.send(Message::text(frame.to_string())).await.unwrap();
    }
    let mut heard: Vec<Value> = Vec::new();
    while answers(&heard) < frames.len() {
        let message = socket.next().await.unwrap().unwrap();
        heard.extend(message.to_text().ok().and_then(|text| serde_json::from_str(text).ok()));
    }
    socket.close(None).await.unwrap();
    first["connected"]["connection"].as_str().unwrap().to_owned()
}

/// The same over long-poll; gives the connection's id, and the secret one that its requests name.
async fn over_long_poll(base: &str, room: &str, token: &str) -> (String, String) {
    let http = common::client();
    let post = |path: &str, body: Value| http.post(format!("{base}{path}")).bearer_auth(token).json(&body);
    let opened = Answer::of(post("/v1/poll", json!({"ack": 0}))).await;
    let line = opened.text("connection");
    let frames = frames(room, token);
    let said = Answer::of(post("/v1/send", json!({"n": 1, "frames": frames})).header(CONNECTION, &line)).await;
    assert_eq!(said.status, 204, "{said:?}");
    let (mut heard, mut n) = (opened.body["frames"].as_array().unwrap().clone(), opened.body["n"].clone());
    while answers(&heard) < frames.len() {
        let polled = Answer::of(post("/v1/poll", json!({"ack": n})).header(CONNECTION, &line)).await;
        heard.extend(polled.body["frames"].as_array().unwrap().iter().cloned());
        n = polled.body["n"].clone();
    }
    let last = json!({"n": 2, "frames": [], "close": true});
    assert_eq!(Answer::of(post("/v1/send", last).header(CONNECTION, &line)).await.status, 204);
    let connected = heard.iter().find(|frame| frame["connected"].is_object()).unwrap();
    (connected["connected"]["connection"].as_str().unwrap().to_owned(), line)
}

#[tokio::test]
async fn no_payload_command_or_token_reaches_the_log_and_a_connection_is_known_by_its_id() {
    let place = Place::initialised().await;
    place.add_user("ada").await;
    place.ok(&["project", "add", "web"]).await;
    place.ok(&["project", "member", "add", "web", "ada"]).await;
    let projects = place.json(&["project", "list", "--json"]).await;
    let room = format!("project:{}", projects[0]["id"].as_str().unwrap());
    let mut serving = Serving::start(&place, &["--log-level", "debug", "--log-format", "json"]).await;
    let mut stderr = serving.process.stderr.take().unwrap();
    let reading = tokio::spawn(async move {
        let mut log = String::new();
        stderr.read_to_string(&mut log).await.map(|_| log)
    });
    let signed_in = serving.sign_in("ada").await;
    let [token, refresh] = ["access_token", "refresh_token"].map(|key| signed_in.text(key));

    let talk = async {
        let socket = over_websocket(&serving.base, &room, &token).await;
        let (polling, line) = over_long_poll(&serving.base, &room, &token).await;
        let http = common::client();
        for frame in frames(&room, &token) {
            let path = format!("{}/v1/rooms/{room}/commands?{SECRET}", serving.base);
            Answer::of(http.post(path).bearer_auth(&token).json(&frame)).await;
        }
        for path in ["ws", "info"] {
            let wrong = http.get(format!("{}/v1/{path}?{SECRET}", serving.base)).bearer_auth(SECRET);
            Answer::of(wrong.header("x-secret", SECRET)).await;
        }
        let refreshed = http.post(format!("{}/v1/refresh", serving.base)).json(&json!({"refresh_token": SECRET}));
        assert_eq!(Answer::of(refreshed).await.status, 401);
        (socket, polling, line)
    };
    let (socket, polling, line) = tokio::time::timeout(SOON, talk).await.expect("everything is answered");

    serving.signal(nix::sys::signal::Signal::SIGTERM);
    let log = tokio::time::timeout(SOON, reading).await.expect("it ends").unwrap().unwrap();
    for secret in [SECRET, &token, &refresh, &line] {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret} is in the log");
    }
    for connection in [socket, polling] {
        let id = format!(r#""connection.id":"{connection}""#);
        let lines = log.lines().filter(|line| line.contains(&id)).count();
        assert!(lines >= 2, "that it began and that it ended: {lines} in\n{log}");
    }
}
