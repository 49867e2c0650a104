//! Connections over long-poll: the same session, carried by requests that may get lost.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use watchbell_protocol::{
    ClientFrame, CloseCode, Command, CommandId, ErrorCode, Room, ServerFrame,
    command::{ActivityPost, RoomJoin},
    http::{CONNECTION, Polled},
    limits,
};
use watchbell_server::{Timing, store::accounts};

use crate::fixture::{SOON, Server, Who, now, quick, text};

/// A client that polls; it decides itself what it acknowledges.
pub struct Poller {
    http: reqwest::Client,
    base: String,
    token: String,
    connection: String,
    frames: Vec<ServerFrame>,
    /// The last answer that it took.
    pub n: u64,
    sent: u64,
}

pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

impl Poller {
    pub async fn open(server: &Server, token: &str) -> Self {
        let (http, base, token) = (http(), server.http_url(), token.to_owned());
        let mut poller = Self { http, base, token, connection: String::new(), frames: Vec::new(), n: 0, sent: 0 };
        let answer = poller.polled(0).await;
        poller.connection = answer.connection.clone().unwrap();
        poller.take(&answer);
        poller
    }

    fn request(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token).json(body);
        if self.connection.is_empty() { request } else { request.header(CONNECTION, &self.connection) }
    }

    async fn poll(&self, ack: u64) -> Result<Polled, (StatusCode, Value)> {
        refused(self.request("/v1/poll", &json!({ "ack": ack }))).await.map(|text| serde_json::from_str(&text).unwrap())
    }

    pub async fn polled(&self, ack: u64) -> Polled {
        self.poll(ack).await.unwrap()
    }

    fn take(&mut self, answer: &Polled) {
        self.n = answer.n;
        self.frames.extend(answer.frames.iter().map(|frame| ServerFrame::parse(frame.get()).unwrap()));
    }

    /// Polls until there is such a frame, and takes it.
    async fn find<T>(&mut self, wanted: impl Fn(&ServerFrame) -> Option<T>) -> T {
        loop {
            if let Some(found) = self.frames.drain(..).find_map(|frame| wanted(&frame)) {
                return found;
            }
            let answer = self.polled(self.n).await;
            self.take(&answer);
        }
    }

    async fn send(&self, n: u64, frames: &[Value]) -> Result<String, (StatusCode, Value)> {
        refused(self.request("/v1/send", &json!({ "n": n, "frames": frames }))).await
    }

    async fn ask(&mut self, room: Room, command: impl Into<Command>) -> CommandId {
        let id = CommandId::fresh();
        self.sent += 1;
        self.send(self.sent, &[frame(id, room, command)]).await.unwrap();
        id
    }

    async fn join(&mut self, room: Room) {
        let id = self.ask(room, RoomJoin::default()).await;
        self.find(|frame| matches!(frame, ServerFrame::Answer { re, result: Ok(_) } if *re == id).then_some(())).await;
    }

    /// Polls until the connection is closed.
    async fn closed(&mut self) -> CloseCode {
        loop {
            let answer = self.polled(self.n).await;
            if let Some(close) = &answer.close {
                return CloseCode::from_number(close.code).unwrap();
            }
            self.take(&answer);
        }
    }
}

/// The text of an answer, or the refusal's status and error.
async fn refused(request: RequestBuilder) -> Result<String, (StatusCode, Value)> {
    let response = request.send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    if status.is_success() {
        Ok(text)
    } else {
        Err((status, serde_json::from_str::<Value>(&text).unwrap()["error"].take()))
    }
}

fn frame(id: CommandId, room: Room, command: impl Into<Command>) -> Value {
    serde_json::to_value(ClientFrame { id: Some(id), room: Some(room), command: command.into() }).unwrap()
}

fn post(title: &str) -> ActivityPost {
    ActivityPost { title: text(title), body: None }
}

/// A server with two members of a project, of whom the first polls in its room.
async fn scene(timing: Timing) -> (Server, Who, Who, Room, Poller) {
    let server = Server::start_with(timing).await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let room = server.project("compiler", &[&ada, &bob]).await;
    let mut poller = Poller::open(&server, &ada.token).await;
    poller.join(room).await;
    (server, ada, bob, room, poller)
}

/// Rhythms under which nothing is held for long.
fn impatient() -> Timing {
    Timing { poll_hold: Duration::from_millis(300), ..quick() }
}

#[tokio::test]
async fn a_poller_and_a_websocket_hear_each_other() {
    let (server, _ada, bob, room, mut poller) = scene(quick()).await;
    let mut b = server.connect(&bob.token).await;
    b.join(room, None).await;
    let title = |event: &watchbell_protocol::RoomEvent| serde_json::to_string(event).unwrap();
    let id = poller.ask(room, post("from the poller")).await;
    poller.find(|frame| matches!(frame, ServerFrame::Answer { re, .. } if *re == id).then_some(())).await;
    b.ask(room, post("from the socket")).await.unwrap();
    poller
        .find(|frame| {
            matches!(frame, ServerFrame::Event(event) if title(event).contains("from the socket")).then_some(())
        })
        .await;
    b.find(|frame| {
        matches!(frame, ServerFrame::Event(event) if title(event).contains("from the poller")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_given_again_and_a_poll_without_news_ends_in_time() {
    let (server, _ada, bob, room, mut poller) = scene(impatient()).await;
    let mut quiet = poller.polled(poller.n).await;
    while !quiet.frames.is_empty() {
        poller.take(&quiet);
        quiet = poller.polled(poller.n).await;
    }
    assert_eq!(quiet.n, poller.n, "nothing came, so nothing is to be acknowledged");
    server.connect(&bob.token).await.ask(room, post("once")).await.unwrap();
    let first = poller.polled(poller.n).await;
    let again = poller.polled(poller.n).await;
    assert_eq!(first.n, poller.n + 1);
    assert_eq!(serde_json::to_value(&first).unwrap(), serde_json::to_value(&again).unwrap());
    let (status, error) = poller.poll(first.n + 1).await.unwrap_err();
    assert_eq!((status, &error["code"], &error["field"]), (StatusCode::CONFLICT, &json!("conflict"), &json!("ack")));
    poller.polled(first.n).await;
    let (status, _) = poller.poll(first.n - 1).await.unwrap_err();
    assert_eq!(status, StatusCode::CONFLICT, "it was acknowledged");
}

#[tokio::test]
async fn a_send_is_applied_once_however_often_it_comes_and_none_may_be_left_out() {
    let (_server, _ada, _bob, room, mut poller) = scene(quick()).await;
    let n = poller.sent + 1;
    let (first, second) = (CommandId::fresh(), CommandId::fresh());
    let frames = [frame(first, room, post("one")), frame(second, room, post("two"))];
    for _ in 0..3 {
        poller.send(n, &frames).await.unwrap();
    }
    // A frame without an id would be refused once per time that it is taken.
    for _ in 0..3 {
        poller.send(n + 1, &[json!({"cmd": "activity:post", "room": room, "data": {"title": "x"}})]).await.unwrap();
    }
    let (status, error) = poller.send(n + 3, &frames).await.unwrap_err();
    assert_eq!((status, &error["code"], &error["field"]), (StatusCode::CONFLICT, &json!("conflict"), &json!("n")));
    poller.sent = n + 1;
    let last = poller.ask(room, post("three")).await;
    let (mut answers, mut errors) = (0, 0);
    loop {
        for frame in poller.frames.split_off(0) {
            match frame {
                ServerFrame::Answer { re, result } => {
                    result.unwrap();
                    answers += 1;
                    if re == last {
                        assert_eq!((answers, errors), (3, 1));
                        return;
                    }
                }
                ServerFrame::Error(_) => errors += 1,
                _ => {}
            }
        }
        let answer = poller.polled(poller.n).await;
        poller.take(&answer);
    }
}

#[tokio::test]
async fn a_connection_is_unknown_to_everybody_but_the_sign_in_that_opened_it() {
    let (server, ada, bob, room, poller) = scene(impatient()).await;
    let (status, unknown) = Poller { connection: "guessed".into(), ..clone(&poller) }.poll(0).await.unwrap_err();
    assert_eq!((status, &unknown["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    for token in [&bob.token, &server.sign_in(ada.id).await.token] {
        let thief = Poller { token: token.clone(), ..clone(&poller) };
        assert_eq!(thief.poll(poller.n).await.unwrap_err(), (status, unknown.clone()));
        let sent = thief.send(poller.sent + 1, &[frame(CommandId::fresh(), room, post("stolen"))]).await;
        assert_eq!(sent.unwrap_err(), (status, unknown.clone()));
    }
    let nobody = Poller { token: "nonsense".into(), ..clone(&poller) };
    assert_eq!(nobody.poll(poller.n).await.unwrap_err().0, StatusCode::UNAUTHORIZED);
    poller.polled(poller.n).await;
}

/// Another client that says it is the same connection.
fn clone(poller: &Poller) -> Poller {
    let (base, token, connection) = (poller.base.clone(), poller.token.clone(), poller.connection.clone());
    Poller { http: poller.http.clone(), base, token, connection, frames: Vec::new(), n: poller.n, sent: poller.sent }
}

#[tokio::test]
async fn a_send_that_is_no_send_is_refused_with_the_field_and_costs_nothing() {
    let (_server, _ada, _bob, room, mut poller) = scene(quick()).await;
    for (body, field) in [
        (json!({}), None),
        (json!({"n": "1", "frames": []}), Some("n")),
        (json!({"n": -1, "frames": []}), Some("n")),
        (json!({"n": 1, "frames": {}}), Some("frames")),
        (json!({"n": 1, "frames": [], "close": 1}), Some("close")),
    ] {
        let (status, error) = refused(poller.request("/v1/send", &body)).await.unwrap_err();
        assert_eq!((status, &error["code"]), (StatusCode::BAD_REQUEST, &json!("bad_request")), "{body}");
        assert_eq!(error["field"].as_str(), field, "{body}");
    }
    let (status, _) = refused(poller.request("/v1/poll", &json!({"ack": []}))).await.unwrap_err();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    poller.ask(room, post("well")).await;
}

#[tokio::test]
async fn a_frame_beyond_the_limit_closes_the_connection_as_on_a_websocket() {
    let (_server, _ada, _bob, _room, mut poller) = scene(quick()).await;
    let large = json!({"cmd": "activity:post", "data": {"title": "x".repeat(limits::SEND_BYTES)}});
    let (status, error) = poller.send(poller.sent + 1, &[large]).await.unwrap_err();
    assert_eq!((status, &error["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large")));
    assert_eq!(poller.closed().await, CloseCode::TooLarge);
    assert_eq!(poller.poll(poller.n + 1).await.unwrap_err().0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whoever_does_not_ask_any_more_is_let_go_after_the_same_silence_as_a_socket() {
    let (silence, farewell) = (Duration::from_millis(1500), Duration::from_millis(200));
    let timing = Timing { silence, farewell, ..impatient() };
    let server = Server::start_configured(timing, |config| config.limits.connections = 1).await;
    let ada = server.member("ada").await;
    let mut poller = Poller::open(&server, &ada.token).await;
    let began = Instant::now();
    while began.elapsed() < 2 * timing.silence {
        // Polls without news are signs of life.
        let answer = poller.polled(poller.n).await;
        poller.take(&answer);
    }
    // Its place is free for the next one when it is let go.
    let next = Poller { connection: String::new(), ..clone(&poller) };
    let freed = timeout(SOON, async { while next.poll(0).await.is_err() {} });
    freed.await.expect("it is let go");
    assert_eq!(poller.poll(poller.n).await.unwrap_err().0, StatusCode::NOT_FOUND);
    assert_eq!(poller.send(poller.sent + 1, &[]).await.unwrap_err().0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_goodbye_ends_it_at_once_behind_what_was_said() {
    let (server, _ada, bob, room, poller) = scene(quick()).await;
    let mut b = server.connect(&bob.token).await;
    b.join(room, None).await;
    let last = frame(CommandId::fresh(), room, post("the last word"));
    let body = json!({"n": poller.sent + 1, "frames": [last], "close": true});
    refused(poller.request("/v1/send", &body)).await.unwrap();
    let said = |event: &watchbell_protocol::RoomEvent| serde_json::to_string(event).unwrap().contains("the last word");
    b.find(|frame| matches!(frame, ServerFrame::Event(event) if said(event)).then_some(())).await;
    let gone = timeout(SOON, async { while poller.poll(poller.n).await.is_ok() {} });
    gone.await.expect("it is gone");
}

#[tokio::test]
async fn a_revoked_sign_in_and_a_stopping_server_are_told_in_an_answer() {
    let (mut server, ada, bob, _room, mut a) = scene(quick()).await;
    let mut b = Poller::open(&server, &bob.token).await;
    let mut tx = server.store.write().await.unwrap();
    accounts::revoke(&mut tx, ada.family, now()).await.unwrap();
    tx.commit().await.unwrap();
    // The revocation is noticed by the request itself, or by the connection.
    match a.poll(a.n).await {
        Ok(polled) if polled.close.is_none() => {
            a.take(&polled);
        }
        Ok(polled) => assert_eq!(polled.close.map(|close| close.code), Some(CloseCode::Revoked.number())),
        Err((status, _)) => assert_eq!(status, StatusCode::UNAUTHORIZED),
    }
    let farewell = {
        let mut held = std::pin::pin!(b.polled(b.n));
        // There is no news, so this only lets the request arrive.
        assert!(timeout(Duration::from_secs(1), &mut held).await.is_err());
        tokio::join!(held, server.stop()).0
    };
    assert_eq!(farewell.close.as_ref().map(|close| close.code), Some(CloseCode::GoingAway.number()));
    b.take(&farewell);
    assert!(b.frames.iter().any(|frame| matches!(frame, ServerFrame::GoingAway(_))));
}

#[tokio::test]
async fn a_token_that_runs_out_ends_the_connection_and_opening_needs_a_good_one() {
    // Until it has run out, every try opens a connection.
    let server = Server::start_configured(quick(), |config| config.limits.user_connections = u32::MAX).await;
    let ada = server.member("ada").await;
    let mut poller = Poller::open(&server, &server.access_token(&ada, Duration::from_secs(2))).await;
    assert_eq!(poller.closed().await, CloseCode::TokenExpired);
    let again = Poller { connection: String::new(), ..clone(&poller) };
    // Tokens run out at a whole second, as far as requests are concerned.
    let refused = timeout(SOON, async {
        loop {
            if let Err(refused) = again.poll(0).await {
                return refused;
            }
        }
    });
    let (status, error) = refused.await.expect("it ran out");
    assert_eq!((status, &error["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthenticated")));
}

#[tokio::test]
async fn only_so_many_connections_are_open_at_a_time() {
    let server = Server::start_configured(impatient(), |config| config.limits.connections = 1).await;
    let ada = server.member("ada").await;
    let first = Poller::open(&server, &ada.token).await;
    let second = Poller { connection: String::new(), ..clone(&first) };
    let (status, error) = second.poll(0).await.unwrap_err();
    assert_eq!((status, &error["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    assert_eq!(serde_json::from_value::<ErrorCode>(error["code"].clone()).unwrap(), ErrorCode::Unavailable);
    first.polled(first.n).await;
}
