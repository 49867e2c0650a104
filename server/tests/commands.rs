//! Durable commands over HTTP, as a script sends them.

#![allow(clippy::unwrap_used)]

mod common;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{Answer, PASSWORD, Server};
use serde_json::{Value, json};
use watchbell_protocol::{CommandId, ProjectId, TokenId, UnixMillis, event::Role};
use watchbell_server::{
    auth::{Scope, api_token},
    ingest::{AdminCommand, admin},
    store::api_tokens::{self, ApiToken},
};

/// A project "web" of ada, and a token for it.
async fn project(server: &Server) -> ProjectId {
    let id = ProjectId::fresh();
    let store = &server.app.store;
    admin(store, AdminCommand::AddProject { id, name: "web".into() }, UnixMillis(1)).await.unwrap();
    let user = server.user_id("ada").await;
    admin(store, AdminCommand::AddMember { project: id, user, role: Role::Member }, UnixMillis(1)).await.unwrap();
    id
}

async fn token(server: &Server, project: ProjectId, scope: Scope) -> (TokenId, String) {
    let id = TokenId::fresh();
    let (text, secret_hash) = api_token::create(id).unwrap();
    let kept = ApiToken {
        id,
        name: "ci".try_into().unwrap(),
        secret_hash,
        scopes: [scope].into(),
        projects: [project].into(),
        created_at: UnixMillis(1),
        revoked_at: None,
    };
    let mut tx = server.app.store.write().await.unwrap();
    api_tokens::insert(&mut tx, &kept).await.unwrap();
    tx.commit().await.unwrap();
    (id, text)
}

async fn send(server: &Server, project: ProjectId, token: &str, body: &Value) -> Answer {
    let path = format!("/v1/rooms/project:{project}/commands");
    Answer::of(server.post(&path).bearer_auth(token).json(body)).await
}

fn post(title: &str) -> Value {
    json!({"id": CommandId::fresh(), "cmd": "activity:post", "data": {"title": title}})
}

#[tokio::test]
async fn a_command_sent_twice_is_applied_once_and_answered_the_same() {
    let server = Server::start().await;
    let project = project(&server).await;
    let (_, token) = token(&server, project, Scope::Activity).await;
    let command = post("deployed 1.2");
    let first = send(&server, project, &token, &command).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert!(first.body["seq"].is_number(), "{first:?}");
    let again = send(&server, project, &token, &command).await;
    assert_eq!(again.body, first.body);
    let mut other = post("deployed 1.3");
    other["id"] = command["id"].clone();
    assert_eq!(send(&server, project, &token, &other).await.refusal().0, 409);
}

#[tokio::test]
async fn a_member_may_send_commands_too() {
    let server = Server::start().await;
    let project = project(&server).await;
    let access = server.sign_in("ada", PASSWORD).await.text("access_token");
    let sent = send(&server, project, &access, &post("from a script")).await;
    assert_eq!(sent.status, 200, "{sent:?}");
}

#[tokio::test]
async fn a_token_does_what_its_scope_says_where_it_says_until_it_is_revoked() {
    let server = Server::start().await;
    let project = project(&server).await;
    let (id, notify) = token(&server, project, Scope::Notify).await;
    let level = json!({"level": "info", "title": "hi"});
    let notification = json!({"id": CommandId::fresh(), "cmd": "notify", "data": level});
    assert_eq!(send(&server, project, &notify, &notification).await.status, 200);
    let scope = send(&server, project, &notify, &post("not allowed")).await;
    assert_eq!(scope.refusal().1, "forbidden");
    assert!(scope.message().contains("activity"), "{scope:?}");
    let mut elsewhere = notification.clone();
    elsewhere["id"] = json!(CommandId::fresh());
    let elsewhere = send(&server, ProjectId::fresh(), &notify, &elsewhere).await;
    assert_eq!(elsewhere.refusal().0, 403, "{elsewhere:?}");

    let mut tx = server.app.store.write().await.unwrap();
    assert!(api_tokens::revoke(&mut tx, id, UnixMillis(2)).await.unwrap());
    tx.commit().await.unwrap();
    let revoked = send(&server, project, &notify, &notification).await;
    assert_eq!((revoked.refusal().0, revoked.message()), (401, "the API token was revoked"));
}

#[tokio::test]
async fn a_forged_access_token_opens_nothing() {
    let server = Server::start().await;
    let project = project(&server).await;
    let good = server.sign_in("ada", PASSWORD).await.text("access_token");
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let said = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let longer = URL_SAFE_NO_PAD.encode(said.replace(r#""exp":1"#, r#""exp":9"#));
    assert_ne!(longer, claims);
    for forged in [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{longer}.{signature}"),
    ] {
        let refused = send(&server, project, &forged, &post("x")).await;
        assert_eq!((refused.refusal().0, refused.message()), (401, "the access token is not valid"), "{forged}");
    }
    assert_eq!(send(&server, project, &good, &post("x")).await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_with_a_command_is_named() {
    let server = Server::start().await;
    let project = project(&server).await;
    let (_, token) = token(&server, project, Scope::Activity).await;
    let without_id = json!({"cmd": "activity:post", "data": {"title": "x"}});
    let unknown = json!({"id": CommandId::fresh(), "cmd": "dance", "data": {}});
    let join = json!({"id": CommandId::fresh(), "cmd": "room:join", "data": {}});
    let no_title = json!({"id": CommandId::fresh(), "cmd": "activity:post", "data": {"title": 7}});
    for (body, code, field) in [
        (without_id, "bad_request", "id"),
        (unknown, "unknown_command", "cmd"),
        (join, "bad_request", "cmd"),
        (no_title, "bad_request", "data.title"),
    ] {
        let answer = send(&server, project, &token, &body).await;
        assert_eq!(answer.refusal(), (400, code, Some(field)), "{body}");
    }
    let no_room = server.post("/v1/rooms/kitchen/commands").bearer_auth(&token).json(&post("x"));
    assert_eq!(Answer::of(no_room).await.refusal(), (400, "bad_request", Some("room")));
    for unknown in ["nonsense", "wbt_x.y"] {
        assert_eq!(send(&server, project, unknown, &post("x")).await.refusal().0, 401);
    }
    let path = format!("/v1/rooms/project:{project}/commands");
    assert_eq!(Answer::of(server.post(&path).json(&post("x"))).await.refusal().0, 401, "no token at all");
}
