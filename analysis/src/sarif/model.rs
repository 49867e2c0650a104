//! The part of SARIF that is read. Everything is optional: of eighteen tools hardly two agree on what to leave out.

use std::collections::HashMap;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

/// Results of one run that are kept; later ones are counted.
pub(super) const RESULTS: usize = 100_000;

#[derive(Deserialize)]
pub(super) struct Log {
    pub runs: Vec<Run>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub tool: Tool,
    #[serde(default)]
    pub results: Option<Results>,
    #[serde(default)]
    pub original_uri_base_ids: Option<HashMap<String, ArtifactLocation>>,
    #[serde(default)]
    pub artifacts: Option<Vec<Artifact>>,
}

#[derive(Deserialize)]
pub(super) struct Tool {
    pub driver: Component,
    #[serde(default)]
    pub extensions: Option<Vec<Component>>,
}

#[derive(Deserialize)]
pub(super) struct Component {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub rules: Option<Vec<Rule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub help_uri: Option<String>,
    #[serde(default)]
    pub short_description: Option<Message>,
    #[serde(default)]
    pub message_strings: Option<HashMap<String, Message>>,
    #[serde(default)]
    pub default_configuration: Option<Configuration>,
    #[serde(default)]
    pub properties: Option<RuleProperties>,
}

#[derive(Deserialize)]
pub(super) struct Configuration {
    #[serde(default)]
    pub level: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RuleProperties {
    /// A number, or (as code scanning services want it) a number in a string.
    #[serde(default, rename = "security-severity")]
    pub security_severity: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultRow {
    #[serde(default)]
    pub rule_id: Option<String>,
    #[serde(default)]
    pub rule_index: Option<i64>,
    #[serde(default)]
    pub rule: Option<RuleReference>,
    #[serde(default)]
    pub level: Option<String>,
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub baseline_state: Option<String>,
    #[serde(default)]
    pub suppressions: Option<Vec<Suppression>>,
    #[serde(default)]
    pub message: Option<Message>,
    #[serde(default)]
    pub locations: Option<Vec<Location>>,
    #[serde(default)]
    pub fingerprints: Option<HashMap<String, String>>,
    #[serde(default)]
    pub partial_fingerprints: Option<HashMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleReference {
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub index: Option<i64>,
    #[serde(default)]
    pub tool_component: Option<ComponentReference>,
}

#[derive(Deserialize)]
pub(super) struct ComponentReference {
    #[serde(default)]
    pub index: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Suppression {
    #[serde(default)]
    pub status: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub markdown: Option<String>,
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub arguments: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    #[serde(default)]
    pub physical_location: Option<PhysicalLocation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation {
    #[serde(default)]
    pub artifact_location: Option<ArtifactLocation>,
    #[serde(default)]
    pub region: Option<Region>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArtifactLocation {
    #[serde(default)]
    pub uri: Option<String>,
    #[serde(default)]
    pub uri_base_id: Option<String>,
    #[serde(default)]
    pub index: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Artifact {
    #[serde(default)]
    pub location: Option<ArtifactLocation>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Region {
    pub start_line: Option<u32>,
    pub start_column: Option<u32>,
    pub end_line: Option<u32>,
}

/// Results, of which a bounded number is kept.
pub(super) struct Results {
    pub kept: Vec<ResultRow>,
    /// How many more there were.
    pub more: u64,
}

impl<'de> Deserialize<'de> for Results {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;

        impl<'de> Visitor<'de> for Rows {
            type Value = Results;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of results")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Results, A::Error> {
                let mut results = Results { kept: Vec::new(), more: 0 };
                while results.kept.len() < RESULTS {
                    match rows.next_element()? {
                        Some(row) => results.kept.push(row),
                        None => return Ok(results),
                    }
                }
                while rows.next_element::<IgnoredAny>()?.is_some() {
                    results.more += 1;
                }
                Ok(results)
            }
        }

        deserializer.deserialize_seq(Rows)
    }
}
