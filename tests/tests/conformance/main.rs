//! The WebSocket of a real server beside another implementation of RFC 6455 (npm `ws`): the same bytes to both, and both
//! must make the same of them. Where the standard leaves a choice, the table says which sentence leaves it.
//!
//! Deliberately absent: what the frames say to Watchbell. Every text is a command that the server does not know, which it
//! answers once; the other side answers every text once.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cases;
mod peer;
mod socket;

use cases::{CASES, Case, Same};
use peer::Peer;
use socket::{End, Outcome, Place};
use watchbell_client::http;
use watchbell_protocol::http::SignIn;
use watchbell_tests::server::{PASSWORD, Server, device, text};

#[tokio::test]
async fn the_server_makes_of_any_bytes_what_another_implementation_makes_of_them() {
    let Some(peer) = Peer::start().await else { return };
    let server = Server::start("compiler", &["maya"]).await;
    let token = sign_in(&server).await;
    let ours = ours(&server, &token);
    let theirs = Place { address: peer.address, path: "/", token: "" };

    let mut differences = Vec::new();
    for case in CASES {
        let bytes = (case.bytes)();
        let (ours, theirs) = tokio::join!(ours.outcome(&bytes), theirs.outcome(&bytes));
        println!("{:60} {ours:?} | {theirs:?}", case.name);
        if let Some(difference) = difference(case, &ours, &theirs) {
            differences.push(format!("{}: {difference}\n  Watchbell: {ours:?}\n  ws:        {theirs:?}", case.name));
        }
    }
    assert!(differences.is_empty(), "{} of {} differ:\n{}", differences.len(), CASES.len(), differences.join("\n"));
}

async fn sign_in(server: &Server) -> String {
    let form = SignIn { name: text("maya"), password: text(PASSWORD), device: device() };
    http::sign_in(&server.url(), form).await.unwrap().access_token
}

fn ours<'a>(server: &Server, token: &'a str) -> Place<'a> {
    Place { address: server.url().socket_addrs(|| None).unwrap()[0], path: "/v1/ws", token }
}

/// What is wrong with the two outcomes of a case, if anything is.
fn difference(case: &Case, ours: &Outcome, theirs: &Outcome) -> Option<String> {
    let is_end_allowed = match case.same {
        Same::All => ours.end == theirs.end,
        Same::But { ours: allowed, .. } if ours.end == allowed => true,
        Same::But { because, .. } => return Some(format!("the end is not what is allowed since {because}")),
    };
    let what = match (ours.answers == theirs.answers, answers_some(&ours.pongs, &theirs.pongs), is_end_allowed) {
        (true, true, true) => return None,
        (false, ..) => "another number of answers",
        (_, false, _) => "other pongs",
        (.., false) => "another end",
    };
    Some(what.to_owned())
}

/// "If an endpoint receives a Ping frame and has not yet sent Pong frame(s) in response to previous Ping frame(s), the
/// endpoint MAY elect to send a Pong frame for only the most recently processed Ping frame" (5.5.3).
fn answers_some(ours: &[Vec<u8>], theirs: &[Vec<u8>]) -> bool {
    let mut theirs = theirs.iter();
    ours.iter().all(|pong| theirs.any(|other| other == pong))
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let server = Server::start("compiler", &["maya"]).await;
    let token = sign_in(&server).await;
    for length in [0, 1, 125] {
        ours(&server, &token).ping(&vec![7; length]).await;
    }
}

#[test]
fn a_difference_is_found() {
    let open = || Outcome { answers: 1, pongs: Vec::new(), end: End::Open };
    let case = &CASES[0];
    assert_eq!(difference(case, &open(), &open()), None);
    for other in [
        Outcome { answers: 2, ..open() },
        Outcome { pongs: vec![b"x".to_vec()], ..open() },
        Outcome { end: End::Dropped, ..open() },
        Outcome { end: End::Closed(Some(1002)), ..open() },
    ] {
        assert!(difference(case, &other, &open()).is_some(), "{other:?}");
    }
}
