//! A member as the harness sees it: a network of its own, a folder, and a process that is killed and started again.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use watchbell_client::http;
use watchbell_protocol::http::SignIn;

use super::{line::Line, net::Net, voice};
use crate::server::{PASSWORD, Server, device, text};

/// How long a process may take to end when asked.
const FAREWELL: Duration = Duration::from_secs(20);

/// What one life of a member's process logged.
pub type Life = Vec<Line>;

/// A member.
#[derive(Debug)]
pub struct Member {
    /// The way to the server.
    pub net: Net,
    /// Its name on the server.
    pub name: String,
    number: usize,
    folder: PathBuf,
    lives: Vec<Life>,
    process: Option<Process>,
    drained: watch::Sender<bool>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    input: ChildStdin,
    log: JoinHandle<Result<Life>>,
}

impl Member {
    /// Signs `name` in and starts a process.
    pub async fn start(server: &Server, address: SocketAddr, number: usize, name: &str) -> Result<Self> {
        let folder = server.folder().join(name);
        fs::create_dir_all(&folder)?;
        let device = device();
        fs::write(folder.join(voice::DEVICE), serde_json::to_vec(&device)?)?;
        let form = SignIn { name: text(name), password: text(PASSWORD), device };
        let signed_in = http::sign_in(&server.url(), form).await?;
        fs::write(folder.join(voice::TOKEN), signed_in.refresh_token)?;
        let (net, drained) = (Net::to(address).await?, watch::Sender::new(false));
        let mut member = Self { net, name: name.into(), number, folder, lives: Vec::new(), process: None, drained };
        member.spawn()?;
        Ok(member)
    }

    /// Its cache.
    pub fn cache(&self) -> PathBuf {
        self.folder.join(voice::CACHE)
    }

    /// Kills its process and starts another on the same cache.
    pub async fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().context("is running")?;
        process.child.kill().await?;
        self.lives.push(process.log.await??);
        self.spawn()
    }

    /// Asks it to publish no more, and waits until the server has answered everything; `false` if that does not come.
    pub async fn finish(&mut self, patience: Duration) -> Result<bool> {
        let process = self.process.as_mut().context("is running")?;
        process.input.write_all(format!("{}\n", voice::FINISH).as_bytes()).await?;
        let mut drained = self.drained.subscribe();
        let answered = drained.wait_for(|drained| *drained);
        Ok(timeout(patience, answered).await.is_ok())
    }

    /// Ends it as a person would; everything that it logged, life by life.
    pub async fn end(mut self) -> Result<Vec<Life>> {
        let Process { mut child, input, log } = self.process.take().context("is running")?;
        drop(input);
        let status = timeout(FAREWELL, child.wait()).await.context("does not end when asked")??;
        ensure!(status.success(), "{}: the process ended with {status}", self.name);
        self.lives.push(log.await??);
        Ok(self.lives)
    }

    fn spawn(&mut self) -> Result<()> {
        let errors = fs::File::options().create(true).append(true).open(self.folder.join("errors.log"))?;
        let mut child = Command::new(own_program()?)
            .args(["member", "--server", self.net.url().as_str(), "--number", &self.number.to_string()])
            .args(["--life", &self.lives.len().to_string(), "--folder"])
            .arg(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take().context("its input is piped")?;
        let output = child.stdout.take().context("its output is piped")?;
        self.drained.send_replace(false);
        let log = tokio::spawn(read(output, self.drained.clone()));
        self.process = Some(Process { child, input, log });
        Ok(())
    }
}

async fn read(output: ChildStdout, drained: watch::Sender<bool>) -> Result<Life> {
    let mut output = BufReader::with_capacity(64 * 1024, output);
    let (mut life, mut text) = (Life::new(), String::new());
    loop {
        text.clear();
        output.read_line(&mut text).await?;
        // Without a line break it is the end, or what a killed process left of a line.
        let Some(whole) = text.strip_suffix('\n') else { return Ok(life) };
        life.push(whole.parse()?);
        if life.last() == Some(&Line::Drained) {
            drained.send_replace(true);
        }
    }
}

/// The program that has the `member` command: this very one, or the one that a test names.
fn own_program() -> Result<PathBuf> {
    let named = std::env::var_os("WATCHBELL_CHAOS").map(PathBuf::from);
    named.map_or_else(|| std::env::current_exe().context("a program knows its own path"), Ok)
}

/// Whatever the members' processes complained about.
pub fn complaints(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name).join("errors.log")).unwrap_or_default()
}
