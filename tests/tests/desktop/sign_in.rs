//! Signing in: by form or from the terminal, kept in a keyring that is there, locked or absent.

use watchbell_protocol::event::Level;
use watchbell_tests::{
    desktop::{session::Desktop, window::Window},
    programs::program,
    server::{PASSWORD, Server, eventually},
};
use xtask::session::{Keyring, Parts};

use crate::{PROJECT, WITH_KEYRING, ines, notify, signed_in};

const LOCKED: &str = "The keyring is locked or does not answer.";

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_kept_in_the_keyring_over_a_restart() {
    let desktop = Desktop::start(WITH_KEYRING).await;
    let (_server, window) = signed_in(&desktop).await;
    window.wait_for_text(PROJECT).await;

    let stored = desktop.run("secret-tool", &["search", "--all", "service", "dev.watchbell.desktop"]).await;
    let stored = String::from_utf8_lossy(&stored.stdout).into_owned();
    let token = stored.lines().find_map(|line| line.strip_prefix("secret = ")).expect("a token in the keyring");
    let elsewhere = desktop.run("grep", &["-rlF", token, "config", "data", "cache", "run"]).await;
    let (stdout, stderr) = (String::from_utf8_lossy(&elsewhere.stdout), String::from_utf8_lossy(&elsewhere.stderr));
    assert_eq!((&*stdout, &*stderr), ("", ""), "the token is nowhere else");
    assert!(!window.log().contains(token), "nor in the log");
    window.quit().await;

    let window = Window::open(&desktop).await;
    window.wait_for_text("Live").await;
    assert!(!window.text().await.contains("Password"), "nobody was asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keyring_and_notification_service_the_app_works_and_says_so() {
    let desktop = Desktop::start(Parts::BARE).await;
    let server = Server::start(PROJECT, &["maya", "ines"]).await;
    let window = Window::open(&desktop).await;
    window.wait_for_text("No keyring was found on this computer.").await;
    window.picture("sign-in").await;
    window.sign_in(server.url().as_str(), "maya", PASSWORD).await;
    window.wait_for_text("Live").await;

    desktop.look_away();
    let (ines, room) = ines(&server).await;
    notify(&ines, room, Level::Warning, "Disk almost full").await;
    window.wait_for_text("Popups off").await;
    window.press("Notifications").await;
    window.wait_for_text("Disk almost full").await;
    window.quit().await;

    let window = Window::open(&desktop).await;
    window.find("input[type=password]").await; // in memory only: the next start asks again
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_locked_keyring_the_app_works_and_says_so() {
    let mut desktop = Desktop::start(Parts { keyring: Keyring::Locked, ..Parts::BARE }).await;
    let server = Server::start(PROJECT, &["maya"]).await;
    let window = Window::open(&desktop).await;
    window.wait_for_text(LOCKED).await;
    window.picture("sign-in-locked").await;
    window.sign_in(server.url().as_str(), "maya", PASSWORD).await;
    window.wait_for_text("Live").await;
    window.quit().await;

    desktop.unlock_keyring();
    let window = Window::open(&desktop).await;
    window.find("input[type=password]").await; // nothing could be kept: asked again
    assert!(!window.text().await.contains(LOCKED));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_behind_a_locked_keyring_is_found_as_soon_as_it_is_unlocked() {
    let mut desktop = Desktop::start(WITH_KEYRING).await;
    let (_server, window) = signed_in(&desktop).await;
    window.quit().await;

    desktop.lock_keyring();
    let window = Window::open(&desktop).await;
    window.wait_for_text(LOCKED).await;
    window.press("Look again").await;
    window.wait_for_text("Unlock it and look again.").await;
    desktop.unlock_keyring();
    window.press("Look again").await;
    window.wait_for_text("Live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_sign_in_is_said_at_its_field() {
    let desktop = Desktop::start(Parts::BARE).await;
    let server = Server::start(PROJECT, &["maya"]).await;
    let window = Window::open(&desktop).await;
    for (address, password, sentence) in [
        (server.url().as_str(), "not the password", "Name or password is wrong."),
        ("http://bell.example.com", PASSWORD, "Plain http is accepted for this machine only"),
        ("127.0.0.1:9", PASSWORD, "127.0.0.1:9 cannot be reached"),
    ] {
        window.sign_in(address, "maya", password).await;
        eventually(sentence, async || {
            let error = window.find(".field-error").await;
            error.text().await.is_ok_and(|text| text.contains(sentence))
        })
        .await;
    }
    window.sign_in(server.url().as_str(), "maya", PASSWORD).await;
    window.wait_for_text("Live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_from_the_terminal_opens_the_window_signed_in() {
    let desktop = Desktop::start(WITH_KEYRING).await;
    let server = Server::start(PROJECT, &["maya"]).await;
    let sign_in = async |password: &str| {
        let file = desktop.home().join("password");
        std::fs::write(&file, password).expect("is ours");
        let mut command = desktop.command(program("watchbell-desktop"));
        command.args(["sign-in", "--server", server.url().as_str(), "--name", "maya", "--password-stdin"]);
        command.stdin(std::fs::File::open(&file).expect("was written")).output().await.expect("runs")
    };
    let refused = sign_in("not the password").await;
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&refused.stderr), "Name or password is wrong.\n");
    let accepted = sign_in(PASSWORD).await;
    assert_eq!(String::from_utf8_lossy(&accepted.stderr), "");
    let window = Window::open(&desktop).await;
    window.wait_for_text("Live").await;
}
