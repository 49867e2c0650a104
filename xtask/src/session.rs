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

use anyhow::{Context as _, Result, ensure};

use crate::{
    processes::{Process, wait_for},
    shell::{self, quietly},
};

/// What a session has beside a display, a bus and a window manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// What the bus does when it is asked for a service that does not run.
    pub activation: Activation,
    /// The Secret Service.
    pub keyring: Keyring,
    /// The notification service.
    pub popups: Popups,
}

impl Parts {
    /// Everything that a real desktop has, ready for use.
    pub const DESKTOP: Self =
        Self { activation: Activation::OnDemand, keyring: Keyring::Unlocked, popups: Popups::Drawn };

    /// Nothing, and nothing comes by itself.
    pub const BARE: Self = Self { activation: Activation::Never, keyring: Keyring::Absent, popups: Popups::Absent };
}

/// What the bus does when it is asked for a service that does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// It starts it if it is installed, as a real desktop's bus does, but only with our environment.
    OnDemand,
    /// It says that there is none: what is absent here is really absent.
    Never,
}

/// The Secret Service (gnome-keyring).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyring {
    /// None was started.
    Absent,
    /// It is there, but its collection is locked. Without [`Activation`] nobody can be asked for the password.
    Locked,
    /// Ready to keep secrets: a password of ours has unlocked it.
    Unlocked,
}

/// The notification service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Popups {
    /// None was started.
    Absent,
    /// A daemon that draws them on the display (dunst).
    Drawn,
}

/// The session. Dropping it ends everything in it.
#[derive(Debug)]
pub struct Session {
    // In the order in which they must go: what uses the bus before the bus, the display last.
    keyring: Option<Process>,
    services: Vec<Process>,
    _bus: Process,
    _display: Process,
    display: String,
    bus: String,
    home: PathBuf,
}

/// How large the screen is, in pixels: the window of 1280 × 800 and room beside it for popups.
const SCREEN: (u32, u32) = (1720, 880);

/// How long a part of the session may take to come up. They take some 100 ms on an idle machine.
const START: Duration = Duration::from_secs(30);

/// The Secret Service's name on the bus.
const SECRETS: &str = "org.freedesktop.secrets";

impl Session {
    /// Starts a session whose files all live under `home`.
    pub fn start(home: &Path, parts: Parts) -> Result<Self> {
        for folder in ["run", "data", "config", "cache"] {
            std::fs::create_dir_all(home.join(folder))?;
        }
        std::fs::set_permissions(home.join("run"), std::fs::Permissions::from_mode(0o700))?;
        let (display_process, display) = start_display()?;
        let (bus_process, bus) = start_bus(home, &display, parts.activation)?;
        let mut session = Self {
            keyring: None,
            services: Vec::new(),
            _bus: bus_process,
            _display: display_process,
            display,
            bus,
            home: home.to_path_buf(),
        };
        session.start_window_manager()?;
        if parts.popups == Popups::Drawn {
            session.start_dunst()?;
        }
        if parts.keyring != Keyring::Absent {
            session.unlock_keyring()?;
        }
        if parts.keyring == Keyring::Locked {
            session.lock_keyring()?;
        }
        Ok(session)
    }

    fn start_window_manager(&mut self) -> Result<()> {
        let openbox = Process::start("openbox", &mut self.command("openbox", &["--sm-disable"]), &self.log())?;
        self.services.push(openbox);
        wait_for("the window manager", START, || {
            let asked = quietly(&mut self.command("xdotool", &["get_num_desktops"]));
            Ok(asked.is_ok().then_some(()))
        })
    }

    fn start_dunst(&mut self) -> Result<()> {
        let config = self.home.join("config/dunstrc");
        std::fs::write(&config, DUNSTRC)?;
        let mut command = self.command("dunst", &["-config", &config.to_string_lossy()]);
        self.services.push(Process::start("dunst", &mut command, &self.log())?);
        self.wait_for_name("org.freedesktop.Notifications")
    }

    /// Starts the keyring anew, unlocked with our password, so that nobody is asked. What it keeps, it keeps.
    pub fn unlock_keyring(&mut self) -> Result<()> {
        self.keyring = None; // the one before ends: a running one takes no password without asking for it in a window
        let args = ["--unlock", "--components=secrets", "--foreground"];
        let mut command = self.command("gnome-keyring-daemon", &args);
        let mut keyring = Process::start("gnome-keyring-daemon", command.stdin(Stdio::piped()), &self.log())?;
        let mut stdin = keyring.child().stdin.take().context("the keyring daemon has no input")?;
        stdin.write_all(b"watch below")?;
        drop(stdin);
        self.keyring = Some(keyring);
        self.wait_for_name(SECRETS)
    }

    /// Locks what the keyring keeps.
    pub fn lock_keyring(&self) -> Result<()> {
        let collections = "array:objpath:/org/freedesktop/secrets/collection/login";
        let args = ["/org/freedesktop/secrets", "org.freedesktop.Secret.Service.Lock", collections];
        let answer = self.call(SECRETS, &args)?;
        ensure!(answer.contains("/collection/login"), "the keyring was not locked: {answer}");
        Ok(())
    }

    /// Waits until somebody on the bus owns `name`.
    pub fn wait_for_name(&self, name: &str) -> Result<()> {
        let argument = format!("string:{name}");
        let args = ["/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner", &argument];
        wait_for(&format!("{name} on the bus"), START, || {
            Ok(self.call("org.freedesktop.DBus", &args)?.contains("boolean true").then_some(()))
        })
    }

    /// Calls a method on the bus, in the words of `dbus-send`; its answer, as that prints it.
    fn call(&self, name: &str, args: &[&str]) -> Result<String> {
        let destination = format!("--dest={name}");
        let args = [&["--session", "--print-reply", &destination], args].concat();
        quietly(&mut self.command("dbus-send", &args))
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

    /// The bus's address.
    pub fn bus(&self) -> &str {
        &self.bus
    }

    /// Clicks beside every window, so that none has the focus.
    pub fn look_away(&self) -> Result<()> {
        let (x, y) = (SCREEN.0 - 10, SCREEN.1 - 10);
        let args = ["mousemove", &x.to_string(), &y.to_string(), "click", "1"];
        quietly(&mut self.command("xdotool", &args)).map(drop)
    }

    /// Takes a picture of the whole screen.
    pub fn screenshot(&self, file: &Path) -> Result<()> {
        let file = file.to_string_lossy().into_owned();
        quietly(&mut self.command("import", &["-window", "root", &file])).map(drop)
    }

    fn log(&self) -> PathBuf {
        self.home.join("session.log")
    }
}

/// An X server on a free display number, which it tells by itself.
fn start_display() -> Result<(Process, String)> {
    let screen = format!("{}x{}x24", SCREEN.0, SCREEN.1);
    let mut command =
        shell::command("Xvfb", &["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"]);
    let mut process = Process::start_piped("Xvfb", command.stderr(Stdio::null()))?;
    let number = first_line(&mut process).context("the virtual display did not start")?;
    Ok((process, format!(":{number}")))
}

/// A session bus, and its address.
fn start_bus(home: &Path, display: &str, activation: Activation) -> Result<(Process, String)> {
    let config = match activation {
        Activation::OnDemand => "--session".to_owned(),
        Activation::Never => {
            let file = home.join("bus.conf");
            std::fs::write(&file, BUS_WITHOUT_SERVICES)?;
            format!("--config-file={}", file.display())
        }
    };
    let mut command = shell::command("dbus-daemon", &[&config, "--nofork", "--print-address"]);
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
    ensure!(!line.trim().is_empty(), "it said nothing");
    std::thread::spawn(move || reader.read_to_end(&mut Vec::new()));
    Ok(line.trim().to_owned())
}

/// A bus like the session's own, but without the folders that say which services can be started.
const BUS_WITHOUT_SERVICES: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

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
