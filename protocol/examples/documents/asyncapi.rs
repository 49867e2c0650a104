//! The WebSocket side as `AsyncAPI` 3.0, told from the server's side: it receives commands and sends frames.

use serde_json::{Map, Value, json};
use watchbell_protocol::{
    Answer, Command, CommandId, Delivery, Event, Origin, Position, Room, RoomEvent, SUBPROTOCOL, Seq, StatePage, Tag,
    UnixMillis, WireError,
    frame::{Connected, Gap, GoingAway, Gone, Resync},
};

use super::{Schemas, info};

/// The document.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let commands = commands(&mut schemas);
    let sent = [frames(&mut schemas), events(&mut schemas)].concat();
    let all: Map<String, Value> = commands.iter().chain(&sent).cloned().collect();
    let named = |messages: &[(String, Value)]| {
        let refer = |(key, _): &(String, Value)| json!({ "$ref": format!("#/channels/connection/messages/{key}") });
        messages.iter().map(refer).collect::<Vec<_>>()
    };
    let channel_messages: Map<String, Value> =
        all.keys().map(|key| (key.clone(), json!({ "$ref": format!("#/components/messages/{key}") }))).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": info("Watchbell over WebSocket", "JSON text frames; the same frames travel over long-poll."),
        "defaultContentType": "application/json",
        "channels": {
            "connection": {
                "address": "/v1/ws",
                "title": format!("a WebSocket with the subprotocol {SUBPROTOCOL}"),
                "messages": channel_messages,
                "bindings": { "ws": { "method": "GET", "headers": {
                    "type": "object",
                    "properties": {
                        "Authorization": { "type": "string", "description": "Bearer, and an access token or an API token" },
                        "Sec-WebSocket-Protocol": { "type": "string", "description": SUBPROTOCOL },
                    },
                    "required": ["Authorization", "Sec-WebSocket-Protocol"],
                } } },
            },
        },
        "operations": {
            "receiveCommand": {
                "action": "receive",
                "channel": { "$ref": "#/channels/connection" },
                "messages": named(&commands),
            },
            "sendFrame": {
                "action": "send",
                "channel": { "$ref": "#/channels/connection" },
                "messages": named(&sent),
            },
        },
        "components": { "messages": all, "schemas": schemas.take() },
    })
}

/// A message under a key that `AsyncAPI` allows.
fn message(kind: &str, name: &str, summary: &str, payload: &Value) -> (String, Value) {
    let key = format!("{kind}.{}", name.replace(':', "."));
    (key, json!({ "name": name, "summary": summary, "payload": payload }))
}

fn commands(schemas: &mut Schemas) -> Vec<(String, Value)> {
    let (id, room) = (schemas.of::<CommandId>(), schemas.of::<Room>());
    let delivery = |name: &str| Command::DELIVERIES.iter().find(|(known, _)| *known == name).map(|(_, how)| *how);
    let told = schemas.variants::<Command>("cmd").into_iter().map(|(name, data)| {
        let (required, summary): (&[_], _) = match delivery(&name) {
            Some(Delivery::Durable) => (&["id", "cmd", "data"], "durable: applied once, answered after the commit"),
            Some(Delivery::Momentary) => (&["cmd", "data"], "momentary: answered only when refused"),
            _ => (&["id", "cmd"], "about this connection: answered"),
        };
        let payload = json!({
            "type": "object",
            "properties": { "id": id, "room": room, "cmd": { "const": name }, "data": data },
            "required": required,
        });
        message("command", &name, summary, &payload)
    });
    told.collect()
}

fn events(schemas: &mut Schemas) -> Vec<(String, Value)> {
    let properties = json!({
        "room": schemas.of::<Room>(),
        "seq": schemas.of::<Seq>(),
        "tag": schemas.of::<Tag>(),
        "at": schemas.of::<UnixMillis>(),
        "origin": schemas.of::<Origin>(),
    });
    let class = |name: &str| Event::CLASSES.iter().find(|(known, _)| *known == name).map(|(_, class)| *class);
    let told = schemas.variants::<Event>("event").into_iter().map(|(name, data)| {
        let mut properties = properties.clone();
        properties["event"] = json!({ "const": name });
        properties["data"] = data;
        let mut required = vec!["room", "event", "at", "origin", "data"];
        let class = class(&name).map(|class| format!("{class:?}").to_lowercase()).unwrap_or_default();
        if class == "durable" {
            required.extend(["seq", "tag"]);
        }
        let payload = json!({ "type": "object", "properties": properties, "required": required });
        message("event", &name, &format!("an event, {class}"), &payload)
    });
    told.collect()
}

/// Frames other than events, by the keys that tell them apart.
fn frames(schemas: &mut Schemas) -> Vec<(String, Value)> {
    let room = schemas.of::<Room>();
    let re = schemas.of::<CommandId>();
    let events = json!({ "type": "array", "items": schemas.of::<RoomEvent>() });
    let position = schemas.of::<Position>();
    let error = schemas.of::<WireError>();
    let heads = json!({ "type": "object", "additionalProperties": position });
    let frame = |name: &str, summary: &str, fields: &[(&str, &Value)]| {
        let properties: Map<String, Value> =
            fields.iter().map(|(key, schema)| ((*key).to_owned(), (*schema).clone())).collect();
        let required: Vec<&str> = fields.iter().map(|(key, _)| *key).collect();
        message("frame", name, summary, &json!({ "type": "object", "properties": properties, "required": required }))
    };
    let whole = |name: &str, summary: &str, schema: &Value| frame(name, summary, &[(name, schema)]);
    let in_room = |name: &str, summary: &str, schema: &Value| frame(name, summary, &[("room", &room), (name, schema)]);
    vec![
        whole("connected", "first on every connection", &schemas.of::<Connected>()),
        frame("ok", "the answer to a command, after the commit", &[("re", &re), ("ok", &schemas.of::<Answer>())]),
        frame("refused", "a command was not applied", &[("re", &re), ("error", &error)]),
        whole("error", "about a frame that had no id", &error),
        whole("batch", "several events in one frame", &events),
        in_room("resync", "the position cannot be served; state pages follow", &schemas.of::<Resync>()),
        in_room("state", "a page of state", &schemas.of::<StatePage>()),
        in_room("board", "the latest values; they replace what the receiver had", &events),
        in_room("caught_up", "from here on live", &position),
        in_room("gone", "a board value ended", &schemas.of::<Gone>()),
        in_room("gap", "lines of a stream that this slow receiver did not get", &schemas.of::<Gap>()),
        in_room("left", "the receiver is no longer a member", &json!({ "type": "object" })),
        whole("heads", "where joined rooms stand, behind their events", &heads),
        whole("going_away", "the server is stopping", &schemas.of::<GoingAway>()),
    ]
}
