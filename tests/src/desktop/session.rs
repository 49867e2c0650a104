//! A desktop without a monitor: display, window manager, session bus, home; a keyring if a test asks for one.
//!
//! The bus starts nothing by itself, so "no keyring" and "no notification service" are real.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Output, Stdio},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
};
use zbus::{Connection, connection::Builder, fdo::DBusProxy, names::BusName};

use crate::server::eventually;

/// Larger than the window, so that a click beside it takes the focus away.
const SCREEN: &str = "1600x900x24";

/// A bus like the session's own, but without services that it would start when they are asked for.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
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

/// The desktop. Dropping it ends everything in it.
pub struct Desktop {
    home: tempfile::TempDir,
    display: String,
    bus: String,
    /// In the order in which they go: what uses the display and the bus first.
    processes: Vec<Child>,
}

impl Desktop {
    /// A desktop with nothing but a window manager.
    pub async fn start() -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        for folder in ["run", "data", "config", "cache"] {
            fs::create_dir(home.path().join(folder)).expect("a fresh folder");
        }
        fs::set_permissions(home.path().join("run"), fs::Permissions::from_mode(0o700)).expect("is ours");
        let config = home.path().join("bus.conf");
        fs::write(&config, BUS).expect("is ours");

        let mut xvfb = Command::new("Xvfb");
        xvfb.args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]);
        let (xvfb, display) = start_and_read(&mut xvfb).await;
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg("--config-file").arg(&config).args(["--nofork", "--print-address"]);
        let (daemon, bus) = start_and_read(&mut daemon).await;

        let mut desktop = Self { home, display: format!(":{display}"), bus, processes: vec![daemon, xvfb] };
        let openbox = quiet(&mut desktop.command("openbox")).arg("--sm-disable").spawn().expect("openbox is installed");
        desktop.processes.insert(0, openbox);
        eventually("the window manager manages", async || {
            let managed = desktop.run("xdotool", &["get_num_desktops"]).await;
            managed.status.success()
        })
        .await;
        desktop
    }

    /// Adds an unlocked Secret Service.
    pub async fn with_keyring(mut self) -> Self {
        let mut keyring = self.command("gnome-keyring-daemon");
        keyring.args(["--unlock", "--components=secrets", "--foreground"]);
        let mut keyring = quiet(&mut keyring).stdin(Stdio::piped()).spawn().expect("gnome-keyring is installed");
        let mut stdin = keyring.stdin.take().expect("is piped");
        stdin.write_all(b"watch below").await.expect("reads its password");
        drop(stdin);
        self.processes.insert(0, keyring);
        self.wait_for_name("org.freedesktop.secrets").await;
        self
    }

    /// Adds a real notification daemon, which draws its popups on the display.
    pub async fn with_dunst(mut self) -> Self {
        let dunst = quiet(&mut self.command("dunst")).spawn().expect("dunst is installed");
        self.processes.insert(0, dunst);
        self.wait_for_name("org.freedesktop.Notifications").await;
        self
    }

    /// Where everything of this desktop's person is.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A program on this desktop.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("HOME", self.home.path())
            .env("NO_AT_BRIDGE", "1")
            .env("GDK_BACKEND", "x11")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("XAUTHORITY")
            .kill_on_drop(true);
        for (name, folder) in [
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
        ] {
            command.env(name, self.home.path().join(folder));
        }
        command
    }

    /// Runs a program on this desktop to its end.
    pub async fn run(&self, program: &str, args: &[&str]) -> Output {
        self.command(program).args(args).output().await.unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    /// A connection to the session bus.
    pub async fn bus(&self) -> Connection {
        let builder = Builder::address(self.bus.as_str()).expect("is an address");
        builder.build().await.expect("the bus answers")
    }

    /// Waits until a program on the bus has this name.
    pub async fn wait_for_name(&self, name: &str) {
        let bus = self.bus().await;
        let proxy = DBusProxy::new(&bus).await.expect("the bus answers");
        eventually(name, async || {
            let name = BusName::try_from(name).expect("is a name");
            proxy.name_has_owner(name).await.expect("the bus answers")
        })
        .await;
    }

    /// Clicks beside every window: none has the focus then.
    pub async fn look_away(&self) {
        let clicked = self.run("xdotool", &["mousemove", "1590", "890", "click", "1"]).await;
        assert!(clicked.status.success(), "{}", String::from_utf8_lossy(&clicked.stderr));
    }

    /// Takes a picture of the whole screen.
    pub async fn picture(&self, file: &Path) {
        let file = file.to_str().expect("is UTF-8");
        let taken = self.run("import", &["-window", "root", file]).await;
        assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.start_kill(); // it may have ended already
        }
    }
}

/// Starts a program that says on its first line of output where it can be found.
async fn start_and_read(command: &mut Command) -> (Child, String) {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    let line = lines.next_line().await.ok().flatten().filter(|line| !line.is_empty());
    (child, line.unwrap_or_else(|| panic!("{command:?} said nothing")))
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}
