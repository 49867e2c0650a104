//! The documents that the server hands out about itself: they are whole, and true.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::{Answer, Server};
use reqwest::Method;
use serde_json::Value;
use watchbell_protocol::{Command, Event};

async fn document(server: &Server, name: &str) -> Value {
    let answer = Answer::of(server.get(&format!("/v1/{name}.json"))).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    answer.body
}

/// Every object inside, with where it is.
fn walk(value: &Value, at: &str, see: &mut impl FnMut(&str, &Value)) {
    see(at, value);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, field)| walk(field, &format!("{at}/{key}"), see)),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, element)| walk(element, &format!("{at}/{index}"), see));
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let server = Server::start().await;
    for name in ["openapi", "asyncapi"] {
        let document = document(&server, name).await;
        let mut used = BTreeSet::new();
        walk(&document, "", &mut |at, value| {
            if let Some(to) = value.get("$ref").and_then(Value::as_str) {
                let pointer = to.strip_prefix('#').unwrap_or_else(|| panic!("{name}{at}: {to} leads outside"));
                assert!(document.pointer(pointer).is_some(), "{name}{at}: {to} leads nowhere");
                used.insert(to.to_owned());
            }
        });
        for schema in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/schemas/{schema}")), "{name}: nothing uses {schema}");
        }
    }
}

/// The routes as `router.rs` writes them.
fn routes() -> BTreeSet<(String, String)> {
    let source = include_str!("../src/router.rs");
    let routes = source.split(".route(\"").skip(1).map(|route| {
        let (path, rest) = route.split_once("\", ").unwrap();
        (rest.split_once('(').unwrap().0.to_owned(), path.to_owned())
    });
    routes.collect()
}

#[tokio::test]
async fn openapi_has_every_route_of_the_router_and_no_other() {
    let server = Server::start().await;
    let document = document(&server, "openapi").await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    let told = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone()))
    });
    let told: BTreeSet<_> = told.collect();
    assert_eq!(told, routes());
    for (method, path) in told {
        let there = server.url(&path.replace("{room}", "project:x"));
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let answer = Answer::of(common::client().request(method.clone(), there)).await;
        assert!(!answer.message().contains("there is nothing at"), "{method} {path}: {answer:?}");
        assert_ne!(answer.status, 405, "{method} {path}");
    }
}

#[tokio::test]
async fn openapi_says_what_needs_a_sign_in() {
    let server = Server::start().await;
    let document = document(&server, "openapi").await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let there = server.url(&path.replace("{room}", "project:0192f0c1-0000-7000-8000-000000000001"));
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = Answer::of(common::client().request(method, there).body("{}")).await;
            let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
            assert_eq!(answer.status != 401, is_open, "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn asyncapi_has_the_whole_vocabulary_with_its_payloads() {
    let server = Server::start().await;
    let document = document(&server, "asyncapi").await;
    assert_eq!(document["asyncapi"], "3.0.0");
    let messages = document["components"]["messages"].as_object().unwrap();
    let of_kind = |kind: &str| {
        let named = messages.iter().filter(|(key, _)| key.starts_with(kind));
        named.map(|(_, message)| message["name"].as_str().unwrap()).collect::<BTreeSet<_>>()
    };
    assert_eq!(of_kind("command."), Command::NAMES.iter().copied().collect());
    assert_eq!(of_kind("event."), Event::NAMES.iter().copied().collect());
    for (key, message) in messages {
        assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{key}");
        let is_in_use = ["receiveCommand", "sendFrame"].iter().any(|operation| {
            let used = document["operations"][operation]["messages"].as_array().unwrap();
            used.iter().any(|it| it["$ref"].as_str().unwrap().ends_with(&format!("/{key}")))
        });
        assert!(is_in_use, "{key}");
        if !key.starts_with("frame.") {
            assert!(message["payload"]["properties"]["data"].is_object(), "{key} has no payload");
        }
    }
}
