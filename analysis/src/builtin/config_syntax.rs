//! Files that some program will refuse to load: JSON, TOML and YAML that do not parse, and YAML keys given twice.

use std::collections::HashSet;

use jsonc_parser::{CollectOptions, ParseOptions};
use saphyr_parser::{Event, Marker, Parser};
use serde::de::IgnoredAny;

use super::{Builtin, Candidate, column};
use crate::{
    detector::{Cost, Detector, Work},
    finding::Finding,
    tree::File,
};

pub(crate) const DETECTOR: Detector = Detector {
    name: "config-syntax",
    cost: Cost { base_ms: 10, file_us: 100 },
    work: Work::Builtin(Builtin { wants: |file| language(file).is_some(), check }),
};

/// Deeper nesting is data made to hurt.
const DEEPEST: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Json,
    /// With comments and trailing commas.
    JsonWithComments,
    Toml,
    Yaml,
}

/// A mistake in a file.
struct Mistake {
    rule: &'static str,
    line: u32,
    column: u32,
    message: String,
}

fn language(file: &File) -> Option<Language> {
    let name = file.name();
    match file.extension()? {
        "json" if has_comments(&file.path, name) => Some(Language::JsonWithComments),
        "json" | "webmanifest" => Some(Language::Json),
        "jsonc" | "code-workspace" => Some(Language::JsonWithComments),
        "toml" => Some(Language::Toml),
        "yaml" | "yml" => Some(Language::Yaml),
        _ => None,
    }
}

/// `.json` files whose programs take comments.
fn has_comments(path: &str, name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "tsconfig",
        "jsconfig",
        "devcontainer",
        "api-extractor",
        "typedoc",
        "turbo",
        "biome",
        "deno",
        "wrangler",
        "nx",
        "language-configuration",
    ];
    let is_named = NAMES.iter().any(|start| name.starts_with(start));
    is_named
        || name.starts_with('.')
        || path.split('/').any(|part| matches!(part, ".vscode" | ".devcontainer" | ".zed"))
}

fn check(candidate: &Candidate<'_>, findings: &mut Vec<Finding>) {
    let (Some(language), Some(text)) = (language(candidate.file), candidate.text()) else {
        return;
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() || is_template(text) {
        return;
    }
    let mistakes = match language {
        Language::Json => json(text).into_iter().collect(),
        Language::JsonWithComments => json_with_comments(text).into_iter().collect(),
        Language::Toml => toml(text).into_iter().collect(),
        Language::Yaml => yaml(text),
    };
    findings.extend(mistakes.into_iter().map(|mistake| Finding {
        column: Some(mistake.column),
        ..Finding::builtin(mistake.rule, &candidate.file.path, mistake.line, mistake.message)
    }));
}

/// Not the file itself but what makes it (Helm, Jinja, Go templates): a line that begins with a template's bracket.
fn is_template(text: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| {
        let line = line.trim_start_matches(['-', '#', ' ']);
        line.starts_with("{{") || line.starts_with("{%") || line.starts_with("<%")
    })
}

fn json(text: &str) -> Option<Mistake> {
    let error = serde_json::from_str::<IgnoredAny>(text).err()?;
    let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
    let column = u32::try_from(error.column()).unwrap_or(u32::MAX);
    // The place is told beside the message.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    Some(Mistake { rule: "json", line, column: column.max(1), message: message.to_owned() })
}

fn json_with_comments(text: &str) -> Option<Mistake> {
    let options = ParseOptions {
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        ..ParseOptions::default()
    };
    let error = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &options).err()?;
    let (line, column) = place(text, error.range().start);
    Some(Mistake { rule: "json", line, column, message: error.kind().to_string() })
}

fn toml(text: &str) -> Option<Mistake> {
    let error = toml::de::DeTable::parse(text).err()?;
    let (line, column) = place(text, error.span().map_or(0, |span| span.start));
    Some(Mistake { rule: "toml", line, column, message: error.message().replace('\n', "; ") })
}

/// Line and column of a byte.
fn place(text: &str, byte: usize) -> (u32, u32) {
    let byte = text.floor_char_boundary(byte.min(text.len()));
    let start = text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[..start].matches('\n').count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), column(&text[start..], byte - start))
}

/// What the YAML reader is inside of.
enum Inside {
    Sequence,
    /// With the keys seen, and whether a key comes next.
    Mapping(HashSet<String>, bool),
}

fn yaml(text: &str) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut inside: Vec<Inside> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                mistakes.push(at(error.marker(), "yaml", error.info().to_owned()));
                break;
            }
        };
        match event {
            Event::Scalar(key, ..) if key_is_new(&mut inside, Some(&key)) == Some(false) => {
                let key: String = key.chars().take(60).collect();
                mistakes.push(at(&span.start, "duplicate-key", format!("the key `{key}` is given twice")));
            }
            Event::Alias(_) => _ = key_is_new(&mut inside, None),
            Event::SequenceStart(..) => inside.push(Inside::Sequence),
            Event::MappingStart(..) => inside.push(Inside::Mapping(HashSet::new(), true)),
            Event::SequenceEnd | Event::MappingEnd => {
                inside.pop();
                key_is_new(&mut inside, None);
            }
            _ => {}
        }
        if inside.len() > DEEPEST {
            break;
        }
    }
    mistakes
}

/// Takes one node of whatever is around it. If it is a key of a mapping: whether it is new there.
fn key_is_new(inside: &mut [Inside], key: Option<&str>) -> Option<bool> {
    let Some(Inside::Mapping(keys, is_key)) = inside.last_mut() else {
        return None;
    };
    let was_key = std::mem::replace(is_key, !*is_key);
    // `<<` merges, and may do so more than once.
    let key = key.filter(|&key| was_key && key != "<<")?;
    Some(keys.insert(key.to_owned()))
}

fn at(marker: &Marker, rule: &'static str, message: String) -> Mistake {
    let line = u32::try_from(marker.line()).unwrap_or(u32::MAX).max(1);
    Mistake { rule, line, column: u32::try_from(marker.col() + 1).unwrap_or(u32::MAX), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{builtin_of, check_text};

    fn found(name: &str, text: &str) -> Vec<(String, u32, u32)> {
        let findings = check_text(builtin_of(&DETECTOR), name, text);
        findings.into_iter().map(|finding| (finding.rule, finding.line, finding.column.unwrap())).collect()
    }

    fn one(rule: &str, line: u32, column: u32) -> Vec<(String, u32, u32)> {
        vec![(rule.to_owned(), line, column)]
    }

    #[test]
    fn mistakes_are_found_where_they_are() {
        assert_eq!(found("a.json", "{\n  \"a\": 1,\n}\n"), one("json", 3, 1));
        assert_eq!(found("a.toml", "a = 1\nb = \n"), one("toml", 2, 5));
        assert_eq!(found("a.yaml", "a:   1\na: 2"), one("duplicate-key", 2, 1));
        assert_eq!(found("a.yml", "a: [1,\n2\nb: 3\n").len(), 1);
    }

    #[test]
    fn comments_are_fine_where_programs_take_them() {
        let text = "{\n  // why\n  \"a\": 1,\n}\n";
        assert_eq!(found("tsconfig.build.json", text), []);
        assert_eq!(found(".vscode/settings.json", text), []);
        assert_eq!(found("package.json", text).len(), 1);
        assert_eq!(found("tsconfig.json", "{\n  \"a\" 1\n}").len(), 1);
    }

    #[test]
    fn what_is_right_is_left_alone() {
        for (name, text) in [
            ("a.json", "\u{feff}{\"a\": [1, 2.5e3, null]}"),
            ("empty.json", "\n"),
            ("a.toml", "[a]\nb = 1\n[a.c]\n[[d]]\n[[d]]\n"),
            ("a.yaml", "---\na: &x {b: 1}\n---\na: *x\nc:\n  <<: *x\n  <<: *x\n"),
            ("b.yaml", "- a: 1\n- a: 1\n- !Ref x\n- ? [k]\n  : v\n- {a: {a: 1}}\n"),
            ("chart.yaml", "a:\n  {{- if .x }}\n  b: 1\n  {{- end }}\n"),
            ("ci.yml", "on: push\nrun: echo ${{ x }}\n"),
        ] {
            assert_eq!(found(name, text), [], "{name}");
        }
    }
}
