//! Prints the machine-readable descriptions of the wire from the types: `cargo run -p watchbell-protocol --example
//! documents -- openapi` (the HTTP side) and `-- asyncapi` (the WebSocket side).
//!
//! Deliberately absent: any shape that is not in the types. What stands here in words is which route or frame takes
//! which type.

mod asyncapi;
mod openapi;

use std::process::ExitCode;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

fn main() -> ExitCode {
    let mut document = match std::env::args().nth(1).as_deref() {
        Some("openapi") => openapi::document(),
        Some("asyncapi") => asyncapi::document(),
        _ => {
            eprintln!("which: openapi or asyncapi?");
            return ExitCode::FAILURE;
        }
    };
    while drop_unused(&mut document) {}
    println!("{document:#}");
    ExitCode::SUCCESS
}

/// Drops the schemas that nothing refers to; whether there were any. What these alone refer to is unused then.
fn drop_unused(document: &mut Value) -> bool {
    let text = document.to_string();
    let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") else { return false };
    let before = schemas.len();
    schemas.retain(|name, _| text.contains(&format!("\"#/components/schemas/{name}\"")));
    schemas.len() < before
}

/// What both documents say of Watchbell.
fn info(title: &str, description: &str) -> Value {
    json!({
        "title": title,
        "version": env!("CARGO_PKG_VERSION"),
        "description": description,
        "license": { "name": env!("CARGO_PKG_LICENSE") },
    })
}

/// The types that a document names, each described once.
struct Schemas(SchemaGenerator);

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self(settings.into_generator())
    }

    /// A reference to the type.
    fn of<T: JsonSchema>(&mut self) -> Value {
        self.0.subschema_for::<T>().to_value()
    }

    /// Each variant of an enum tagged by `tag`: its name with a reference to its payload.
    fn variants<T: JsonSchema>(&mut self, tag: &str) -> Vec<(String, Value)> {
        let schema = T::json_schema(&mut self.0).to_value();
        let variants = schema["oneOf"].as_array().cloned().unwrap_or_default();
        variants
            .iter()
            .filter_map(|variant| {
                let properties = &variant["properties"];
                Some((properties[tag]["const"].as_str()?.to_owned(), properties["data"].clone()))
            })
            .collect()
    }

    fn take(&mut self) -> Map<String, Value> {
        self.0.take_definitions(true)
    }
}
