//! `watchbell logs` as processes of their own: what one sends the other prints, and nobody gets a line without looking.
#![cfg(unix)]

use std::process::Stdio;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout},
    time::timeout,
};
use watchbell_client::Heard;
use watchbell_protocol::{Event, command::ActivityPost};
use watchbell_tests::{
    job::Job,
    runner::only_project,
    server::{Server, text},
};

/// Nothing here takes longer, unless it failed.
const SOON: std::time::Duration = std::time::Duration::from_secs(30);

/// A process that shows a log.
struct Looker {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Looker {
    /// Starts one, and waits until it looks.
    async fn start(job: &Job, log: &str) -> Self {
        let mut child = job.watchbell(&["logs", log]).spawn().expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
        let mut said = BufReader::new(child.stderr.take().expect("is piped")).lines();
        let first = timeout(SOON, said.next_line()).await.expect("says something").expect("can be read");
        assert_eq!(first, Some(format!("Looking at the log {log} of compiler")));
        // What it says later is no concern here, but must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        Self { child, lines }
    }

    async fn next(&mut self) -> String {
        let line = timeout(SOON, self.lines.next_line()).await.expect("prints a line");
        line.expect("can be read").expect("goes on")
    }

    /// Ctrl-C; its exit code.
    async fn end(mut self) -> Option<i32> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).expect("is running");
        kill(Pid::from_raw(id), Signal::SIGINT).expect("is running");
        timeout(SOON, self.child.wait()).await.expect("ends").expect("can be waited for").code()
    }
}

/// Sends this to a log; the exit code, and what was said.
async fn send(job: &Job, log: &str, input: &[u8]) -> (Option<i32>, String) {
    let mut child = job.watchbell(&["logs", log, "--send"]).stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("is piped");
    stdin.write_all(input).await.expect("is read");
    drop(stdin);
    let output = timeout(SOON, child.wait_with_output()).await.expect("ends").expect("can be waited for");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_sends_the_other_prints_in_order_and_nobody_gets_a_line_without_looking() {
    let server = Server::start("compiler", &["maya"]).await;
    let job = Job::new(&server, "compiler", "analysis:run,report:logs").await;
    let maya = server.client("maya", "maya.db").await;
    maya.live().await.expect("is live");
    let mut events = maya.events();
    let (mut build, mut deploy) = (Looker::start(&job, "build").await, Looker::start(&job, "deploy").await);

    let lines: Vec<String> = (0..300).map(|n| format!("{n}:\tline {n}")).collect();
    let input = [lines.join("\n").as_bytes(), b"\r\ncaf\xe9"].concat();
    assert_eq!(send(&job, "build", &input).await, (Some(0), String::new()));
    for line in lines.iter().map(String::as_str).chain(["caf\u{fffd}"]) {
        assert_eq!(build.next().await, line);
    }
    assert_eq!(send(&job, "deploy", b"done\n").await, (Some(0), String::new()));
    assert_eq!(deploy.next().await, "done", "and nothing before it");

    let post = ActivityPost { title: text("done"), body: None };
    maya.request(Some(only_project(&maya).await), post).await.expect("is taken");
    let nothing_before = async {
        while let Some(heard) = events.next().await {
            match heard {
                Heard::Event(event) if matches!(event.event, Event::ActivityNew(_)) => return true,
                Heard::Event(event) if matches!(event.event, Event::LogsStream(_)) => return false,
                _ => {}
            }
        }
        false
    };
    assert!(timeout(SOON, nothing_before).await.expect("hears the post"), "a line reached her");
    for looker in [build, deploy] {
        assert_eq!(looker.end().await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_come_out_as_they_went_in() {
    let server = Server::start("compiler", &[]).await;
    let job = Job::new(&server, "compiler", "analysis:run,report:logs").await;
    let mut looker = job
        .watchbell(&["logs", "build", "--raw"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut said = BufReader::new(looker.stderr.take().expect("is piped")).lines();
    let ready = timeout(SOON, said.next_line()).await.expect("says something").expect("is text");
    assert!(ready.expect("looks").contains("Looking at the log build"));
    let input = b"\x1b[32mgreen\x1b[0m\n\xff\xfe\x00\x07 100 %\n";
    assert_eq!(send(&job, "build", input).await, (Some(0), String::new()));
    let mut output = vec![0; input.len()];
    let mut stdout = looker.stdout.take().expect("is piped");
    timeout(SOON, stdout.read_exact(&mut output)).await.expect("comes").expect("can be read");
    assert_eq!(output, input);
    looker.kill().await.expect("is running");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_send_is_told_what_is_missing() {
    let server = Server::start("compiler", &[]).await;
    let job = Job::new(&server, "compiler", "notify").await;
    let (code, said) = send(&job, "build", b"one\n").await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("report:logs"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_server_was_away_it_goes_on_and_says_that_lines_are_missing() {
    let mut server = Server::start("compiler", &[]).await;
    let job = Job::new(&server, "compiler", "analysis:run,report:logs").await;
    let mut child = job.watchbell(&["logs", "build"]).spawn().expect("starts");
    let mut said = BufReader::new(child.stderr.take().expect("is piped")).lines();
    let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    let mut next_said = async || timeout(SOON, said.next_line()).await.expect("says something").expect("can be read");
    assert_eq!(next_said().await.as_deref(), Some("Looking at the log build of compiler"));
    server.kill().await;
    server.restart().await;
    let back = "Live again; what was written in between is missing";
    while let Some(line) = next_said().await
        && line != back
    {
        assert!(line.starts_with("Offline: "), "{line}");
    }
    assert_eq!(send(&job, "build", b"after\n").await, (Some(0), String::new()));
    let line = timeout(SOON, lines.next_line()).await.expect("prints a line").expect("can be read");
    assert_eq!(line.as_deref(), Some("after"));
}
