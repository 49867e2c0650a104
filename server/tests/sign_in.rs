//! Signing in, staying signed in and being kept out, over real HTTP.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::{PASSWORD, Server};
use watchbell_protocol::{Text, TokenId, UnixMillis};
use watchbell_server::{
    auth::access::{AccessTokens, Subject},
    auth::{FamilyId, keys::Keys},
    config::Span,
    store::{
        accounts::{self, Revoked},
        api_tokens::{self, ApiToken},
    },
};

#[tokio::test]
async fn the_right_password_gives_tokens_that_work() {
    let server = Server::start().await;
    let signed_in = server.sign_in("ada", PASSWORD).await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    assert_eq!(signed_in.body["account"]["name"], "ada");
    assert_eq!(signed_in.body["expires_in"], 600);
    assert_eq!(signed_in.body["server"], "Watchbell");
    assert_eq!(signed_in.headers["cache-control"], "no-store");
    assert_eq!(server.whose(&signed_in.text("access_token")).await, Ok(server.user_id("ada").await));
    assert_eq!(server.sign_in("Ada", PASSWORD).await.status, 200, "names have one spelling");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let server = Server::start().await;
    let wrong = server.sign_in("ada", "incorrect horse").await;
    let unknown = server.sign_in("eve", PASSWORD).await;
    assert_eq!(wrong.refusal(), (401, "unauthenticated", None));
    assert_eq!(wrong.message(), "name or password is wrong");
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(wrong.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn guessing_is_slowed_down_per_name_and_the_right_password_has_to_wait_too() {
    let server = Server::start_with(|config| config.auth.failed_sign_ins = 2).await;
    for _ in 0..2 {
        assert_eq!(server.sign_in("ada", "guess number").await.status, 401);
    }
    let limited = server.sign_in("ada", PASSWORD).await;
    assert_eq!(limited.refusal(), (429, "rate_limited", None));
    let wait: u64 = limited.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert!(limited.body["error"]["retry_after_ms"].as_u64().unwrap() <= 20_000);
    assert_eq!(server.sign_in("eve", PASSWORD).await.status, 401, "another name is not limited");
}

#[tokio::test]
async fn a_refresh_token_is_traded_for_its_successor_and_a_retry_gets_the_same_one() {
    let server = Server::start().await;
    let first = server.sign_in("ada", PASSWORD).await.text("refresh_token");
    let second = server.refresh(&first).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert!(server.whose(&second.text("access_token")).await.is_ok());
    let retried = server.refresh(&first).await;
    assert_eq!(retried.text("refresh_token"), second.text("refresh_token"), "the answer may have been lost");
    assert_eq!(server.refresh(&second.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn an_old_refresh_token_ends_the_whole_sign_in_and_no_other() {
    let server = Server::start().await;
    let other = server.sign_in("ada", PASSWORD).await;
    let stolen = server.sign_in("ada", PASSWORD).await.text("refresh_token");
    let second = server.refresh(&stolen).await.text("refresh_token");
    let third = server.refresh(&second).await;

    let replayed = server.refresh(&stolen).await;
    assert_eq!(replayed.refusal(), (401, "unauthenticated", None));
    assert_eq!(server.refresh(&third.text("refresh_token")).await.status, 401, "the newest is ended with it");
    assert_eq!(server.whose(&third.text("access_token")).await, Err("the sign-in has ended: sign in again".into()));
    assert_eq!(server.refresh(&other.text("refresh_token")).await.status, 200);
    assert!(server.whose(&other.text("access_token")).await.is_ok());
}

#[tokio::test]
async fn many_refreshes_at_once_all_get_the_same_successor() {
    let server = Server::start().await;
    let first = server.sign_in("ada", PASSWORD).await.text("refresh_token");
    let (a, b, c) = tokio::join!(server.refresh(&first), server.refresh(&first), server.refresh(&first));
    assert_eq!(a.text("refresh_token"), b.text("refresh_token"));
    assert_eq!(b.text("refresh_token"), c.text("refresh_token"));
}

#[tokio::test]
async fn a_forged_refresh_token_is_refused_and_harms_nobody() {
    let server = Server::start().await;
    let good = server.sign_in("ada", PASSWORD).await.text("refresh_token");
    let (head, mac) = good.rsplit_once('.').unwrap();
    let (family, _) = head.rsplit_once('.').unwrap();
    for forged in [format!("{family}.7.{mac}"), format!("{head}.{}", mac.replace(&mac[..4], "AAAA")), "x".into()] {
        assert_eq!(
            server.refresh(&forged).await.refusal(),
            (401, "unauthenticated", Some("refresh_token")),
            "{forged}"
        );
    }
    assert_eq!(server.refresh(&good).await.status, 200);
}

#[tokio::test]
async fn signing_out_ends_the_sign_in_and_twice_is_once() {
    let server = Server::start().await;
    let signed_in = server.sign_in("ada", PASSWORD).await;
    let token = signed_in.text("refresh_token");
    assert_eq!(server.sign_out(&token).await.status, 204);
    assert_eq!(server.sign_out(&token).await.status, 204);
    assert_eq!(server.refresh(&token).await.status, 401);
    assert!(server.whose(&signed_in.text("access_token")).await.is_err());
    assert_eq!(server.sign_out("wbr_nonsense").await.status, 401);
}

#[tokio::test]
async fn a_disabled_member_is_kept_out_at_every_door() {
    let server = Server::start().await;
    let signed_in = server.sign_in("ada", PASSWORD).await;
    let ada = server.user_id("ada").await;
    let mut tx = server.app.store.write().await.unwrap();
    assert!(accounts::set_disabled(&mut tx, ada, Some(UnixMillis(1))).await.unwrap());
    tx.commit().await.unwrap();

    assert_eq!(server.sign_in("ada", PASSWORD).await.refusal(), (403, "forbidden", None));
    let guess = server.sign_in("ada", "a guess at it").await;
    assert_eq!(guess.refusal(), (401, "unauthenticated", None), "only who knows the password learns of it");
    assert_eq!(server.refresh(&signed_in.text("refresh_token")).await.status, 401);
    assert_eq!(server.whose(&signed_in.text("access_token")).await, Err("the account is disabled".into()));
}

#[tokio::test]
async fn what_was_revoked_lately_is_found() {
    let server = Server::start().await;
    let ada = server.user_id("ada").await;
    let mut families = Vec::new();
    for _ in 0..3 {
        let token = server.sign_in("ada", PASSWORD).await.text("access_token");
        let principal = server.app.auth.authenticate_token(&token, server.app.clock.now()).await.unwrap();
        let watchbell_server::auth::Principal::User { family, .. } = principal else { panic!("a member") };
        families.push(family);
    }
    let mut tx = server.app.store.write().await.unwrap();
    assert_eq!(accounts::revoked_after(&mut tx, UnixMillis(0)).await.unwrap(), Revoked::default());
    for (family, at) in families.iter().zip([10, 20]) {
        accounts::revoke(&mut tx, *family, UnixMillis(at)).await.unwrap();
    }
    accounts::set_disabled(&mut tx, ada, Some(UnixMillis(30))).await.unwrap();
    let token = TokenId::fresh();
    let (name, scopes, projects) = (Text::clip("build"), BTreeSet::new(), BTreeSet::new());
    let kept = ApiToken {
        id: token,
        name,
        secret_hash: [0; 32],
        scopes,
        projects,
        created_at: UnixMillis(0),
        revoked_at: None,
    };
    api_tokens::insert(&mut tx, &kept).await.unwrap();
    api_tokens::revoke(&mut tx, token, UnixMillis(40)).await.unwrap();

    let all = Revoked { families: [families[0], families[1]].into(), users: [ada].into(), tokens: [token].into() };
    assert_eq!(accounts::revoked_after(&mut tx, UnixMillis(9)).await.unwrap(), all);
    let late = Revoked { families: [families[1]].into(), ..all.clone() };
    assert_eq!(accounts::revoked_after(&mut tx, UnixMillis(10)).await.unwrap(), late);
    let last = Revoked { tokens: all.tokens, ..Revoked::default() };
    assert_eq!(accounts::revoked_after(&mut tx, UnixMillis(30)).await.unwrap(), last);
    assert_eq!(accounts::revoked_after(&mut tx, UnixMillis(40)).await.unwrap(), Revoked::default());
}

#[tokio::test]
async fn an_access_token_of_elsewhere_or_without_a_sign_in_is_refused() {
    let server = Server::start_with(|config| config.auth.access_token = Span::secs(10)).await;
    let now = server.app.clock.now();
    let token = server.sign_in("ada", PASSWORD).await.text("access_token");
    let later = UnixMillis(now.0 + 60_000);
    let expired = server.app.auth.authenticate_token(&token, later).await.unwrap_err();
    assert_eq!(expired.message, "the access token has expired");

    let keys = Keys::read(server.folder.path()).unwrap();
    let subject = Subject {
        user: server.user_id("ada").await,
        device: watchbell_protocol::DeviceId::fresh(),
        device_kind: watchbell_protocol::event::DeviceKind::Cli,
        family: FamilyId::fresh(),
    };
    let orphan = AccessTokens::new(&keys, std::time::Duration::from_mins(10)).issue(subject, now);
    assert_eq!(server.whose(&orphan).await, Err("the access token is not valid".into()));

    let elsewhere = tempfile::tempdir().unwrap();
    Keys::create(elsewhere.path()).unwrap();
    let foreign = AccessTokens::new(&Keys::read(elsewhere.path()).unwrap(), std::time::Duration::from_mins(10));
    assert_eq!(server.whose(&foreign.issue(subject, now)).await, Err("the access token is not valid".into()));
}
