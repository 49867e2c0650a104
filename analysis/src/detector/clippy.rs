//! clippy: Rust. Runs a plain `cargo clippy`, as by hand, in the root if it has a `Cargo.toml`, else in each topmost
//! folder that has one. Build output goes to the cache, the checkout's own `target` stays untouched.
//!
//! Cargo shows a person each message once, however many targets it came from (a module that a library and a binary
//! share); as JSON it writes it for each. Messages with the same text are therefore taken once.

use std::{
    collections::HashSet,
    ffi::OsString,
    io::{BufReader, Read},
    ops::ControlFlow,
};

use serde::Deserialize;

use super::{Call, Cost, Detector, Format, ReadError, Site, Tool, Work, on_the_path};
use crate::{
    finding::{Finding, Mark},
    fingerprint,
    location::Spot,
    process::Toolchain,
    severity::Level,
};

pub(super) const DETECTOR: Detector = Detector {
    name: "clippy",
    cost: Cost { base_ms: 20_000, file_us: 20_000 },
    work: Work::Tool(Tool {
        program: "cargo",
        version: &["clippy", "--version"],
        find: on_the_path,
        fits: |tree| {
            if tree.topmost_folders_with(&["Cargo.toml"]).is_empty() {
                Err("no Cargo.toml here".into())
            } else {
                Ok(())
            }
        },
        calls,
        format: Format::Cargo,
        toolchain: Toolchain::Rust,
    }),
};

/// For messages of the compiler itself that have no code, such as syntax errors.
const NO_CODE: &str = "rustc";

fn calls(site: &Site<'_>) -> Vec<Call> {
    let folders = site.tree.topmost_folders_with(&["Cargo.toml"]);
    let call = |folder: &str| {
        let args = ["clippy", "--message-format=json", "--quiet"];
        let mut call = Call::new(site.program, site.tree.root.join(folder), &args);
        call.env.push(("CARGO_TARGET_DIR", site.cache.join("target").into()));
        // Paths count from the workspace's root, which may lie above.
        let locate = ["locate-project", "--workspace", "--message-format", "plain"];
        call.base_from = Some(locate.iter().map(OsString::from).collect());
        call
    };
    folders.into_iter().map(call).collect()
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerMessage {
        message: Message,
    },
    BuildFinished {
        success: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "message")]
    text: String,
    level: String,
    code: Option<Code>,
    spans: Vec<Span>,
    children: Vec<Child>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u32,
    line_end: u32,
    column_start: u32,
    is_primary: bool,
}

#[derive(Deserialize)]
struct Child {
    message: String,
}

pub(super) fn read(input: impl Read, found: &mut dyn FnMut(Finding) -> ControlFlow<()>) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    let mut succeeded = None;
    for line in serde_json::Deserializer::from_reader(BufReader::new(input)).into_iter::<Line>() {
        match line? {
            Line::CompilerMessage { message } => {
                let is_new = message.rendered.as_ref().is_none_or(|text| seen.insert(fingerprint::hash(&[text])));
                let finding = if is_new { finding(message) } else { None };
                if finding.is_some_and(|finding| found(finding).is_break()) {
                    return Ok(());
                }
            }
            Line::BuildFinished { success } => succeeded = Some(success),
            Line::Other => {}
        }
    }
    match succeeded {
        Some(true) => Ok(()),
        Some(false) => Err(ReadError::Incomplete("the code does not compile, so some of its lints are missing")),
        None => Err(ReadError::Incomplete("cargo stopped before the build was finished")),
    }
}

/// The finding; none for summaries ("2 warnings emitted"), which have no place in the code.
fn finding(message: Message) -> Option<Finding> {
    let span = message.spans.iter().find(|span| span.is_primary)?;
    let help = message.children.iter().find_map(|child| {
        let at = child.message.find("https://rust-lang.github.io/rust-clippy/")?;
        child.message[at..].split_whitespace().next().map(str::to_owned)
    });
    Some(Finding {
        rule: message.code.map_or_else(|| NO_CODE.to_owned(), |code| code.code),
        level: match message.level.as_str() {
            "warning" => Level::Warning,
            "note" | "help" => Level::Note,
            _ => Level::Error, // "error", "error: internal compiler error"
        },
        score: None,
        spot: Spot::Path(span.file_name.clone()),
        line: span.line_start,
        column: Some(span.column_start),
        end_line: Some(span.line_end),
        help,
        mark: Mark::Context,
        message: message.text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WARNING: &str = r#"{"reason":"compiler-message","message":{"message":"length comparison to zero","level":"warning",
        "code":{"code":"clippy::len_zero","explanation":null},"rendered":"warning: …","spans":[
        {"file_name":"other.rs","line_start":9,"line_end":9,"column_start":1,"is_primary":false},
        {"file_name":"src/main.rs","line_start":1,"line_end":2,"column_start":45,"is_primary":true}],
        "children":[{"message":"for further information visit https://rust-lang.github.io/rust-clippy/x.html#len_zero"}]}}"#;
    const SUMMARY: &str = r#"{"reason":"compiler-message","message":{"message":"1 warning emitted","level":"warning",
        "code":null,"spans":[],"children":[],"rendered":"warning: 1 warning emitted"}}"#;

    fn read_all(lines: &[&str]) -> (Vec<Finding>, Result<(), ReadError>) {
        let mut findings = Vec::new();
        let result = read(lines.join("\n").as_bytes(), &mut |finding| {
            findings.push(finding);
            ControlFlow::Continue(())
        });
        (findings, result)
    }

    #[test]
    fn a_message_is_taken_once_and_at_its_primary_place() {
        let artifact = r#"{"reason":"compiler-artifact","target":{}}"#;
        let end = r#"{"reason":"build-finished","success":true}"#;
        let (findings, result) = read_all(&[artifact, WARNING, WARNING, SUMMARY, end]);
        result.unwrap();
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.rule.as_str(), finding.line), ("clippy::len_zero", 1));
        assert_eq!(finding.spot, Spot::Path("src/main.rs".into()));
        assert_eq!(finding.help.as_deref(), Some("https://rust-lang.github.io/rust-clippy/x.html#len_zero"));
    }

    #[test]
    fn a_build_that_failed_or_never_finished_is_incomplete_but_keeps_its_findings() {
        let (findings, result) = read_all(&[WARNING, r#"{"reason":"build-finished","success":false}"#]);
        assert_eq!(findings.len(), 1);
        assert!(result.unwrap_err().to_string().contains("does not compile"));
        assert!(read_all(&[WARNING]).1.is_err());
        assert!(read_all(&["error: no such command"]).1.is_err());
    }
}
