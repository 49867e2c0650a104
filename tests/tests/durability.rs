//! Acknowledged means on the disk: seen from outside, in the server's system calls.
#![cfg(target_os = "linux")]

use std::{fs, process::Stdio};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::process::{Child, Command};
use watchbell_client::{Client, http};
use watchbell_protocol::{CommandId, Room, command::ActivityPost};
use watchbell_tests::{
    programs::program,
    runner::only_project,
    server::{Server, eventually, text},
    trace::{self, synced_before_answered},
};

/// Commands one after the other, and then at once.
const EACH: usize = 20;

/// Publishes; the ids of what was acknowledged.
async fn publish(client: &Client, room: Room) -> Vec<CommandId> {
    let post = || ActivityPost { title: text("land in sight"), body: None };
    let mut ids = Vec::new();
    for _ in 0..EACH {
        let pending = client.begin(Some(room), post()).await.expect("is queued");
        ids.push(pending.id);
        pending.answer().await.expect("is acknowledged");
    }
    let mut waiting = Vec::new();
    for _ in 0..EACH {
        waiting.push(client.begin(Some(room), post()).await.expect("is queued"));
    }
    for pending in waiting {
        ids.push(pending.id);
        pending.answer().await.expect("is acknowledged");
    }
    ids
}

/// The server's own process: the tracer runs beside it and goes with it.
fn traced(server: &Server, trace: &std::path::Path) -> Child {
    let listen = server.url().socket_addrs(|| None).expect("has an address")[0].to_string();
    let mut command = Command::new("strace");
    // A page of the log is seen whole.
    command.args(["-D", "-f", "-y", "-s", "4200", "-e", &format!("trace={}", trace::CALLS), "-o"]).arg(trace);
    command.arg(program("watchbell-server")).args(["serve", "--listen", &listen]);
    command.env("WATCHBELL_SERVER_DATA_DIR", server.data()).current_dir(server.folder());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("strace is there: `cargo xtask test` installs it")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledgement_leaves_after_a_finished_disk_sync() {
    let mut server = Server::start("compiler", &["maya"]).await;
    server.stop().await;
    let file = server.folder().join("trace");
    let mut process = traced(&server, &file);
    let url = server.url();
    eventually("the traced server is ready", async || http::server_info(&url).await.is_ok()).await;
    let client = server.client("maya", "maya.db").await;
    client.live().await.expect("is live");
    let ids = publish(&client, only_project(&client).await).await;
    client.shutdown().await;

    let server_process = process.id().and_then(|id| i32::try_from(id).ok()).expect("is running");
    kill(Pid::from_raw(server_process), Signal::SIGTERM).expect("is running");
    process.wait().await.expect("ends");
    // The tracer fills up a short process id with spaces.
    let number = server_process.to_string();
    let end = [&*number, "+++", "exited", "with", "0", "+++"];
    let mut told = String::new();
    eventually("the trace is complete", async || {
        told = fs::read_to_string(&file).unwrap_or_default();
        told.lines().any(|line| line.split_whitespace().eq(end))
    })
    .await;
    assert_eq!(ids.len(), 2 * EACH);
    for id in ids {
        if let Err(why) = synced_before_answered(&told, id) {
            panic!("{id}: {why}");
        }
    }
}
