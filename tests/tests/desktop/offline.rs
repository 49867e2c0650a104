//! Without a server, with one that dies, and after a reload of the page.

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use watchbell_client::view::NotificationFilter;
use watchbell_protocol::event::Level;
use watchbell_tests::{
    desktop::{session::Desktop, window::Window},
    runner,
    server::{Server, eventually},
};
use xtask::session::Parts;

use crate::{WITH_KEYRING, ines, notify, signed_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_reloaded_page_shows_everything_again() {
    let desktop = Desktop::start(Parts::BARE).await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    notify(&ines, room, Level::Info, "Before the reload").await;
    window.wait_for_unread(1).await;
    window.page.refresh().await.expect("reloads");
    window.wait_for_text("Live").await;
    window.wait_for_unread(1).await;
    notify(&ines, room, Level::Info, "After the reload").await;
    window.wait_for_unread(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_saved_is_shown_and_what_is_done_arrives_once() {
    let desktop = Desktop::start(WITH_KEYRING).await;
    let (mut server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    let started = ines.request(Some(room), runner::start()).await.expect("starts").started.expect("says its number");
    ines.request(Some(room), runner::issues(started.analysis, 0, 25)).await.expect("is accepted");
    ines.request(Some(room), runner::end(started.analysis)).await.expect("is accepted");
    window.wait_for_text("Analysis 1 finished").await;
    window.wait_for_unread(1).await;
    window.quit().await;
    server.kill().await;

    let window = Window::open(&desktop).await;
    window.wait_for_text("showing what was saved").await;
    window.wait_for_text("Analysis 1 finished").await;
    window.wait_for_text("something on the horizon").await;
    window.press("Notifications").await;
    window.press("Mark all read").await;
    window.wait_for_text("Marked read, waiting to be sent").await;
    window.wait_for_text("1 action waiting").await;

    server.restart().await;
    window.wait_for_text("Live").await;
    eventually("the action arrived", async || !window.text().await.contains("waiting to be sent")).await;
    let maya = server.client("maya", "maya.db").await;
    maya.live().await.expect("is live");
    let page = maya.notifications(&NotificationFilter::default()).await.expect("the cache answers");
    assert!(page.rows.iter().all(|row| row.notification.read_at.is_some()), "read on the other device too");
    assert_eq!(events_named(&server, "notification:read").await, 1, "it was read once");
}

/// How many events of this name the server's journal holds.
async fn events_named(server: &Server, name: &str) -> i64 {
    let file = SqliteConnectOptions::new().filename(server.data().join("watchbell.db")).read_only(true);
    let mut journal = SqliteConnection::connect_with(&file).await.expect("the database can be read");
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM journal WHERE body LIKE '%\"event\":\"' || $1 || '\"%'");
    count.bind(name).fetch_one(&mut journal).await.expect("is a journal")
}
