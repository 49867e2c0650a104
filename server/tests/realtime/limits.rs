//! What is beyond a limit is refused with the time to come back, and nobody else notices.

use std::time::Duration;

use watchbell_protocol::{CommandId, ErrorCode, command::ActivityPost};
use watchbell_server::config::{Addresses, Config};

use crate::fixture::{SOON, Server, quick, text};

/// Clients name their address as if a proxy on this machine stood before the server.
fn behind_a_proxy(config: &mut Config) {
    config.server.trusted_proxies = Addresses(vec!["127.0.0.1".parse().unwrap()]);
}

#[tokio::test]
async fn places_of_an_address_and_of_a_user_are_refused_with_429_until_one_is_free() {
    let server = Server::start_configured(quick(), |config| {
        behind_a_proxy(config);
        (config.limits.user_connections, config.limits.address_connections) = (2, 3);
    })
    .await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let (home, home_too, office) = ("2001:db8::1", "2001:db8::2", "192.0.2.1");
    let first = server.try_connect_from(home, &ada.token).await.unwrap();
    let _second = server.try_connect_from(home_too, &ada.token).await.unwrap();
    let (status, body) = server.try_connect_from(office, &ada.token).await.err().unwrap();
    assert_eq!(status, 429, "{body}");
    assert!(body.contains(r#""code":"rate_limited""#) && body.contains("retry_after_ms"), "{body}");

    let _third = server.try_connect_from(home, &bob.token).await.unwrap();
    let (status, body) = server.try_connect_from(home_too, &bob.token).await.err().unwrap();
    assert_eq!((status, body.contains("from your address")), (429, true), "{body}");
    server.connect(&bob.token).await;

    drop(first);
    let free = async { while server.try_connect_from(office, &ada.token).await.is_err() {} };
    tokio::time::timeout(SOON, free).await.expect("the place becomes free");
}

#[tokio::test]
async fn a_full_server_refuses_with_503_before_it_asks_who_it_is() {
    let server = Server::start_configured(quick(), |config| config.limits.connections = 1).await;
    let ada = server.member("ada").await;
    let mut a = server.connect(&ada.token).await;
    let protocol = Some(watchbell_protocol::SUBPROTOCOL);
    let (status, body) = server.try_connect(Some("nonsense"), protocol).await.err().unwrap();
    assert_eq!(status, 503, "{body}");
    assert!(body.contains(r#""code":"unavailable""#) && body.contains("retry_after_ms"), "{body}");
    a.join(ada.room(), None).await;
}

#[tokio::test]
async fn commands_beyond_the_rate_are_refused_and_may_come_again() {
    let server = Server::start_configured(quick(), |config| {
        (config.limits.commands_per_second, config.limits.commands_burst) = (1, 3);
    })
    .await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let (mut flooding, mut other) = (server.connect(&ada.token).await, server.connect(&ada.token).await);
    let post = || ActivityPost { title: text("x"), body: None };
    let ids: Vec<_> = (0..40).map(|_| CommandId::fresh()).collect();
    for &id in &ids {
        flooding.send(Some(id), Some(room), post()).await;
    }
    let mut refusals = Vec::new();
    for &id in &ids {
        refusals.push(flooding.answer(id).await.err());
    }
    let first = refusals.iter().position(Option::is_some).expect("some are refused");
    assert!(first >= 3, "{refusals:?}");
    let mut wait = 0;
    for refused in &refusals[first..] {
        let refused = refused.as_ref().expect("nothing is taken behind what was refused");
        assert_eq!(refused.code, ErrorCode::RateLimited);
        wait = refused.retry_after_ms.expect("it says when to come back");
    }
    other.ask(room, post()).await.expect("others are not limited");
    tokio::time::sleep(Duration::from_millis(wait.into())).await;
    flooding.ask_as(ids[first], room, post()).await.expect("the same command is taken when it comes again in time");
}
