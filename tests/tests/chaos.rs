//! A few seconds of chaos by fixed seeds. `cargo xtask chaos` runs others, for longer.
#![cfg(unix)]

use std::process::Stdio;

use tokio::process::Command;

/// Runs a seed; the last line must say that nothing is wrong.
async fn survives(seed: u64, transport: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(["run", "--seed", &seed.to_string(), "--seconds", "4", "--crew", "2", "--transport", transport])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("starts");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}\n{told}");
    let verdict = told.lines().last().expect("says something");
    assert!(verdict.starts_with(&format!("seed {seed}: ")), "{verdict}");
    assert!(verdict.ends_with(": 0 lost, 0 doubled, 0 unflagged gaps"), "{verdict}");
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_by_the_faults_of_seed_1() {
    survives(1, "websocket").await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_by_the_faults_of_seed_2() {
    survives(2, "websocket").await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_by_the_faults_of_seed_3() {
    survives(3, "websocket").await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_by_the_faults_of_seed_7_over_long_poll() {
    survives(7, "poll").await;
}
