//! What every route has in common: refusals, limits, request ids, browsers, health.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Answer, PASSWORD, Server};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use watchbell_protocol::http::CONNECTION;
use watchbell_server::{
    Timing,
    config::{Door, Texts},
    listener::Door as Listening,
    metrics,
    router::router,
    serve::serve,
};

#[tokio::test]
async fn a_body_that_is_wrong_is_refused_with_the_field() {
    let server = Server::start().await;
    let device = r#"{"id":"0192f0c1-0000-7000-8000-000000000001","kind":"cli","name":"x"}"#;
    for (body, field) in [
        ("{".to_owned(), None),
        ("[]".to_owned(), None),
        (format!(r#"{{"name":"ada","device":{device}}}"#), None),
        (format!(r#"{{"name":7,"password":"x","device":{device}}}"#), Some("name")),
        (r#"{"name":"ada","password":"x","device":{"id":"me","kind":"cli","name":"x"}}"#.to_owned(), Some("device.id")),
        (format!(r#"{{"name":"{}","password":"x","device":{device}}}"#, "x".repeat(129)), Some("name")),
    ] {
        let answer = Answer::of(server.post("/v1/sign-in").body(body.clone())).await;
        assert_eq!(answer.refusal(), (400, "bad_request", field), "{body} {answer:?}");
    }
    let missing = Answer::of(server.post("/v1/refresh").body("{}")).await;
    assert!(missing.message().contains("refresh_token"), "{missing:?}");
    let binary = Answer::of(server.post("/v1/refresh").body(vec![0xff, 0xfe])).await;
    assert_eq!(binary.refusal(), (400, "bad_request", None));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let server = Server::start().await;
    let answer = Answer::of(server.post("/v1/sign-in").body("x".repeat(64 * 1024 + 1))).await;
    assert_eq!(answer.refusal(), (413, "too_large", None));
    assert_eq!(Answer::of(server.get("/healthz")).await.status, 200);
}

#[tokio::test]
async fn an_unknown_route_or_method_is_refused_in_json() {
    let server = Server::start().await;
    assert_eq!(Answer::of(server.get("/v1/nothing")).await.refusal(), (404, "not_found", None));
    let method = Answer::of(server.get("/v1/sign-in")).await;
    assert_eq!(method.refusal(), (405, "bad_request", None));
    assert!(method.message().contains("GET"), "{method:?}");
}

#[tokio::test]
async fn info_and_health_need_no_sign_in() {
    let server = Server::start().await;
    let info = Answer::of(server.get("/v1/info")).await;
    assert_eq!(info.body["name"], "Watchbell");
    assert_eq!(info.body["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(Answer::of(server.get("/healthz")).await.status, 200);
    assert_eq!(Answer::of(server.get("/readyz")).await.status, 200);
}

#[tokio::test]
async fn a_server_that_is_stopping_or_cannot_write_is_alive_but_not_ready() {
    let server = Server::start().await;
    let writer = server.app.store.write().await.unwrap();
    assert_eq!(Answer::of(server.get("/readyz")).await.refusal(), (503, "unavailable", None));
    drop(writer);
    assert_eq!(Answer::of(server.get("/readyz")).await.status, 200);
    server.app.stopping.cancel();
    assert_eq!(Answer::of(server.get("/readyz")).await.refusal(), (503, "unavailable", None));
    assert_eq!(Answer::of(server.get("/healthz")).await.status, 200);
}

#[tokio::test]
async fn a_request_id_is_taken_over_or_made() {
    let server = Server::start().await;
    let given = Answer::of(server.get("/healthz").header("x-request-id", "proxy-17")).await;
    assert_eq!(given.headers["x-request-id"], "proxy-17");
    let odd = Answer::of(server.get("/healthz").header("x-request-id", "a b\"c")).await;
    assert_eq!(odd.headers["x-request-id"].len(), 36);
    let refused = Answer::of(server.get("/v1/nothing").header("origin", "https://evil.example")).await;
    assert!(refused.headers.contains_key("x-request-id"), "on refusals too");
}

#[tokio::test]
async fn an_address_that_asks_too_much_is_told_to_wait_and_no_other() {
    let server = Server::start_with(|config| {
        config.server.trusted_proxies.0 = vec!["127.0.0.1".parse().unwrap()];
        config.limits.http_requests_burst = 3;
        config.limits.http_requests_per_second = 1;
    })
    .await;
    let from = |address: &'static str| Answer::of(server.get("/v1/info").header("x-forwarded-for", address));
    let mut last = from("192.0.2.1").await;
    for _ in 0..20 {
        last = from("192.0.2.1").await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!(last.refusal(), (429, "rate_limited", None));
    assert_eq!(last.headers["retry-after"], "1");
    assert_eq!(from("192.0.2.2").await.status, 200);
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answers_is_let_go() {
    let server = Server::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (door, timing) =
        (Listening::new(listener, None), Timing { stalled: Duration::from_millis(50), ..Timing::default() });
    tokio::spawn(serve(door, router(server.app.clone()), timing, CancellationToken::new()));
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = b"GET /v1/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
    // Once its answers fill all that is between, nothing more is read of it, and it waits as well.
    let asking = async { while client.write_all(request).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("it is let go");
}

#[tokio::test]
async fn requests_of_an_open_connection_are_not_counted_and_others_that_name_it_are() {
    let server = Server::start_with(|config| {
        config.server.trusted_proxies.0 = vec!["127.0.0.1".parse().unwrap()];
        config.limits.http_requests_burst = 3;
        config.limits.http_requests_per_second = 1;
    })
    .await;
    let token = server.sign_in("ada", PASSWORD).await.text("access_token");
    let from_home = |request: RequestBuilder| request.bearer_auth(&token).header("x-forwarded-for", "192.0.2.1");
    let opened = Answer::of(from_home(server.post("/v1/poll")).json(&json!({"ack": 0}))).await;
    let id = opened.text("connection");
    let mut asked = Vec::new();
    while asked.len() < 20 && !asked.contains(&429) {
        let info = Answer::of(from_home(server.get("/v1/info")).header(CONNECTION, &id)).await;
        asked.push(info.status.as_u16());
    }
    assert_eq!(asked.last(), Some(&429), "{asked:?}");
    for n in 1..=5 {
        let send = from_home(server.post("/v1/send")).header(CONNECTION, &id).json(&json!({"n": n, "frames": []}));
        assert_eq!(Answer::of(send).await.status, 204);
    }
}

#[tokio::test]
async fn a_browser_is_refused_unless_its_origin_is_allowed() {
    let server = Server::start().await;
    let browser = Answer::of(server.get("/v1/info").header("origin", "https://watch.example")).await;
    assert_eq!(browser.refusal(), (403, "forbidden", None));

    let allowed = Texts(vec!["https://watch.example".into()]);
    let server = Server::start_with(|config| config.server.allowed_origins = allowed).await;
    let browser = Answer::of(server.get("/v1/info").header("origin", "https://watch.example")).await;
    assert_eq!(browser.status, 200);
    assert_eq!(browser.headers["access-control-allow-origin"], "https://watch.example");
    let preflight = reqwest::Client::request(&common::client(), Method::OPTIONS, server.url("/v1/sign-in"))
        .header("origin", "https://watch.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    assert_eq!(Answer::of(preflight).await.status, 200);
    let other = Answer::of(server.get("/v1/info").header("origin", "https://evil.example")).await;
    assert_eq!(other.refusal(), (403, "forbidden", None));
}

#[tokio::test]
async fn numbers_are_on_a_listener_of_their_own_and_never_where_clients_are() {
    let server = Server::start_with(|config| config.metrics.listen = Door(Some(([127, 0, 0, 1], 0).into()))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(metrics::serve(server.app.clone(), listener, stop.clone()));
    server.sign_in("ada", "wrong").await;
    server.refresh("nonsense").await;
    let page = common::client().get(&url).send().await.unwrap().text().await.unwrap();
    for line in [
        "watchbell_auth_failures_total{proof=\"password\"} 1",
        "watchbell_auth_failures_total{proof=\"refresh_token\"} 1",
        "watchbell_connections 0",
    ] {
        assert!(page.lines().any(|it| it == line), "{line} in\n{page}");
    }
    assert_eq!(Answer::of(server.get("/metrics")).await.status, 404);
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn attempts_to_connect_that_are_refused_before_anybody_asks_who_it_is_are_counted() {
    let server = Server::start_with(|config| {
        config.metrics.listen = Door(Some(([127, 0, 0, 1], 0).into()));
        config.server.trusted_proxies.0 = vec!["127.0.0.1".parse().unwrap()];
        config.limits.http_requests_burst = 3;
        config.limits.http_requests_per_second = 1;
    })
    .await;
    for request in [server.get("/v1/ws"), server.post("/v1/poll"), server.get("/v1/info")] {
        assert_eq!(Answer::of(request.header("origin", "https://evil.example")).await.status, 403);
    }
    let mut asked = Vec::new();
    while asked.len() < 20 && !asked.contains(&429) {
        let attempt = Answer::of(server.get("/v1/ws").header("x-forwarded-for", "192.0.2.1")).await;
        asked.push(attempt.status.as_u16());
    }
    assert_eq!(asked.last(), Some(&429), "{asked:?}");
    let page = server.app.metrics.page(0).unwrap();
    for line in [
        "watchbell_connection_attempts_total{result=\"origin\"} 2",
        "watchbell_connection_attempts_total{result=\"limited\"} 1",
        "watchbell_limited_total{limit=\"requests\"} 1",
    ] {
        assert!(page.lines().any(|it| it == line), "{line} in\n{page}");
    }
}
