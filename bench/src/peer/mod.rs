//! The servers that are measured side by side, each a process of its own on the server's core, and how a client of
//! each speaks.
//!
//! The same is asked of all: connect, join a room, publish to a room, receive about 512 bytes of JSON per event.

mod numbers;
mod payload;
mod process;
mod speech;
mod world;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio::process::Command;

use self::process::Process;
pub use self::{
    payload::Template,
    speech::{Seat, Step},
    world::{PASSWORD, Shape, World},
};
use crate::machine;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// Ours, with everything on.
    Watchbell,
    /// Socket.IO on Node.
    SocketIo,
    /// `tokio-tungstenite` with rooms and nothing else.
    Bare,
}

impl Peer {
    /// All of them, in the order in which they are measured and shown.
    pub const ALL: [Self; 3] = [Self::Watchbell, Self::SocketIo, Self::Bare];
}

/// Where the peers' programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `watchbell-server`.
    pub watchbell: PathBuf,
    /// The folder of the Socket.IO server, with its packages installed.
    pub socketio: PathBuf,
}

/// A running server. It ends when this is dropped.
pub struct Server {
    /// Which.
    pub peer: Peer,
    process: Process,
    /// Who and what there is on Watchbell's; empty for the others, which know nobody.
    world: World,
    programs: Programs,
}

impl Server {
    /// Starts it with a world of this shape.
    pub async fn start(peer: Peer, programs: &Programs, shape: Shape) -> Result<Self> {
        let world = match peer {
            Peer::Watchbell => World::make(&programs.watchbell, shape).await?,
            Peer::SocketIo | Peer::Bare => World::default(),
        };
        let process = Process::start(command(peer, programs, &world, "127.0.0.1:0")?).await?;
        Ok(Self { peer, process, world, programs: programs.clone() })
    }

    /// Kills it as a power cut does, and starts it again on the same port.
    pub async fn crash(&mut self) -> Result<()> {
        let address = self.process.address();
        self.process.kill().await?;
        let command = command(self.peer, &self.programs, &self.world, &address.to_string())?;
        self.process = Process::start(command).await?;
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// CPU time that it has used.
    pub fn cpu(&self) -> Result<Duration> {
        machine::cpu(self.process.id())
    }

    /// Its resident memory, bytes.
    pub fn rss(&self) -> Result<u64> {
        machine::rss(self.process.id())
    }

    /// Ends it; what it kept stays until the world is dropped.
    pub async fn end(mut self) -> Result<World> {
        self.process.kill().await?;
        Ok(self.world)
    }

    /// Who and what there is.
    pub fn world(&self) -> &World {
        &self.world
    }
}

/// How the server is started.
fn command(peer: Peer, programs: &Programs, world: &World, listen: &str) -> Result<Command> {
    let port = listen.rsplit(':').next().unwrap_or_default();
    Ok(match peer {
        Peer::Watchbell => world.serve(&programs.watchbell, listen)?,
        Peer::SocketIo => {
            let mut node = Command::new("node");
            node.arg(programs.socketio.join("server.js")).arg(port);
            node
        }
        Peer::Bare => {
            let mut own = Command::new(std::env::current_exe().context("this program has a path")?);
            own.args(["bare", "--port", port]);
            own
        }
    })
}
