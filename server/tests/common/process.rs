//! The command as a process: what it prints, and a server that runs until it is ended.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};
use watchbell_protocol::DeviceId;

use super::{Answer, PASSWORD};

/// A data folder and the command that works on it.
pub struct Place {
    pub folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub async fn initialised() -> Self {
        let place = Self::new();
        place.ok(&["init"]).await;
        place
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchbell-server"));
        command.env_clear().current_dir(self.folder.path());
        command.arg("--dir").arg(self.data()).args(args).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub async fn run(&self, args: &[&str], input: &str) -> Output {
        finish(self.command(args), input).await
    }

    /// What a command printed that has to succeed.
    pub async fn ok(&self, args: &[&str]) -> String {
        printed(&self.run(args, "").await)
    }

    pub async fn add_user(&self, name: &str) {
        printed(&self.run(&["user", "add", name, "--password-stdin"], PASSWORD).await);
    }

    pub async fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args).await).unwrap()
    }
}

pub async fn finish(mut command: Command, input: &str) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may have closed its end already.
    let _ = stdin.write_all(format!("{input}\n").as_bytes()).await;
    drop(stdin);
    child.wait_with_output().await.unwrap()
}

pub fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", complaint(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server process and where it listens.
pub struct Serving {
    pub process: Child,
    pub base: String,
}

impl Serving {
    pub async fn start(place: &Place, args: &[&str]) -> Self {
        let args = [&["serve", "--listen", "127.0.0.1:0"], args].concat();
        Self::of(place.command(&args)).await
    }

    pub async fn of(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await.unwrap().unwrap();
        let line = line.expect("it says where it listens");
        let base = line.strip_prefix("watchbell-server listening on ").expect(&line).to_owned();
        Self { process, base }
    }

    pub async fn sign_in(&self, name: &str) -> Answer {
        let device = json!({"id": DeviceId::fresh(), "kind": "cli", "name": "test"});
        let body = json!({"name": name, "password": PASSWORD, "device": device});
        Answer::of(super::client().post(format!("{}/v1/sign-in", self.base)).json(&body)).await
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = i32::try_from(self.process.id().unwrap()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal).unwrap();
    }

    /// Ends it as a service manager does: its exit code and its log.
    #[cfg(unix)]
    pub async fn terminate(mut self) -> (Option<i32>, String) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let mut log = String::new();
        let mut stderr = self.process.stderr.take().unwrap();
        let ended = async {
            stderr.read_to_string(&mut log).await.unwrap();
            self.process.wait().await.unwrap().code()
        };
        (tokio::time::timeout(Duration::from_secs(10), ended).await.expect("it ends in time"), log)
    }
}
