//! Behind a proxy that lets no WebSocket through.

use watchbell_protocol::event::Level;
use watchbell_tests::{
    desktop::{popups::FakePopups, session::Desktop, window::Window},
    proxy::{RefusingProxy, Upgrade},
    runner,
    server::{PASSWORD, Server, eventually},
};
use xtask::session::Parts;

use crate::{PROJECT, ines, notify};

#[tokio::test(flavor = "multi_thread")]
async fn a_window_behind_the_proxy_is_live_and_survives_kills_of_the_server() {
    let desktop = Desktop::start(Parts::BARE).await;
    let popups = FakePopups::start(&desktop).await;
    let mut server = Server::start(PROJECT, &["maya", "ines"]).await;
    let proxy = RefusingProxy::before(server.address()).await.expect("a free port");
    proxy.set(Upgrade::Refused(403));
    let window = Window::open(&desktop).await;
    window.sign_in(proxy.url().as_str(), "maya", PASSWORD).await;
    window.wait_for_text("by long-poll").await;
    desktop.look_away();
    window.wait_for_blur().await;

    let (ines, room) = ines(&server).await;
    let started = ines.request(Some(room), runner::start()).await.expect("starts").started.expect("says its number");
    window.wait_for_text("Cancel analysis").await;
    for batch in 0..2 {
        server.kill().await;
        window.wait_for_text("Offline since").await;
        server.restart().await;
        ines.request(Some(room), runner::issues(started.analysis, batch, 1)).await.expect("is accepted");
        window.wait_for_text("by long-poll").await;
    }
    ines.request(Some(room), runner::end(started.analysis)).await.expect("is accepted");
    window.wait_for_text("Analysis 1 finished").await;
    eventually("both issues are listed", async || window.count(".issue").await == 2).await;
    window.wait_for_unread(1).await;
    assert_eq!(popups.wait_for(1).await[0].summary, "Analysis 1 of compiler finished");

    notify(&ines, room, Level::Info, "Said to everybody").await;
    window.wait_for_unread(2).await;
    popups.wait_for(2).await;
    window.press("Notifications").await;
    window.press("Mark all read").await;
    window.wait_for_unread(0).await;
    window.picture("overview-long-poll").await;
}
