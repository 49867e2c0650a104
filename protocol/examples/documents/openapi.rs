//! The HTTP side as `OpenAPI` 3.1.

use serde_json::{Map, Value, json};
use watchbell_protocol::{
    Answer, Command, CommandId, Delivery, Room,
    http::{CONNECTION, ErrorBody, Poll, Polled, Refresh, SendFrames, ServerInfo, SignIn, SignedIn},
};

use super::{Schemas, info};

/// Who may call a route.
#[derive(Clone, Copy, PartialEq)]
enum Caller {
    Anybody,
    /// With an access token or an API token.
    SignedIn,
}

/// What an answer carries.
enum Body {
    Text,
    Json(Value),
    Nothing,
}

struct Route<'a> {
    method: &'a str,
    path: &'a str,
    id: &'a str,
    summary: &'a str,
    caller: Caller,
    parameters: Vec<Value>,
    takes: Option<Value>,
    status: &'a str,
    gives: Body,
}

impl Route<'_> {
    fn operation(self) -> Value {
        let content = |schema| json!({ "application/json": { "schema": schema } });
        let done = match self.gives {
            Body::Text => {
                json!({ "description": "done", "content": { "text/plain": { "schema": { "type": "string" } } } })
            }
            Body::Json(schema) => json!({ "description": "done", "content": content(schema) }),
            Body::Nothing => json!({ "description": "done" }),
        };
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "responses": { self.status: done, "default": { "$ref": "#/components/responses/refusal" } },
        });
        if let Some(schema) = self.takes {
            operation["requestBody"] = json!({ "required": true, "content": content(schema) });
        }
        if !self.parameters.is_empty() {
            operation["parameters"] = Value::Array(self.parameters);
        }
        if self.caller == Caller::Anybody {
            operation["security"] = json!([]);
        }
        operation
    }
}

/// The document.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for route in routes(&mut schemas) {
        let (method, path) = (route.method.to_owned(), route.path.to_owned());
        let path = paths.entry(path).or_insert_with(|| json!({}));
        path[method] = route.operation();
    }
    let refusal = schemas.of::<ErrorBody>();
    json!({
        "openapi": "3.1.0",
        "info": info("Watchbell over HTTP", "Signing in, commands of scripts, and long-poll where no WebSocket is let through."),
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "an access token (from sign-in) or an API token" },
            },
            "responses": {
                "refusal": {
                    "description": "why not: a code for programs, a sentence for people, the field that is wrong",
                    "content": { "application/json": { "schema": refusal } },
                },
            },
            "schemas": schemas.take(),
        },
    })
}

fn routes(schemas: &mut Schemas) -> Vec<Route<'static>> {
    [operations(schemas), accounts(schemas), talk(schemas)].into_iter().flatten().collect()
}

/// For whatever watches the server, and for those who want to know what it is.
fn operations(schemas: &mut Schemas) -> Vec<Route<'static>> {
    let document = || Body::Json(json!({ "type": "object" }));
    vec![
        get("/healthz", "alive", "Whether the process is up.", Body::Text),
        get(
            "/readyz",
            "ready",
            "Whether the server can do its work: it is not stopping, and the database takes writes.",
            Body::Text,
        ),
        get("/v1/info", "info", "The server's name and version.", Body::Json(schemas.of::<ServerInfo>())),
        get("/v1/openapi.json", "openapi", "This document.", document()),
        get("/v1/asyncapi.json", "asyncapi", "What is said over a connection, as AsyncAPI.", document()),
    ]
}

fn accounts(schemas: &mut Schemas) -> Vec<Route<'static>> {
    let anybody = |route| Route { caller: Caller::Anybody, ..route };
    let signed_in = |schemas: &mut Schemas| Body::Json(schemas.of::<SignedIn>());
    vec![
        anybody(post(
            "/v1/sign-in",
            "signIn",
            "Name and password for tokens.",
            schemas.of::<SignIn>(),
            signed_in(schemas),
        )),
        anybody(post(
            "/v1/refresh",
            "refresh",
            "A refresh token for its successor and a fresh access token.",
            schemas.of::<Refresh>(),
            signed_in(schemas),
        )),
        anybody(post(
            "/v1/sign-out",
            "signOut",
            "Ends the sign-in, its live connections included.",
            schemas.of::<Refresh>(),
            Body::Nothing,
        )),
    ]
}

fn talk(schemas: &mut Schemas) -> Vec<Route<'static>> {
    let room = json!({ "name": "room", "in": "path", "required": true, "schema": schemas.of::<Room>() });
    let connection = |required, description| json!({ "name": CONNECTION, "in": "header", "required": required, "description": description, "schema": { "type": "string" } });
    let upgrade = get(
        "/v1/ws",
        "connect",
        "A WebSocket (subprotocol `watchbell.v1`); what is said over it is in `/v1/asyncapi.json`.",
        Body::Nothing,
    );
    vec![
        Route {
            parameters: vec![room],
            ..post(
                "/v1/rooms/{room}/commands",
                "command",
                "One durable command. The same id applies it once, however often it is sent and by which way.",
                command(schemas),
                Body::Json(schemas.of::<Answer>()),
            )
        },
        Route { caller: Caller::SignedIn, status: "101", ..upgrade },
        Route {
            parameters: vec![connection(false, "absent at first: that opens a connection")],
            ..post(
                "/v1/poll",
                "poll",
                "Long-poll: waits for the next frames. An answer is kept until it is acknowledged.",
                schemas.of::<Poll>(),
                Body::Json(schemas.of::<Polled>()),
            )
        },
        Route {
            parameters: vec![connection(true, "as the first poll's answer gave it")],
            ..post("/v1/send", "send", "Long-poll: takes frames, in series.", schemas.of::<SendFrames>(), Body::Nothing)
        },
    ]
}

/// A durable command in its frame.
fn command(schemas: &mut Schemas) -> Value {
    let is_durable =
        |name: &str| Command::DELIVERIES.iter().any(|(known, how)| *known == name && *how == Delivery::Durable);
    let (id, room) = (schemas.of::<CommandId>(), schemas.of::<Room>());
    let frames =
        schemas.variants::<Command>("cmd").into_iter().filter(|(name, _)| is_durable(name)).map(|(name, data)| {
            json!({
                "type": "object",
                "title": name,
                "properties": { "id": id, "room": room, "cmd": { "const": name }, "data": data },
                "required": ["id", "cmd", "data"],
            })
        });
    json!({ "oneOf": frames.collect::<Vec<_>>() })
}

fn get(path: &'static str, id: &'static str, summary: &'static str, gives: Body) -> Route<'static> {
    let (method, caller) = ("get", Caller::Anybody);
    Route { method, path, id, summary, caller, parameters: Vec::new(), takes: None, status: "200", gives }
}

fn post(path: &'static str, id: &'static str, summary: &'static str, takes: Value, gives: Body) -> Route<'static> {
    let status = if matches!(gives, Body::Nothing) { "204" } else { "200" };
    let (method, caller) = ("post", Caller::SignedIn);
    Route { method, path, id, summary, caller, parameters: Vec::new(), takes: Some(takes), status, gives }
}
