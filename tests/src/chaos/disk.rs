//! The server's disk: a small file system of its own, so that it can be full without harm to the machine.
//!
//! It is a `tmpfs` that shrinks to what is in use: the kernel's own `ENOSPC`, for a write as for a checkpoint. Mounting one
//! takes a mount namespace, which `enter` makes; the mounts end with the last process in it, however that ends. Where the
//! machine forbids that (no Linux, or a container without the right), the server stays on the common disk, and a full one
//! is left out of the plan and said to be.

use std::{
    env, fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::time::sleep;

/// Set in the namespace.
const ENTERED: &str = "WATCHBELL_CHAOS_MOUNTS";
/// How large the file system is when it is not full.
const ROOMY: &str = "size=2g";
/// The server may write between the look at the disk and its end: then it is looked at again, so often.
const TRIES: usize = 50;

/// Starts this very program again in a mount namespace, and does not return; unless it is in one, or none can be had.
pub fn enter() -> Result<()> {
    if env::var_os(ENTERED).is_some() {
        return Ok(());
    }
    let own = env::current_exe().context("a program knows its own path")?;
    // Whoever is not root may be it in a user namespace.
    for rights in [&["--mount"][..], &["--mount", "--map-root-user"]] {
        let unshare = || {
            let mut unshare = Command::new("unshare");
            unshare.args(rights).args(["--propagation", "private", "--"]);
            unshare
        };
        let mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"];
        let probe = unshare().args(mount).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if probe.is_ok_and(|status| status.success()) {
            return Err(unshare().arg(own).args(env::args_os().skip(1)).env(ENTERED, "1").exec().into());
        }
    }
    Ok(())
}

/// A file system of the server's own.
#[derive(Debug)]
pub struct Disk {
    at: PathBuf,
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Its processes may still be about to end. A failure leaves it to the end of the namespace.
        let _ = run(Command::new("umount").arg("--lazy").arg(&self.at));
    }
}

impl Disk {
    /// Puts what is in `folder`, which nobody uses now, onto a disk of its own; `None` where that is not allowed.
    pub fn under(folder: &Path) -> Result<Option<Self>> {
        if env::var_os(ENTERED).is_none() {
            return Ok(None);
        }
        let aside = folder.with_extension("aside");
        fs::rename(folder, &aside)?;
        fs::create_dir(folder)?;
        run(Command::new("mount").args(["-t", "tmpfs", "-o", ROOMY, "tmpfs"]).arg(folder))?;
        let disk = Self { at: folder.to_owned() };
        run(Command::new("cp").args(["-a", "--"]).arg(aside.join(".")).arg(folder))?;
        fs::remove_dir_all(aside)?;
        Ok(Some(disk))
    }

    /// No byte more than is in use now.
    pub async fn fill(&self) -> Result<()> {
        for _ in 0..TRIES {
            let used = run(Command::new("df").args(["--block-size=1", "--output=used"]).arg(&self.at))?;
            let used = used.lines().last().unwrap_or_default().trim();
            if self.resize(&format!("size={used}")).is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(5)).await;
        }
        bail!("the disk cannot be filled")
    }

    /// There is room again.
    pub fn free(&self) -> Result<()> {
        self.resize(ROOMY)
    }

    fn resize(&self, size: &str) -> Result<()> {
        run(Command::new("mount").args(["-o", &format!("remount,{size}")]).arg(&self.at)).map(drop)
    }
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?)
}
