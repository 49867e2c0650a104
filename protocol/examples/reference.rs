//! Prints the wire reference (`docs/PROTOCOL.md`) from the types: `cargo run -p watchbell-protocol --example reference`.
//!
//! Deliberately absent: any fact that is not in the types. What the frames mean is told in their doc comments.

use std::fmt::Write as _;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};
use watchbell_protocol::{CloseCode, Command, Event, frame, http, limits};

fn main() {
    let mut out = String::from(INTRODUCTION);
    frames(&mut out);
    tables(&mut out);
    limits(&mut out);
    types(&mut out);
    print!("{out}");
}

const INTRODUCTION: &str = "\
# The wire, type by type

Generated from the `protocol` crate by `cargo xtask codegen`; do not edit. Fields in *italics* may be absent.
JSON text frames travel over one WebSocket at `/v1/ws` (subprotocol `watchbell.v1`, `Authorization: Bearer …`).
Whoever offers the subprotocol `watchbell.v1.zstd` as well, and finds `zstd` among the capabilities of `connected`, takes
binary messages too: each is the text of one frame, packed with zstd. Pages, boards and streams of 1 KiB and more come so.
The client may send large frames in the same way; what is unpacked is bounded like any frame.

";

/// The frames, told apart by the keys they have.
fn frames(out: &mut String) {
    out.push_str(
        "## Frames

| direction | frame | meaning |
|---|---|---|
| → | `{id?, room?, cmd, data}` | a command; `id` on everything that wants an answer |
| ← | `{connected: Connected}` | first on every connection |
| ← | `{re, ok: Answer}` or `{re, error: WireError}` | the answer to the command `re`, after the commit |
| ← | `{room, event, seq?, tag?, at, origin, data}` | an event; `seq` and `tag` on durable ones |
| ← | `{batch: [event…]}` | several events in one frame |
| ← | `{room, resync: Resync}` | the position can't be served; state pages follow |
| ← | `{room, state: StatePage}` | a page of state |
| ← | `{room, board: [event…]}` | the latest values; they replace what the receiver had |
| ← | `{room, caught_up: Position}` | from here on live |
| ← | `{room, gone: Gone}` | a board value ended |
| ← | `{room, gap: Gap}` | lines of a stream that this slow receiver did not get |
| ← | `{room, left: {}}` | the receiver is no longer a member |
| ← | `{heads: {room: Position}}` | where joined rooms stand, behind their events |
| ← | `{going_away: GoingAway}` | the server is stopping |
| ← | `{error: WireError}` | about a frame that had no id |

",
    );
}

fn tables(out: &mut String) {
    out.push_str("## Events\n\n| event | class |\n|---|---|\n");
    for (name, class) in Event::CLASSES {
        let _ = writeln!(out, "| [`{name}`](#{}) | {} |", anchor(name), format!("{class:?}").to_lowercase());
    }
    out.push_str("\n## Commands\n\n| command | delivery |\n|---|---|\n");
    for (name, delivery) in Command::DELIVERIES {
        let _ = writeln!(out, "| [`{name}`](#{}) | {} |", anchor(name), format!("{delivery:?}").to_lowercase());
    }
    out.push_str("\n## Close codes\n\n| code | reason | the client then |\n|---|---|---|\n");
    for code in CloseCode::ALL {
        let _ = writeln!(out, "| {} | {} | {:?} |", code.number(), code.reason(), code.reconnect());
    }
}

fn limits(out: &mut String) {
    let _ = writeln!(
        out,
        "\n## Times\n\nPing every {} s, silent for {} s means gone. A lease lasts {} s and is renewed every {} s. An access token lasts {} s.\n\
         A frame has at most {} bytes, an analysis at most {} issues.",
        limits::PING_EVERY.as_secs(),
        limits::SILENCE.as_secs(),
        limits::LEASE.as_secs(),
        limits::LEASE_RENEW_EVERY.as_secs(),
        limits::ACCESS_TOKEN.as_secs(),
        limits::FRAME_BYTES,
        limits::ISSUES_PER_ANALYSIS,
    );
}

/// Every type, with its fields.
fn types(out: &mut String) {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let events = of::<Event>(&mut generator);
    let commands = of::<Command>(&mut generator);
    for add in [
        of::<frame::Connected>,
        of::<frame::Answer>,
        of::<frame::Resync>,
        of::<frame::Gap>,
        of::<frame::Gone>,
        of::<frame::GoingAway>,
        of::<watchbell_protocol::StatePage>,
        of::<watchbell_protocol::WireError>,
        of::<watchbell_protocol::Position>,
        of::<http::SignIn>,
        of::<http::Refresh>,
        of::<http::SignedIn>,
        of::<http::ServerInfo>,
        of::<http::Poll>,
        of::<http::Polled>,
        of::<http::Closed>,
        of::<http::SendFrames>,
    ] {
        add(&mut generator);
    }
    let definitions = generator.take_definitions(false);
    variants(out, "Events", "event", &events, &definitions);
    variants(out, "Commands", "cmd", &commands, &definitions);
    out.push_str("\n## Types\n");
    for (name, schema) in &definitions {
        if !matches!(name.as_str(), "Event" | "Command") {
            let _ = writeln!(out, "\n### {name}\n\n{}", description(schema));
            describe(out, schema);
        }
    }
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>();
    T::json_schema(generator)
}

/// The variants of a tagged enum as sections, each with the fields of its payload.
fn variants(out: &mut String, title: &str, tag: &str, schema: &Schema, definitions: &Map<String, Value>) {
    let _ = writeln!(out, "\n## {title}, one by one");
    let none = Vec::new();
    for variant in schema.get("oneOf").and_then(Value::as_array).unwrap_or(&none) {
        let properties = &variant["properties"];
        let content = properties.get("data").and_then(|data| data["$ref"].as_str());
        let Some(payload) = content.and_then(|path| definitions.get(path.rsplit('/').next()?)) else { continue };
        let name = properties[tag]["const"].as_str().unwrap_or_default();
        let _ = writeln!(out, "\n### {name}\n\n{}", description(payload));
        describe(out, payload);
    }
}

/// The fields of an object, the values of an enum, or the shape of anything else.
fn describe(out: &mut String, schema: &Value) {
    if let Some(properties) = schema["properties"].as_object() {
        fields(out, properties, &schema["required"]);
    } else if let Some(alternatives) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        out.push('\n');
        for alternative in alternatives {
            let _ = writeln!(out, "- {}: {}", shape(alternative), description(alternative));
        }
    } else {
        let _ = writeln!(out, "\n{}", shape(schema));
    }
}

fn fields(out: &mut String, properties: &Map<String, Value>, required: &Value) {
    if properties.is_empty() {
        return;
    }
    out.push_str("\n| field | type | meaning |\n|---|---|---|\n");
    let required: Vec<_> = required.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in properties {
        let name = if required.contains(&name.as_str()) { format!("`{name}`") } else { format!("*`{name}`*") };
        let _ = writeln!(out, "| {name} | {} | {} |", shape(field), description(field));
    }
}

/// A type in a few characters.
fn shape(schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        let name = path.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(constant) = schema.get("const") {
        return format!("`{constant}`");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" or ");
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        let some: Vec<_> = alternatives.iter().filter(|schema| schema["type"] != "null").map(shape).collect();
        return some.join(" or ");
    }
    if let Some(properties) = schema["properties"].as_object() {
        let inner = properties.iter().map(|(name, field)| format!("`{name}`: {}", shape(field)));
        return format!("{{{}}}", inner.collect::<Vec<_>>().join(", "));
    }
    match (&schema["type"], &schema["items"], schema["maxItems"].as_u64(), schema["maxLength"].as_u64()) {
        (_, items @ Value::Object(_), Some(most), _) => format!("list of {}, at most {most}", shape(items)),
        (_, items @ Value::Object(_), None, _) => format!("list of {}", shape(items)),
        (_, _, _, Some(most)) => format!("text, at most {most} bytes"),
        (Value::Array(types), ..) => types.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        (Value::String(name), ..) if name == "string" => "text".into(),
        (Value::String(name), ..) => name.clone(),
        _ => "any".into(),
    }
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ")
}

fn anchor(name: &str) -> String {
    name.replace(':', "")
}
