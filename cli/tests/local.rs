//! `watchbell analyze --local` as a program: results, exit codes, and what is left behind. Only the detectors that are
//! compiled in take part, so that nothing need be installed.
#![allow(clippy::unwrap_used)] // helpers of tests panic as tests do

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

const BUILT_IN: &str = "typos,secrets,config-syntax,conflict-markers,large-files";

/// A folder with one high issue and one low.
fn fixture() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("broken.json"), "{\"a\": 1,,}\n").unwrap();
    fs::write(folder.path().join("notes.txt"), "teh end\n").unwrap();
    folder
}

/// A machine of its own: no profile, no cache, no variables of ours.
fn watchbell(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchbell"));
    command.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn analyze(args: &[&str]) -> Output {
    let (home, folder) = (tempfile::tempdir().unwrap(), fixture());
    let mut command = watchbell(home.path());
    command.arg("analyze").arg(folder.path()).args(["--local", "--only", BUILT_IN]).args(args);
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn findings_are_a_failure_only_from_the_threshold_on() {
    for (args, code) in [
        (&[][..], 0),
        (&["--fail-on", "never"], 0),
        (&["--fail-on", "critical"], 0),
        (&["--fail-on", "high"], 1),
        (&["--fail-on", "info"], 1),
        (&["--only", "secrets", "--fail-on", "info"], 1),
        (&["--skip", "config-syntax", "--fail-on", "high"], 0),
    ] {
        let output = analyze(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn standard_output_carries_the_result_only() {
    let output = analyze(&["--format", "json"]);
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["version"], 1);
    assert_eq!(result["state"], "complete");
    assert_eq!(result["analysis"], serde_json::Value::Null);
    assert_eq!(result["files"], 2);
    let found: Vec<_> =
        result["issues"].as_array().unwrap().iter().map(|issue| (&issue["path"], &issue["line"])).collect();
    assert_eq!(found, [(&"broken.json".into(), &1.into()), (&"notes.txt".into(), &1.into())]);
    assert!(stderr(&output).contains("typos: 1 low issue"), "{}", stderr(&output));
}

#[test]
fn quiet_says_nothing_but_the_result() {
    let output = analyze(&["--quiet"]);
    assert_eq!(stderr(&output), "");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("broken.json:1"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal");
}

#[test]
fn sarif_has_a_run_for_each_detector() {
    let log: serde_json::Value = serde_json::from_slice(&analyze(&["--format", "sarif"]).stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(log["runs"].as_array().unwrap().len(), BUILT_IN.split(',').count());
}

#[test]
fn the_result_goes_to_the_file_that_was_named() {
    let (home, folder) = (tempfile::tempdir().unwrap(), fixture());
    let file = home.path().join("result.json");
    let mut command = watchbell(home.path());
    command.arg("analyze").arg(folder.path()).args(["--local", "--only", BUILT_IN, "--format", "json", "--output"]);
    let output = command.arg(&file).output().unwrap();
    assert!(output.stdout.is_empty());
    assert!(serde_json::from_str::<serde_json::Value>(&fs::read_to_string(file).unwrap()).is_ok());
    assert!(stderr(&output).contains("complete: 2 issues: 1 high, 1 low"), "{}", stderr(&output));
}

#[test]
fn wrong_use_says_what_to_do_and_does_nothing() {
    let home = tempfile::tempdir().unwrap();
    for (args, said) in [
        (&["analyze"][..], "--project NAME or set WATCHBELL_PROJECT"),
        (&["analyze"], "watchbell analyze --local"),
        (&["analyze", "--project", "web"], "watchbell login"),
        (&["analyze", "/nowhere", "--local"], "/nowhere"),
        (&["analyze", "--local", "--only", "rufff"], "there is no detector \"rufff\""),
        (&["analyze", "--local", "--output", "/nowhere/result"], "there is no folder /nowhere"),
        (&["analyze", "--local", "--fail-on", "bad"], "possible values"),
        (&["status"], "--project NAME"),
        (&["status", "--project", "web", "--server", "http://bell.example.com"], "https://bell.example.com"),
        (&["notify", "--project", "web", "--title", " "], "is empty"),
        (&["notify", "--project", "web", "--title", "x", "--link", "file:///etc/passwd"], "only http and https"),
        (&["logout"], "not signed in"),
        (&["login", "--server", "https://bell.example.com"], "pass --name"),
    ] {
        let output = watchbell(home.path()).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_token_without_a_server_says_which_variable_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let mut command = watchbell(home.path());
    let output = command.args(["status", "--project", "web"]).env("WATCHBELL_TOKEN", "wbt_secret").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("WATCHBELL_SERVER"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("wbt_secret"));
}
