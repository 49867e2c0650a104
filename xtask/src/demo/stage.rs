//! The stage: a screen, and a server with two members and a project.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    processes::{Process, wait_for},
    session::{Parts, Session},
    shell::{self, binary, quietly},
};

/// Whether this machine shows windows.
pub fn has_display() -> bool {
    cfg!(not(target_os = "linux")) || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some())
}

/// Where the app shows itself.
#[derive(Debug)]
pub enum Screen {
    /// A session of our own.
    Virtual(Box<Session>),
    /// The person's own desktop.
    Real,
}

impl Screen {
    /// Opens it.
    pub fn open(folder: &Path, is_virtual: bool) -> Result<Self> {
        if is_virtual {
            Ok(Self::Virtual(Box::new(Session::start(&folder.join("session"), Parts::DESKTOP)?)))
        } else {
            Ok(Self::Real)
        }
    }

    /// A command on this screen.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
        match self {
            Self::Virtual(session) => session.command(program, args),
            Self::Real => shell::command(program, args),
        }
    }

    /// Takes the focus away from the window, as somebody does who turns to other work. On a real desktop the person
    /// does that themselves, by looking at this terminal.
    pub fn look_away(&self) -> Result<()> {
        match self {
            Self::Virtual(session) => session.look_away(),
            Self::Real => Ok(()),
        }
    }

    /// Waits until the daemon has drawn a popup.
    pub fn wait_for_popup(&self) -> Result<()> {
        match self {
            Self::Virtual(_) => wait_for("the popup on the screen", Duration::from_secs(10), || {
                let search = ["search", "--onlyvisible", "--class", "Dunst"];
                let found = quietly(&mut self.command("xdotool", &search)).unwrap_or_default();
                Ok((!found.trim().is_empty()).then_some(()))
            }),
            Self::Real => Ok(()),
        }
    }

    /// Takes a picture of all of it.
    pub fn picture(&self, file: &Path) -> Result<()> {
        match self {
            Self::Virtual(session) => session.screenshot(file),
            Self::Real => Ok(()),
        }
    }
}

/// Somebody of the demo.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// The name to sign in with.
    pub name: &'static str,
    display_name: &'static str,
}

/// Who looks at the app.
pub const MAYA: Member = Member { name: "maya", display_name: "Maya" };
/// Who works at the command line.
pub const INES: Member = Member { name: "ines", display_name: "Ines" };
/// What they work on.
pub const PROJECT: &str = "watchbell";

/// A server with two members and a project.
#[derive(Debug)]
pub struct Stage {
    _server: Process,
    folder: PathBuf,
    address: String,
    password: String,
}

impl Stage {
    /// Sets a server up and starts it on a free port.
    pub fn open(folder: &Path, screen: &Screen) -> Result<Self> {
        let data = folder.join("server");
        // Nobody else may sign in while the demo runs.
        let password = random_word()?;
        admin(&data, &["init"], None)?;
        for member in [MAYA, INES] {
            let add = ["user", "add", member.name, "--display-name", member.display_name, "--password-stdin"];
            admin(&data, &add, Some(&password))?;
        }
        admin(&data, &["project", "add", PROJECT], None)?;
        for member in [MAYA, INES] {
            admin(&data, &["project", "member", "add", PROJECT, member.name], None)?;
        }
        let log = folder.join("server.log");
        let mut serve = screen.command(binary("watchbell-server"), &["serve", "--listen", "127.0.0.1:0"]);
        let server = Process::start("watchbell-server", serve.env("WATCHBELL_SERVER_DATA_DIR", &data), &log)?;
        let address = wait_for("the server's address", Duration::from_secs(20), || {
            let text = std::fs::read_to_string(&log)?;
            let line = text.lines().find(|line| line.contains("listening on http://"));
            Ok(line.and_then(|line| line.split_whitespace().last()).map(str::to_owned))
        })?;
        Ok(Self { _server: server, folder: folder.to_path_buf(), address, password })
    }

    /// The demo's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The server's address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Runs a command that reads a member's password from its standard input.
    pub fn with_password(&self, command: &mut Command) -> Result<()> {
        feed(command, &self.password)
    }
}

/// Runs one `watchbell-server` command for admins.
fn admin(data: &Path, args: &[&str], input: Option<&str>) -> Result<()> {
    let mut command = shell::command(binary("watchbell-server"), args);
    feed(command.env("WATCHBELL_SERVER_DATA_DIR", data), input.unwrap_or_default())
}

/// Runs a command with a line on its standard input.
fn feed(command: &mut Command, line: &str) -> Result<()> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().context("it has no standard input")?;
    // A command that does not read may have closed its end already.
    let _ = writeln!(stdin, "{line}");
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim_end());
    Ok(())
}

fn random_word() -> Result<String> {
    use std::io::Read as _;
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
