//! Runs the examples of the README against a real server: what is shown there works.

use std::{ffi::OsStr, path::Path};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::peer::{PASSWORD, Peer, Programs, Server, Shape};

/// Runs each once; fails if one does not receive what it published.
pub async fn run(programs: &Programs, folder: &Path, python: &OsStr) -> Result<()> {
    let server = Server::start(Peer::Watchbell, programs, Shape::one_room(1)).await?;
    for (interpreter, file) in [(python, "publish.py"), (OsStr::new("node"), "publish.mjs")] {
        let address = format!("http://{}", server.address());
        let mut example = Command::new(interpreter);
        example.arg(folder.join(file)).args([&address, "member-0", PASSWORD]);
        let output = example.output().await.with_context(|| format!("cannot start {}", interpreter.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success() && said.starts_with("received:"),
            "{file} did not receive what it published: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        println!("{file} received what it published");
    }
    Ok(())
}
