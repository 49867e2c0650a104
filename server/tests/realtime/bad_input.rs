//! What is not the protocol is refused by name, and the server lives.

use tokio_tungstenite::tungstenite::{Bytes, Message};
use watchbell_protocol::{
    CloseCode, CommandId, ErrorCode, ServerFrame, WireError,
    command::{ActivityPost, Notify, PresenceUpdate},
    event::{Level, Status},
    limits,
};

use crate::{
    client::Client,
    fixture::{Server, text},
};

/// The error that the next error frame carries.
async fn error(client: &mut Client) -> WireError {
    client
        .find(|frame| match frame {
            ServerFrame::Error(error) => Some(error.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn without_a_good_token_there_is_no_connection() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let protocol = Some(watchbell_protocol::SUBPROTOCOL);
    let mut tampered = ada.token.clone();
    tampered.replace_range(tampered.len() - 4.., "AAAA");
    for token in [None, Some("nonsense"), Some(tampered.as_str())] {
        let (status, body) = server.try_connect(token, protocol).await.err().unwrap();
        assert_eq!(status, 401, "{body}");
        assert!(body.contains(r#""code":"unauthenticated""#), "{body}");
    }
    let (status, body) = server.try_connect(Some(&ada.token), None).await.err().unwrap();
    assert_eq!(status, 400);
    assert!(body.contains("watchbell.v1"), "{body}");
    server.connect(&ada.token).await;
}

#[tokio::test]
async fn a_bad_frame_is_refused_by_the_name_of_its_field_and_the_connection_lives() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut a = server.connect(&ada.token).await;
    a.raw("{ not json").await;
    assert_eq!(error(&mut a).await.code, ErrorCode::BadRequest);
    a.raw(r#"{"cmd":"activity:post","data":{}}"#).await;
    assert_eq!(error(&mut a).await.code, ErrorCode::BadRequest);

    let id = CommandId::fresh();
    for (frame, code, field) in [
        (format!(r#"{{"id":"{id}","cmd":"dance"}}"#), ErrorCode::UnknownCommand, "cmd"),
        (
            format!(r#"{{"id":"{id}","cmd":"activity:post","room":"{room}","data":{{"title":7}}}}"#),
            ErrorCode::BadRequest,
            "data.title",
        ),
        (
            format!(r#"{{"id":"{id}","cmd":"activity:post","room":"{room}","data":{{"title":" "}}}}"#),
            ErrorCode::BadRequest,
            "data.title",
        ),
        (format!(r#"{{"id":"{id}","cmd":"activity:post","data":{{"title":"x"}}}}"#), ErrorCode::BadRequest, "room"),
        (
            format!(r#"{{"id":"{id}","cmd":"activity:post","room":"{}","data":{{"title":"x"}}}}"#, ada.room()),
            ErrorCode::BadRequest,
            "room",
        ),
        (format!(r#"{{"id":"{id}","cmd":"room:join"}}"#), ErrorCode::BadRequest, "room"),
    ] {
        a.raw(frame.clone()).await;
        let refused = a.answer(id).await.unwrap_err();
        assert_eq!((refused.code, refused.field.as_deref()), (code, Some(field)), "{frame}: {refused}");
    }
    a.raw(format!(r#"{{"id":"{id}","cmd":"activity:post","room":"team:1","data":{{"title":"x"}}}}"#)).await;
    assert_eq!(error(&mut a).await.field.as_deref(), Some("room"));

    let no_id = ActivityPost { title: text("x"), body: None };
    a.send(None, Some(room), no_id).await;
    assert_eq!(error(&mut a).await.field.as_deref(), Some("id"));
    a.send(None, None, PresenceUpdate { status: Status::Offline, viewing: None }).await;
    assert_eq!(error(&mut a).await.field.as_deref(), Some("data.status"));
    let empty = Notify { level: Level::Info, title: text(""), body: text(""), link: None };
    assert_eq!(a.ask(room, empty).await.unwrap_err().field.as_deref(), Some("data.title"));
    a.join(room, None).await;
}

#[tokio::test]
async fn a_frame_beyond_the_limit_closes_only_its_own_connection_and_says_why() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let (mut a, mut other) = (server.connect(&ada.token).await, server.connect(&ada.token).await);
    a.raw("x".repeat(limits::FRAME_BYTES + 1)).await;
    let close = a.closed().await.expect("a close frame");
    assert_eq!(u16::from(close.code), CloseCode::TooLarge.number());
    other.join(ada.room(), None).await;
}

#[tokio::test]
async fn a_binary_frame_is_not_the_protocol() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let mut a = server.connect(&ada.token).await;
    a.raw(Message::Binary(Bytes::from_static(b"\x00\x01"))).await;
    let close = a.closed().await.expect("a close frame");
    assert_eq!(u16::from(close.code), CloseCode::Protocol.number());
}
