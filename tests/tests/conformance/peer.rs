//! The other implementation as a process.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// It ends with this value.
pub struct Peer {
    pub address: SocketAddr,
    _process: Child,
}

impl Peer {
    /// Starts it. `None`, and said so, where `cargo xtask test` has not installed it.
    pub async fn start() -> Option<Self> {
        let packages = packages();
        if !packages.join("ws").is_dir() {
            assert!(env::var_os("WATCHBELL_TEST_TOOLS").is_none(), "ws is not in {}", packages.display());
            eprintln!("SKIPPED: npm's `ws` is not installed; `cargo xtask test` does it");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/peer.mjs");
        let mut node = Command::new("node");
        node.arg(script).arg(packages).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = node.spawn().expect("node starts");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port: u16 = lines.next_line().await.unwrap().expect("says its port").parse().unwrap();
        Some(Self { address: ([127, 0, 0, 1], port).into(), _process: process })
    }
}

/// Where `cargo xtask test` has put it, beside the tools that it names.
fn packages() -> PathBuf {
    let tools = env::var_os("WATCHBELL_TEST_TOOLS").map(PathBuf::from);
    let tools = tools.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin"));
    tools.join("../peer/node_modules")
}
