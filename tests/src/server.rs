//! A real `watchbell-server` process with a real database, which can be frozen, killed and started again.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    time::{Instant, sleep},
};
use url::Url;
use watchbell_client::{CacheLocation, Client, Credentials, NoStore, Options, Timing, http};
use watchbell_protocol::{
    DeviceId, Text,
    event::DeviceKind,
    http::{SignIn, SignInDevice},
};

use crate::programs::program;

/// Everybody's password in tests.
pub const PASSWORD: &str = "the watch is set";

/// A server in a folder of its own, on a port that it keeps over restarts.
#[derive(Debug)]
pub struct Server {
    folder: tempfile::TempDir,
    listen: SocketAddr,
    process: Option<Child>,
}

impl Server {
    /// Sets one up with these members and a project to which they all belong, and starts it.
    pub async fn start(project: &str, members: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = Self { folder, listen: free_port(), process: None };
        server.admin(&["init"], None).await;
        server.admin(&["project", "add", project], None).await;
        for member in members {
            server.admin(&["user", "add", member, "--password-stdin"], Some(PASSWORD)).await;
            server.admin(&["project", "member", "add", project, member], None).await;
        }
        server.restart().await;
        server
    }

    /// Its address.
    pub fn url(&self) -> Url {
        format!("http://{}", self.listen).parse().expect("is an address")
    }

    /// The same as a socket address.
    pub fn address(&self) -> SocketAddr {
        self.listen
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for whatever else a test keeps.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a `watchbell-server` command for admins; what it printed.
    pub async fn admin(&self, args: &[&str], input: Option<&str>) -> String {
        let mut command = self.command(args);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("starts");
        let mut stdin = child.stdin.take().expect("is piped");
        // A command that reads nothing may have closed its end already.
        let _ = stdin.write_all(format!("{}\n", input.unwrap_or_default()).as_bytes()).await;
        drop(stdin);
        let output = child.wait_with_output().await.expect("ends");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("prints UTF-8")
    }

    /// Starts it (again), and waits until it answers.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "is running");
        let listen = self.listen.to_string();
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("server.log"));
        let log = log.expect("a log file");
        let mut serve = self.command(&["serve", "--listen", &listen]);
        serve.stdin(Stdio::null()).stdout(log.try_clone().expect("a log file")).stderr(log).kill_on_drop(true);
        self.process = Some(serve.spawn().expect("starts"));
        let url = self.url();
        eventually("the server is ready", async || http::server_info(&url).await.is_ok()).await;
    }

    /// Stops it in the middle of whatever it does (SIGSTOP): it takes nothing and answers nothing.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Kills it (SIGKILL), frozen or not.
    pub async fn kill(&mut self) {
        let mut process = self.process.take().expect("is running");
        process.kill().await.expect("can be killed");
    }

    /// Asks it to stop (SIGTERM); its exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.process.take().expect("is running").wait().await.expect("can be waited for").code()
    }

    fn signal(&self, signal: Signal) {
        let id = self.process.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok()).expect("is running");
        kill(Pid::from_raw(id), signal).expect("is running");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("watchbell-server"));
        command.args(args).env("WATCHBELL_SERVER_DATA_DIR", self.data()).current_dir(self.folder.path());
        command
    }

    /// A signed-in client of a member, with a cache in a file of that name.
    pub async fn client(&self, member: &str, cache: &str) -> Client {
        self.client_through(self.url(), Timing::default(), member, cache).await
    }

    /// The same through whatever stands before the server.
    pub async fn client_through(&self, way: Url, timing: Timing, member: &str, cache: &str) -> Client {
        let device = device();
        let form = SignIn { name: text(member), password: text(PASSWORD), device: device.clone() };
        let signed_in = http::sign_in(&self.url(), form).await.expect("signs in");
        let location = CacheLocation::File(self.folder.path().join(cache));
        let options = Options { timing, ..Options::new(way, location, device) };
        let credentials = Credentials::Refresh(signed_in.refresh_token);
        Client::open(options, credentials, std::sync::Arc::new(NoStore)).await.expect("opens")
    }
}

/// A device that nobody has seen before.
pub fn device() -> SignInDevice {
    SignInDevice { id: DeviceId::fresh(), kind: DeviceKind::Cli, name: text("test") }
}

/// Text that is known to fit.
pub fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::try_from(text).expect("fits")
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("is bound")
}

/// Waits until it is so; fails after 30 s, naming what was waited for.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
