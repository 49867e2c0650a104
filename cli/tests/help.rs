//! The help is part of the product: a change of it is a visible diff.
#![allow(clippy::unwrap_used)] // helpers of tests panic as tests do

use std::process::Command;

fn help(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchbell"));
    command.args(args).env("COLUMNS", "100").env_remove("WATCHBELL_SERVER").env_remove("WATCHBELL_PROJECT");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_overview_teaches_the_first_steps() {
    insta::assert_snapshot!(help(&["--help"]));
}

#[test]
fn analyze_documents_its_exit_codes_and_formats() {
    insta::assert_snapshot!(help(&["analyze", "--help"]));
}

#[test]
fn the_other_commands_have_examples() {
    for command in ["login", "logout", "notify", "status", "logs"] {
        insta::assert_snapshot!(command, help(&[command, "--help"]));
    }
}
