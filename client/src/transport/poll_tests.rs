//! Long-poll against a scripted server that loses requests and answers.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// A request, and the way to answer it.
struct Asked {
    path: String,
    bearer: String,
    connection: Option<String>,
    body: Value,
    answer: oneshot::Sender<(u16, Value)>,
}

impl Asked {
    /// Dropping the sender instead loses the answer.
    fn answer(self, status: u16, body: Value) {
        let _ = self.answer.send((status, body));
    }
}

struct Peer {
    url: Url,
    asked: mpsc::Receiver<Asked>,
}

impl Peer {
    async fn start() -> Self {
        tls_ready();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (sender, asked) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move { serve(stream, sender).await });
            }
        });
        Self { url, asked }
    }

    async fn next(&mut self, path: &str) -> Asked {
        let mut others = Vec::new();
        loop {
            let asked = timeout(SOON, self.asked.recv()).await.expect("a request comes").unwrap();
            if asked.path == path {
                return asked;
            }
            // Held, as a poll without news is.
            others.push(asked);
        }
    }

    /// An open connection whose greeting was heard, and the poll that waits on it.
    async fn opened(&mut self) -> (Link, Asked) {
        let url = self.url.clone();
        let opening = tokio::spawn(async move { open(&url, "token").await });
        let asked = self.next("/v1/poll").await;
        assert_eq!((asked.connection.as_deref(), asked.body.clone()), (None, json!({"ack": 0})));
        asked.answer(200, json!({"connection": "secret", "n": 1, "frames": [frame(1)]}));
        let mut link = opening.await.unwrap().unwrap();
        assert_eq!(heard(&mut link).await, 1);
        (link, self.next("/v1/poll").await)
    }
}

fn tls_ready() {
    super::super::tls::prepare();
}

/// One connection that is kept alive, until an answer is lost.
async fn serve(mut stream: TcpStream, sender: mpsc::Sender<Asked>) {
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head = String::from_utf8(read[..end].to_vec()).unwrap();
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
            line.map(|line| line.split_once(": ").unwrap().1.to_owned())
        };
        let length: usize = header("content-length").unwrap().parse().unwrap();
        while read.len() < end + length {
            stream.read_buf(&mut read).await.unwrap();
        }
        let body = serde_json::from_slice(&read[end..end + length]).unwrap();
        let (answer, answered) = oneshot::channel();
        let asked = Asked {
            path: head.split(' ').nth(1).unwrap().to_owned(),
            bearer: header("authorization").unwrap(),
            connection: header(CONNECTION),
            body,
            answer,
        };
        read.drain(..end + length);
        if sender.send(asked).await.is_err() {
            return;
        }
        let Ok((status, body)) = answered.await else { return };
        let body = if status == 204 { String::new() } else { body.to_string() };
        let length = body.len();
        let text = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\n\r\n{body}");
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A frame that carries a number.
fn frame(number: u32) -> Value {
    json!({"going_away": {"reconnect_in_ms": number}})
}

/// The number of the next frame.
async fn heard(link: &mut Link) -> u32 {
    match timeout(SOON, link.next()).await.expect("something is heard") {
        Inbound::Frame(frame) => match *frame {
            watchbell_protocol::ServerFrame::GoingAway(going_away) => going_away.reconnect_in_ms,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

async fn end(link: &mut Link) -> (Option<u16>, String) {
    loop {
        if let Inbound::Closed(code, reason) = timeout(SOON, link.next()).await.expect("it ends") {
            return (code, reason);
        }
    }
}

fn refusal(code: &str) -> Value {
    json!({"error": {"code": code, "message": "no"}})
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again_and_heard_once() {
    let mut peer = Peer::start().await;
    let (mut link, asked) = peer.opened().await;
    assert_eq!((asked.connection.as_deref(), asked.body.clone()), (Some("secret"), json!({"ack": 1})));
    asked.answer(200, json!({"n": 2, "frames": [frame(2), frame(3)]}));
    assert_eq!([heard(&mut link).await, heard(&mut link).await], [2, 3]);
    drop(peer.next("/v1/poll").await);
    let again = peer.next("/v1/poll").await;
    assert_eq!(again.body, json!({"ack": 2}));
    again.answer(502, json!({}));
    peer.next("/v1/poll").await.answer(200, json!({"n": 3, "frames": [frame(4)]}));
    assert_eq!(heard(&mut link).await, 4);
}

#[tokio::test]
async fn a_poll_without_news_is_a_sign_of_life_and_acknowledges_nothing() {
    let mut peer = Peer::start().await;
    let (mut link, asked) = peer.opened().await;
    asked.answer(200, json!({"n": 1, "frames": []}));
    assert!(matches!(timeout(SOON, link.next()).await, Ok(Inbound::Alive)));
    assert_eq!(peer.next("/v1/poll").await.body, json!({"ack": 1}));
}

#[tokio::test]
async fn a_send_is_made_again_word_by_word_until_it_is_answered_and_the_next_waits() {
    let mut peer = Peer::start().await;
    let (mut link, _held) = peer.opened().await;
    link.send(r#"{"cmd":"a"}"#.into()).unwrap();
    let first = peer.next("/v1/send").await;
    assert_eq!(first.body, json!({"n": 1, "frames": [{"cmd": "a"}]}));
    link.send(r#"{"cmd":"b"}"#.into()).unwrap();
    link.ping(*b"12345678");
    link.send(r#"{"cmd":"c"}"#.into()).unwrap();
    let lost = first.body.clone();
    drop(first);
    let again = peer.next("/v1/send").await;
    assert_eq!(again.body, lost);
    again.answer(204, Value::Null);
    let second = peer.next("/v1/send").await;
    assert_eq!(second.body, json!({"n": 2, "frames": [{"cmd": "b"}, {"cmd": "c"}]}), "what waited goes together");
    second.answer(204, Value::Null);
    assert!(matches!(timeout(SOON, link.next()).await, Ok(Inbound::Pong(payload)) if &payload == b"12345678"));
    let goodbye = tokio::spawn(link.close(CloseCode::Normal));
    let bye = peer.next("/v1/send").await;
    assert_eq!(bye.body, json!({"n": 3, "frames": [], "close": true}));
    bye.answer(204, Value::Null);
    goodbye.await.unwrap();
}

#[tokio::test]
async fn a_fresh_token_is_used_from_the_next_request_on() {
    let mut peer = Peer::start().await;
    let (link, held) = peer.opened().await;
    assert_eq!(held.bearer, "Bearer token");
    link.renewed("fresh");
    held.answer(200, json!({"n": 1, "frames": []}));
    assert_eq!(peer.next("/v1/poll").await.bearer, "Bearer fresh");
}

#[tokio::test]
async fn however_a_connection_ends_the_reason_is_told() {
    for (status, body, code, reason) in [
        (200, json!({"n": 2, "frames": [], "close": {"code": 4003, "reason": "bye"}}), Some(4003), "bye"),
        (404, refusal("not_found"), None, "no"),
        (401, refusal("unauthenticated"), Some(CloseCode::TokenExpired.number()), "no"),
        (409, refusal("conflict"), None, "no"),
        (200, json!({"n": 7, "frames": [frame(7)]}), None, "answer 7 came after answer 1"),
        (200, json!({"n": 1, "frames": [frame(1)]}), None, "answer 1 came after answer 1"),
    ] {
        let mut peer = Peer::start().await;
        let (mut link, asked) = peer.opened().await;
        asked.answer(status, body);
        assert_eq!(end(&mut link).await, (code, reason.to_owned()), "{status}");
    }
}

#[tokio::test]
async fn a_server_that_stays_away_ends_it() {
    let mut peer = Peer::start().await;
    let (mut link, asked) = peer.opened().await;
    drop(asked);
    for _ in AGAIN {
        drop(peer.next("/v1/poll").await);
    }
    let (code, reason) = end(&mut link).await;
    assert!(code.is_none() && reason.starts_with("the connection was lost"), "{reason}");
}

#[tokio::test]
async fn a_refusal_to_open_says_what_to_do_next() {
    for (status, body, right) in [
        (
            401,
            refusal("unauthenticated"),
            (|failure| matches!(failure, OpenFailure::Unauthorized(_))) as fn(&_) -> bool,
        ),
        (403, refusal("forbidden"), |failure| matches!(failure, OpenFailure::Forbidden(_))),
        (403, json!("a proxy"), |failure| matches!(failure, OpenFailure::Blocked(_))),
        (404, refusal("not_found"), |failure| matches!(failure, OpenFailure::Blocked(_))),
        (429, refusal("rate_limited"), |failure| matches!(failure, OpenFailure::Busy(..))),
        (502, json!("a proxy"), |failure| matches!(failure, OpenFailure::Network(_))),
        (200, json!({"n": 0, "frames": []}), |failure| matches!(failure, OpenFailure::Blocked(_))),
    ] {
        let mut peer = Peer::start().await;
        let url = peer.url.clone();
        let opening = tokio::spawn(async move { open(&url, "token").await });
        peer.next("/v1/poll").await.answer(status, body);
        let failure = opening.await.unwrap().unwrap_err();
        assert!(right(&failure), "{status}: {failure:?}");
    }
}
