//! A server's process: pinned, waited for until it says where it listens, killed at the end.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::machine::{self, Core};

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(20);

/// A running process.
pub struct Process {
    child: Child,
    id: u32,
    address: SocketAddr,
    /// Kept, so that the process never writes into a closed pipe.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts it on the server's core. It prints a line that ends with its address, as `http://ADDRESS:PORT`.
    pub async fn start(mut command: Command) -> Result<Self> {
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        // A process starts where this thread is; moving it later would miss threads that it has made by then.
        machine::pin(Core::Server)?;
        let spawned = command.spawn();
        machine::pin(Core::Generator)?;
        let mut child = spawned.with_context(|| format!("cannot start {name}"))?;
        let id = child.id().context("it has ended")?;
        let mut output = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        let said = timeout(START, output.next_line()).await;
        let Some(line) = said.with_context(|| format!("{name} does not listen after {} s", START.as_secs()))?? else {
            bail!("{name} ended at once");
        };
        let address = line.rsplit("http://").next().unwrap_or_default().parse();
        let address = address.with_context(|| format!("{name} said {line:?} instead of where it listens"))?;
        Ok(Self { child, id, address, _output: output })
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it with SIGKILL.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("it cannot be killed")
    }
}
