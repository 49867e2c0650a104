//! The desktop app in its real window: signing in, popups, working offline, cancelling.
#![cfg(target_os = "linux")]

mod analysis;
mod long_poll;
mod offline;
mod popups;
mod sign_in;

use watchbell_client::Client;
use watchbell_protocol::{Room, Text, command::Notify, event::Level};
use watchbell_tests::{
    desktop::{session::Desktop, window::Window},
    runner::only_project,
    server::{PASSWORD, Server},
};
use xtask::session::{Keyring, Parts};

const PROJECT: &str = "compiler";

const WITH_KEYRING: Parts = Parts { keyring: Keyring::Unlocked, ..Parts::BARE };

/// A server, and a window in which maya has signed in.
async fn signed_in(desktop: &Desktop) -> (Server, Window) {
    let server = Server::start(PROJECT, &["maya", "ines"]).await;
    let window = Window::open(desktop).await;
    window.sign_in(server.url().as_str(), "maya", PASSWORD).await;
    window.wait_for_text("Live").await;
    (server, window)
}

/// The other member, connected.
async fn ines(server: &Server) -> (Client, Room) {
    let client = server.client("ines", "ines.db").await;
    client.live().await.expect("is live");
    let room = only_project(&client).await;
    (client, room)
}

async fn notify(client: &Client, room: Room, level: Level, title: &str) {
    let notify = Notify { level, title: Text::clip(title), body: Text::clip("Look at <main>."), link: None };
    client.request(Some(room), notify).await.expect("is accepted");
}
