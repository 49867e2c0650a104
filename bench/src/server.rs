//! The server under measurement: the binary beside this one, in a folder of its own.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
};
use url::Url;
use watchbell_client::http::sign_in;
use watchbell_protocol::{
    DeviceId, Text, UnixMillis,
    event::DeviceKind,
    http::{SignIn, SignInDevice},
};

const PASSWORD: &str = "eight bells and all is well";

/// A running server with one member in one project.
pub struct Server {
    process: Child,
    _folder: tempfile::TempDir,
    url: Url,
    access_token: String,
}

impl Server {
    /// Sets it up and starts it.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        for (args, input) in [
            (&["init"][..], ""),
            (&["user", "add", "maya", "--password-stdin"], PASSWORD),
            (&["project", "add", "compiler"], ""),
            (&["project", "member", "add", "compiler", "maya"], ""),
        ] {
            admin(command(&folder, args)?, input).await?;
        }
        let mut serve = command(&folder, &["serve", "--listen", "127.0.0.1:0"])?;
        let mut process = serve.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
        let output = process.stdout.take().context("its output is piped")?;
        let mut lines = BufReader::new(output).lines();
        let line = lines.next_line().await?.context("the server said nothing")?;
        let url: Url = line.rsplit(' ').next().unwrap_or_default().parse()?;
        let device = SignInDevice { id: DeviceId::fresh(), kind: DeviceKind::Other, name: Text::clip("bench") };
        let form = SignIn { name: Text::clip("maya"), password: Text::clip(PASSWORD), device };
        let access_token = sign_in(&url, form).await?.access_token;
        Ok(Self { process, _folder: folder, url, access_token })
    }

    /// Its address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// A member's access token. Any number of connections may use it.
    pub fn access_token(&self) -> &str {
        &self.access_token
    }

    /// CPU time that it has used, by the kernel's clock.
    pub fn cpu(&self) -> Result<Duration> {
        let id = self.process.id().context("it has ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).context("CPU time is read from /proc")?;
        // The name stands in parentheses and may hold anything; utime and stime are the 12th and 13th after it.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        Ok(Duration::from_millis((ticks(11) + ticks(12)) * TICK_MS))
    }
}

/// `/proc` counts in hundredths of a second on every Linux there is.
const TICK_MS: u64 = 10;

/// This machine's clock, which the server shares.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn command(folder: &tempfile::TempDir, args: &[&str]) -> Result<Command> {
    let mut program: PathBuf = std::env::current_exe()?;
    program.set_file_name("watchbell-server");
    ensure!(program.exists(), "{} is missing: build the package watchbell-server first", program.display());
    let mut command = Command::new(program);
    command.args(args).env("WATCHBELL_SERVER_DATA_DIR", folder.path().join("data"));
    Ok(command)
}

async fn admin(mut command: Command, input: &str) -> Result<()> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().context("its input is piped")?;
    // A command that reads nothing may have closed its end already.
    let _ = stdin.write_all(format!("{input}\n").as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
