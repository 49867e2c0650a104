//! The app's window, driven by `WebDriver` as a person would: by what is written on it.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::json;
use tokio::process::Child;

use super::{picture_file, session::Desktop};
use crate::{programs::program, server::eventually};

/// How long something may take to show. It takes a fraction on an idle machine.
const SOON: Duration = Duration::from_secs(20);

/// Waits for the end of all that moves, but for what moves for ever.
const STILL: &str = "
    const done = arguments[0];
    const moving = document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime !== Infinity);
    Promise.allSettled(moving.map((one) => one.finished))
        .then(() => requestAnimationFrame(() => requestAnimationFrame(() => done())));
";

/// The running app.
pub struct Window {
    /// The driver's session with the page.
    pub page: Client,
    driver: Child,
    log: PathBuf,
}

impl Window {
    /// Starts the app and waits for its page.
    pub async fn open(desktop: &Desktop) -> Self {
        let port = free_port();
        let log = desktop.home().join("app.log");
        let output = File::options().create(true).append(true).open(&log).expect("a log file");
        let mut driver = desktop.command("WebKitWebDriver");
        driver
            .arg(format!("--port={port}"))
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("WATCHBELL_LOG", "info,watchbell=debug,watchbell_app=debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .process_group(0); // the app is the driver's child: they end together
        let driver = driver.spawn().expect("webkit2gtk-driver is installed");
        let app = program("watchbell-desktop");
        let capabilities = json!({
            "browserName": "wry",
            "webkitgtk:browserOptions": { "binary": app, "args": [] },
        });
        let capabilities = capabilities.as_object().expect("is an object").clone();
        let address = format!("http://127.0.0.1:{port}");
        eventually("the driver listens", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok())
            .await;
        let page = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&address).await;
        let page = page.unwrap_or_else(|error| panic!("the app did not start: {error}\n{}", read(&log)));
        Self { page, driver, log }
    }

    /// Ends the app without a goodbye, as a crash would: what it keeps must be on disk by now.
    pub async fn quit(mut self) {
        self.end_driver();
        let _ = self.driver.wait().await;
    }

    /// Whether the window can be seen on the desktop.
    pub async fn is_visible(&self, desktop: &Desktop) -> bool {
        desktop.run("xdotool", &["search", "--onlyvisible", "--name", "^Watchbell$"]).await.status.success()
    }

    /// Closes the window through the window manager.
    pub async fn close(&self, desktop: &Desktop) {
        self.focus(desktop).await;
        let closed = desktop.run("xdotool", &["key", "alt+F4"]).await;
        assert!(closed.status.success(), "{}", String::from_utf8_lossy(&closed.stderr));
    }

    /// Waits until `text` can be read somewhere on the page.
    pub async fn wait_for_text(&self, text: &str) {
        let deadline = Instant::now() + SOON;
        loop {
            let page = self.text().await;
            if page.contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "waited in vain for {text:?}; the page says:\n{page}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything that is written on the page. (`WebDriver`'s own notion of text leaves out what is cut with an ellipsis.)
    pub async fn text(&self) -> String {
        let text = self.page.execute("return document.body.innerText;", Vec::new()).await;
        text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The first element of this kind, as soon as there is one.
    pub async fn find(&self, css: &str) -> Element {
        let found = self.page.wait().at_most(SOON).for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("{css}: {error}\nthe page says: {}\nthe log: {}", self.text().await, self.log()),
        }
    }

    /// How many elements of this kind there are.
    pub async fn count(&self, css: &str) -> usize {
        self.page.find_all(Locator::Css(css)).await.expect("the page answers").len()
    }

    /// Presses the button with this name, visible or spoken, as soon as there is one.
    pub async fn press(&self, name: &str) {
        let path = format!(
            "//*[self::button or @role='button' or @role='menuitem']\
             [starts-with(normalize-space(), '{name}') or starts-with(@aria-label, '{name}')]"
        );
        let button = self.page.wait().at_most(SOON).for_element(Locator::XPath(&path)).await;
        match button {
            Ok(button) => button.click().await.expect("can be pressed"),
            Err(error) => panic!("the button {name}: {error}\nthe page says: {}", self.text().await),
        }
    }

    /// Types into the field with this label.
    pub async fn fill(&self, label: &str, text: &str) {
        let path = format!("//input[@id = //label[starts-with(normalize-space(), '{label}')]/@for]");
        let field = self.page.wait().at_most(SOON).for_element(Locator::XPath(&path)).await;
        let field = match field {
            Ok(field) => field,
            Err(error) => panic!("the field {label}: {error}\nthe page says: {}", self.text().await),
        };
        field.clear().await.expect("is a text field");
        field.send_keys(text).await.expect("is a text field");
    }

    /// Signs in through the form.
    pub async fn sign_in(&self, address: &str, name: &str, password: &str) {
        self.fill("Server address", address).await;
        self.fill("Name", name).await;
        self.fill("Password", password).await;
        self.press("Sign in").await;
    }

    /// Waits until the bell says that this many notifications are unread.
    pub async fn wait_for_unread(&self, count: u32) {
        self.find(&bell(count)).await;
    }

    /// Whether the bell says that this many notifications are unread.
    pub async fn has_unread(&self, count: u32) -> bool {
        self.page.find(Locator::Css(&bell(count))).await.is_ok()
    }

    /// Gives the window the focus, as a click on it does.
    pub async fn focus(&self, desktop: &Desktop) {
        let focused =
            desktop.run("xdotool", &["search", "--onlyvisible", "--name", "^Watchbell$", "windowfocus"]).await;
        assert!(focused.status.success(), "{}", String::from_utf8_lossy(&focused.stderr));
        self.wait_for_focus().await;
    }

    /// Waits until the window has the focus.
    pub async fn wait_for_focus(&self) {
        eventually("the window has the focus", async || self.has_focus().await).await;
    }

    /// Waits until the window has lost the focus.
    pub async fn wait_for_blur(&self) {
        eventually("the window has lost the focus", async || !self.has_focus().await).await;
    }

    /// Whether the window has the focus.
    pub async fn has_focus(&self) -> bool {
        let focused = self.page.execute("return document.hasFocus();", Vec::new()).await;
        focused.is_ok_and(|focused| focused == json!(true))
    }

    /// What the app has logged.
    pub fn log(&self) -> String {
        read(&self.log)
    }

    /// Takes a picture of the page, if pictures are asked for: when nothing glides or fades any more, and two frames
    /// after whatever came last.
    pub async fn picture(&self, name: &str) {
        let Some(file) = picture_file(name) else { return };
        self.page.execute_async(STILL, Vec::new()).await.expect("runs");
        let picture = self.page.screenshot().await.expect("is taken");
        std::fs::write(file, picture).expect("can be written");
    }

    /// Ends the driver and what it started: its process group, which is its own.
    fn end_driver(&mut self) {
        let Some(group) = self.driver.id().and_then(|id| i32::try_from(id).ok()).filter(|id| *id > 1) else { return };
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL); // it may have ended already
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.end_driver();
        if std::thread::panicking() {
            eprintln!("--- the app's log ---\n{}", self.log());
        }
    }
}

fn bell(unread: u32) -> String {
    format!("[aria-label='Notifications, {unread} unread']")
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("is bound").port()
}
