//! A desktop for one test: a session without a monitor, in a home of its own that is gone afterwards.
//!
//! Deliberately absent: how such a session is made. The demo runs in the same one, so `xtask` has it.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Output, Stdio},
};

use tokio::{process::Command, task::block_in_place};
use xtask::session::{Parts, Session};
use zbus::{Connection, connection::Builder};

use super::picture_file;

/// The desktop. Dropping it ends everything in it.
pub struct Desktop {
    session: Session, // goes before the folder in which it lives
    home: tempfile::TempDir,
}

impl Desktop {
    /// Starts one. On its bus nothing comes by itself unless `parts` says so.
    pub async fn start(parts: Parts) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = home.path().to_path_buf();
        let session =
            tokio::task::spawn_blocking(move || Session::start(&folder, parts)).await.expect("does not panic");
        Self { session: session.expect("the programs of a desktop are installed"), home }
    }

    /// Locks the keyring.
    pub fn lock_keyring(&self) {
        block_in_place(|| self.session.lock_keyring()).expect("the keyring can be locked");
    }

    /// Unlocks the keyring.
    pub fn unlock_keyring(&mut self) {
        block_in_place(|| self.session.unlock_keyring()).expect("the keyring takes its password");
    }

    /// Where everything of this desktop's person is.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A program on this desktop.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::from(self.session.command(program, &[]));
        command.current_dir(self.home()).kill_on_drop(true);
        command
    }

    /// Runs a program on this desktop to its end.
    pub async fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = self.command(program);
        command.args(args).stdin(Stdio::null());
        command.output().await.unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    /// A connection to the session bus.
    pub async fn bus(&self) -> Connection {
        let builder = Builder::address(self.session.bus()).expect("is an address");
        builder.build().await.expect("the bus answers")
    }

    /// Clicks beside every window: none has the focus then.
    pub fn look_away(&self) {
        block_in_place(|| self.session.look_away()).expect("a click");
    }

    /// Takes a picture of the whole screen, if pictures are asked for.
    pub fn picture(&self, name: &str) {
        if let Some(file) = picture_file(name) {
            block_in_place(|| self.session.screenshot(&file)).expect("a picture");
        }
    }
}
