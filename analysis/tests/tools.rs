//! What Watchbell says of a folder equals what the real tools say by hand: the multiset of (rule, path, line).
//!
//! The tools are looked for in the folder `WATCHBELL_TEST_TOOLS`, then on `PATH`: `ruff`, `shellcheck`, `eslint` and
//! `cargo clippy`. One that is missing is skipped aloud, unless that variable is set; then it is a failure.

#![allow(clippy::unwrap_used)] // also in the functions that tests share

mod support;

use serde_json::Value;
use support::{Folder, by_hand, finish, has, places, start};
use watchbell_protocol::{command::End, event::DetectorState};

type Place = (String, String, u64);

/// Runs one detector and compares.
async fn assert_equals(folder: &Folder, detector: &str, mut expected: Vec<Place>) {
    let plan = folder.plan(&[detector]).await;
    assert!(plan.detectors[0].skipped.is_none() && plan.detectors[0].version.is_some(), "{:?}", plan.detectors);
    let (updates, outcome) = finish(start(plan)).await;
    assert_eq!(outcome.end, End::Complete);
    assert_eq!(outcome.detectors[0].state, DetectorState::Complete, "{:?}", outcome.detectors[0].reason);
    expected.sort();
    assert!(!expected.is_empty());
    assert_eq!(places(&updates), expected);
    folder.assert_clean();
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn inside(folder: &Folder, path: &str) -> String {
    path.strip_prefix(folder.root().to_str().unwrap()).map_or(path, |path| path.trim_start_matches('/')).to_owned()
}

#[tokio::test]
async fn ruff_finds_what_it_finds_by_hand() {
    if !has("ruff", &["--version"]) {
        return;
    }
    let folder = Folder::sample();
    std::fs::write(folder.root().join("ruff.toml"), "[lint]\nselect = [\"E\", \"F\", \"S\", \"D\", \"B\"]\n").unwrap();
    std::fs::write(folder.root().join("broken.py"), "def f(:\n  pass\n").unwrap();
    let output = by_hand(&folder.root(), "ruff", &["check", "--no-cache", "--output-format", "json"]).unwrap();
    let place = |one: &Value| {
        let rule = one["code"].as_str().unwrap_or("invalid-syntax");
        let path = inside(&folder, one["filename"].as_str().unwrap());
        (rule.to_owned(), path, one["location"]["row"].as_u64().unwrap())
    };
    let expected = json(&output).as_array().unwrap().iter().map(place).collect();
    assert_equals(&folder, "ruff", expected).await;
    assert!(!folder.root().join(".ruff_cache").exists());
}

#[tokio::test]
async fn shellcheck_finds_what_it_finds_by_hand() {
    if !has("shellcheck", &["--version"]) {
        return;
    }
    let folder = Folder::sample();
    std::fs::create_dir(folder.root().join("bin")).unwrap();
    std::fs::write(folder.root().join("bin/deploy"), "#!/usr/bin/env bash\ncd $1\n\trm $2\n").unwrap();
    let output = by_hand(&folder.root(), "shellcheck", &["--format=json", "a.sh", "bin/deploy"]).unwrap();
    let place = |one: &Value| {
        let path = one["file"].as_str().unwrap().to_owned();
        (format!("SC{}", one["code"]), path, one["line"].as_u64().unwrap())
    };
    let expected = json(&output).as_array().unwrap().iter().map(place).collect();
    assert_equals(&folder, "shellcheck", expected).await;
}

#[tokio::test]
async fn eslint_finds_what_it_finds_by_hand() {
    if !has("eslint", &["--version"]) {
        return;
    }
    let folder = Folder::sample();
    std::fs::write(folder.root().join("broken.js"), "let = ;\n").unwrap();
    let output = by_hand(&folder.root(), "eslint", &["-f", "json", "."]).unwrap();
    let mut expected = Vec::new();
    for file in json(&output).as_array().unwrap() {
        let path = inside(&folder, file["filePath"].as_str().unwrap());
        for message in file["messages"].as_array().unwrap() {
            let rule = message["ruleId"].as_str().unwrap_or("parse-error").to_owned();
            expected.push((rule, path.clone(), message["line"].as_u64().unwrap()));
        }
    }
    assert_equals(&folder, "eslint", expected).await;
}

#[tokio::test]
async fn clippy_finds_what_it_finds_by_hand_and_leaves_the_target_folder_alone() {
    if !has("cargo-clippy", &["--version"]) {
        return;
    }
    let folder = Folder::sample();
    let crate_folder = folder.root().join("rs");
    // A module of both targets: a person sees its warning once.
    std::fs::write(crate_folder.join("src/shared.rs"), "pub fn f(v: &Vec<u8>) -> bool { v.len() == 0 }\n").unwrap();
    std::fs::write(crate_folder.join("src/lib.rs"), "pub mod shared;\n").unwrap();
    let main = std::fs::read_to_string(crate_folder.join("src/main.rs")).unwrap();
    std::fs::write(crate_folder.join("src/main.rs"), format!("pub mod shared;\n{main}")).unwrap();

    let by_hand = folder.cache().with_file_name("by-hand");
    let args = ["clippy", "--offline", "--message-format=json", "--target-dir", by_hand.to_str().unwrap()];
    let output = support::by_hand(&crate_folder, "cargo", &args).unwrap();
    let mut shown = std::collections::BTreeMap::new();
    for line in String::from_utf8(output).unwrap().lines().map(|line| json(line.as_bytes())) {
        let message = &line["message"];
        let Some(span) =
            message["spans"].as_array().and_then(|spans| spans.iter().find(|span| span["is_primary"] == true))
        else {
            continue;
        };
        let path = format!("rs/{}", span["file_name"].as_str().unwrap());
        let place = (message["code"]["code"].as_str().unwrap().to_owned(), path, span["line_start"].as_u64().unwrap());
        shown.insert(message["rendered"].to_string(), place);
    }
    assert_equals(&folder, "clippy", shown.into_values().collect()).await;
    assert!(!crate_folder.join("target").exists());
}

#[tokio::test]
async fn code_that_does_not_compile_is_told_with_its_errors() {
    if !has("cargo-clippy", &["--version"]) {
        return;
    }
    let folder = Folder::with(&[
        ("Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/main.rs", "fn main() {\n    let x: u8 = \"no\";\n}\n"),
    ]);
    let (updates, outcome) = folder.run(&["clippy"]).await;
    assert!(places(&updates).contains(&("E0308".into(), "src/main.rs".into(), 2)), "{:?}", places(&updates));
    assert_eq!(outcome.detectors[0].state, DetectorState::Failed);
    assert!(outcome.detectors[0].reason.as_ref().unwrap().contains("does not compile"));
}
