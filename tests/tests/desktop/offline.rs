//! Without a server, with one that dies, and after a reload of the page.

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use watchbell_client::view::NotificationFilter;
use watchbell_protocol::event::Level;
use watchbell_tests::{
    desktop::{popups::FakePopups, session::Desktop, window::Window},
    job::Job,
    runner,
    server::{Server, eventually},
};
use xtask::session::Parts;

use crate::{PROJECT, WITH_KEYRING, ines, notify, signed_in};

/// What says over the whole window that there is no connection.
const BANNER: &str = "[aria-label=Connection]";

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
    window.picture("overview-offline").await;
    window.press("Notifications").await;
    window.press("Mark all read").await;
    window.wait_for_text("Marked read, waiting to be sent").await;
    window.wait_for_text("1 action waiting").await;
    window.picture("notifications-offline").await;

    server.restart().await;
    window.wait_for_text("Live").await;
    eventually("the action arrived", async || !window.text().await.contains("waiting to be sent")).await;
    let maya = server.client("maya", "maya.db").await;
    maya.live().await.expect("is live");
    let page = maya.notifications(&NotificationFilter::default()).await.expect("the cache answers");
    assert!(page.rows.iter().all(|row| row.notification.read_at.is_some()), "read on the other device too");
    assert_eq!(events_named(&server, "notification:read").await, 1, "it was read once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_comes_back_from_every_kill_of_the_server_and_sees_the_analysis_end_once() {
    let desktop = Desktop::start(Parts::BARE).await;
    let popups = FakePopups::start(&desktop).await;
    let (mut server, window) = signed_in(&desktop).await;
    let job = Job::new(&server, PROJECT, "analysis:run").await;
    let analysis = job.analyze().await;
    window.wait_for_text("Cancel analysis").await;
    desktop.look_away();
    window.wait_for_blur().await;

    for _ in 0..3 {
        server.kill().await;
        window.find(BANNER).await;
        window.wait_for_text("Offline since").await;
        server.restart().await;
        window.wait_for_text("Live").await;
        assert_eq!(window.count(BANNER).await, 0);
    }
    // The last reports are made while nobody listens.
    server.freeze();
    job.tool.finish();
    eventually("the tool has ended", async || !job.tool.is_at_work()).await;
    server.kill().await;
    window.find(BANNER).await;
    server.restart().await;

    let output = analysis.wait_with_output().await.expect("ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    window.wait_for_text("Analysis 1 finished").await;
    window.wait_for_text("`os` imported but unused").await;
    assert_eq!(window.count(".issue").await, 1, "the issue is listed once");
    window.wait_for_unread(1).await;
    // Found while catching up, it is counted; heard a moment later, it is shown.
    let popup = popups.wait_for(1).await.remove(0).summary;
    assert!(["1 new notification", "Analysis 1 of compiler finished"].contains(&popup.as_str()), "{popup}");
    window.press("Notifications").await;
    window.find("article.notification").await;
    window.picture("notifications").await;
    assert_eq!(window.count("article.notification").await, 1, "one notification");
    assert_eq!(events_named(&server, "notification:new").await, 2, "one for each of the two members");
    assert_eq!(popups.shown().len(), 1, "one popup");
}

/// How many events of this name the server's journal holds.
async fn events_named(server: &Server, name: &str) -> i64 {
    let file = SqliteConnectOptions::new().filename(server.data().join("watchbell.db")).read_only(true);
    let mut journal = SqliteConnection::connect_with(&file).await.expect("the database can be read");
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM journal WHERE body LIKE '%\"event\":\"' || $1 || '\"%'");
    count.bind(name).fetch_one(&mut journal).await.expect("is a journal")
}
