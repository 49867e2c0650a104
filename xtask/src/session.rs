//! A desktop session of our own: display, bus, window manager, notification daemon, keyring. For machines without a
//! display, and so that nothing of the real desktop is touched.
//!
//! Deliberately absent: what runs in it. The session only gives an environment to start programs with.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    processes::{Process, wait_for},
    shell::{self, quietly},
};

/// What a session has beside a display, a bus and a window manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// An unlocked Secret Service (gnome-keyring).
    pub keyring: bool,
    /// A notification daemon that draws popups (dunst).
    pub notifications: bool,
}

/// The session. Dropping it ends everything in it.
#[derive(Debug)]
pub struct Session {
    // In the order in which they must go: what uses the bus before the bus, the display last.
    services: Vec<Process>,
    _bus: Process,
    _display: Process,
    display: String,
    bus: String,
    home: PathBuf,
}

/// How large the screen is: the window of 1280 × 800 and room beside it for popups.
const SCREEN: &str = "1720x880x24";

/// How long a part of the session may take to come up. They take some 100 ms on an idle machine.
const START: Duration = Duration::from_secs(30);

impl Session {
    /// Starts a session whose files all live under `home`.
    pub fn start(home: &Path, parts: Parts) -> Result<Self> {
        for folder in ["run", "data", "config", "cache"] {
            std::fs::create_dir_all(home.join(folder))?;
        }
        std::fs::set_permissions(home.join("run"), std::fs::Permissions::from_mode(0o700))?;
        let (display_process, display) = start_display()?;
        let (bus_process, bus) = start_bus(home, &display)?;
        let mut session = Self {
            services: Vec::new(),
            _bus: bus_process,
            _display: display_process,
            display,
            bus,
            home: home.to_path_buf(),
        };
        session.start_services(parts)?;
        Ok(session)
    }

    fn start_services(&mut self, parts: Parts) -> Result<()> {
        let log = self.home.join("session.log");
        self.services.push(Process::start("openbox", &mut self.command("openbox", &["--sm-disable"]), &log)?);
        if parts.notifications {
            let config = self.home.join("config/dunstrc");
            std::fs::write(&config, DUNSTRC)?;
            let config = config.to_string_lossy().into_owned();
            self.services.push(Process::start("dunst", &mut self.command("dunst", &["-config", &config]), &log)?);
            self.wait_for_name("org.freedesktop.Notifications")?;
        }
        if parts.keyring {
            self.start_keyring(&log)?;
        }
        Ok(())
    }

    /// A keyring that a password of ours has unlocked, so that nobody is asked.
    fn start_keyring(&mut self, log: &Path) -> Result<()> {
        let args = ["--unlock", "--components=secrets", "--foreground"];
        let mut command = self.command("gnome-keyring-daemon", &args);
        let mut keyring = Process::start("gnome-keyring-daemon", command.stdin(Stdio::piped()), log)?;
        let mut stdin = keyring.child().stdin.take().context("the keyring daemon has no input")?;
        stdin.write_all(b"watch below")?;
        drop(stdin);
        self.services.push(keyring);
        self.wait_for_name("org.freedesktop.secrets")
    }

    /// Waits until somebody on the bus owns `name`.
    pub fn wait_for_name(&self, name: &str) -> Result<()> {
        let argument = format!("string:{name}");
        let args = [
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus.NameHasOwner",
            &argument,
        ];
        wait_for(&format!("{name} on the bus"), START, || {
            let reply = quietly(&mut self.command("dbus-send", &args))?;
            Ok(reply.contains("boolean true").then_some(()))
        })
    }

    /// A command inside the session.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
        let mut command = shell::command(program, args);
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command.env_remove("WAYLAND_DISPLAY").env_remove("XAUTHORITY").env_remove("SESSION_MANAGER");
        command
    }

    /// What makes a program part of the session.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let folder = |name: &str| self.home.join(name).to_string_lossy().into_owned();
        vec![
            ("DISPLAY", self.display.clone()),
            ("DBUS_SESSION_BUS_ADDRESS", self.bus.clone()),
            ("HOME", self.home.to_string_lossy().into_owned()),
            ("XDG_RUNTIME_DIR", folder("run")),
            ("XDG_DATA_HOME", folder("data")),
            ("XDG_CONFIG_HOME", folder("config")),
            ("XDG_CACHE_HOME", folder("cache")),
            ("GDK_BACKEND", "x11".into()),
            ("NO_AT_BRIDGE", "1".into()),
        ]
    }

    /// Takes a picture of the whole screen.
    pub fn screenshot(&self, file: &Path) -> Result<()> {
        let file = file.to_string_lossy().into_owned();
        quietly(&mut self.command("import", &["-window", "root", &file])).map(drop)
    }
}

/// An X server on a free display number, which it tells by itself.
fn start_display() -> Result<(Process, String)> {
    let mut command =
        shell::command("Xvfb", &["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]);
    let mut process = Process::start_piped("Xvfb", command.stderr(Stdio::null()))?;
    let number = first_line(&mut process).context("the virtual display did not start")?;
    Ok((process, format!(":{number}")))
}

/// A session bus. It may start services by itself, as a real desktop's does, but only with our environment.
fn start_bus(home: &Path, display: &str) -> Result<(Process, String)> {
    let mut command = shell::command("dbus-daemon", &["--session", "--nofork", "--print-address"]);
    command
        .env("DISPLAY", display)
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CONFIG_HOME", home.join("config"))
        .stderr(Stdio::null());
    let mut process = Process::start_piped("dbus-daemon", &mut command)?;
    let address = first_line(&mut process).context("the session bus did not start")?;
    Ok((process, address))
}

/// Reads the line with which a program says that it is ready, and goes on draining its output.
fn first_line(process: &mut Process) -> Result<String> {
    let output = process.child().stdout.take().context("its output is not readable")?;
    let mut reader = BufReader::new(output);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    anyhow::ensure!(!line.trim().is_empty(), "it said nothing");
    std::thread::spawn(move || reader.read_to_end(&mut Vec::new()));
    Ok(line.trim().to_owned())
}

/// Popups as a member would see them: beside the window, readable in a picture, staying until the picture is taken.
const DUNSTRC: &str = "\
[global]
    monitor = 0
    follow = none
    width = (300, 400)
    origin = top-right
    offset = 16x16
    font = DejaVu Sans 10
    frame_width = 1
    frame_color = \"#39424a\"
    corner_radius = 8
    padding = 12
    horizontal_padding = 14
    format = \"<b>%s</b>\\n%b\"
    show_age_threshold = -1
    show_indicators = no
[urgency_low]
    background = \"#1d2226\"
    foreground = \"#e4e8ea\"
    timeout = 60
[urgency_normal]
    background = \"#1d2226\"
    foreground = \"#e4e8ea\"
    timeout = 60
[urgency_critical]
    background = \"#3b1c21\"
    foreground = \"#ffd7da\"
    frame_color = \"#ff8087\"
    timeout = 0
";
