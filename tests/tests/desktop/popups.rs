//! What a notification becomes: a popup, a toast, a number in the tray.

use watchbell_protocol::event::Level;
use watchbell_tests::{
    desktop::{
        popups::{FakePopups, Popup},
        session::Desktop,
        tray::FakeTray,
    },
    server::eventually,
};
use xtask::session::{Parts, Popups};

use crate::{ines, notify, signed_in};

#[tokio::test(flavor = "multi_thread")]
async fn an_unfocused_window_gets_a_popup_and_a_click_on_it_opens_the_project() {
    let desktop = Desktop::start(Parts::BARE).await;
    let popups = FakePopups::start(&desktop).await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    desktop.look_away();
    window.wait_for_blur().await;

    notify(&ines, room, Level::Error, "Disk full").await;
    let shown = popups.wait_for(1).await;
    let actions = ["default", "Open", "mark_read", "Mark read"].map(str::to_owned).to_vec();
    let expected = Popup {
        id: 1,
        replaces: 0,
        app: "Watchbell".into(),
        summary: "Disk full".into(),
        body: "Look at <main>.".into(),
        actions,
        urgency: 2,
    };
    assert_eq!(shown, [expected]);

    popups.click(1, "default", async || window.has_focus().await).await;
    window.wait_for_unread(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mark_read_on_a_popup_marks_it_everywhere() {
    let desktop = Desktop::start(Parts::BARE).await;
    let popups = FakePopups::start(&desktop).await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    desktop.look_away();
    window.wait_for_blur().await;

    notify(&ines, room, Level::Info, "Lunch is ready").await;
    popups.wait_for(1).await;
    window.wait_for_unread(1).await;
    popups.click(1, "mark_read", async || window.has_unread(0).await).await;
    let maya = server.client("maya", "maya.db").await;
    maya.live().await.expect("is live");
    assert_eq!(maya.unread().await.expect("the cache answers"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_focused_window_gets_a_toast_and_no_popup() {
    let desktop = Desktop::start(Parts::BARE).await;
    let popups = FakePopups::start(&desktop).await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    window.focus(&desktop).await;

    notify(&ines, room, Level::Success, "Seen in the window").await;
    let toast = window.find(".toast").await;
    assert!(toast.text().await.expect("has text").contains("Seen in the window"));
    desktop.look_away();
    window.wait_for_blur().await;
    notify(&ines, room, Level::Success, "Seen as a popup").await;
    let shown = popups.wait_for(1).await;
    assert_eq!(shown.iter().map(|popup| popup.summary.as_str()).collect::<Vec<_>>(), ["Seen as a popup"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_notification_daemon_shows_the_popup() {
    let desktop = Desktop::start(Parts { popups: Popups::Drawn, ..Parts::BARE }).await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    desktop.look_away();
    window.wait_for_blur().await;
    notify(&ines, room, Level::Error, "Disk full").await;
    eventually("dunst shows it", async || {
        let count = desktop.run("dunstctl", &["count", "displayed"]).await;
        String::from_utf8_lossy(&count.stdout).trim() == "1"
    })
    .await;
    eventually("how long it took is in the log", async || window.log().contains("notification_to_popup_ms")).await;
    desktop.picture("popup");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_popup_says_who_took_it() {
    let desktop = Desktop::start(Parts::BARE).await;
    let popups = FakePopups::start(&desktop).await;
    let (_server, window) = signed_in(&desktop).await;
    window.press("Popups").await;
    window.press("Test popup").await;
    window.wait_for_text("Lookout 1.0 took the popup.").await;
    assert_eq!(popups.shown()[0].summary, "Popups work");
    window.wait_for_text("Popups on").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_tray_closing_hides_the_window_and_the_menu_counts_opens_and_quits() {
    let desktop = Desktop::start(Parts::BARE).await;
    let tray = FakeTray::start(&desktop).await;
    let (server, window) = signed_in(&desktop).await;
    assert_eq!(tray.menu().await, ["Nothing unread", "Open Watchbell", "Quit"]);

    window.close(&desktop).await;
    eventually("the window is hidden", async || !window.is_visible(&desktop).await).await;
    let (ines, room) = ines(&server).await;
    notify(&ines, room, Level::Info, "Somebody at the gate").await;
    eventually("the tray counts", async || tray.menu().await[0] == "1 unread notification").await;

    tray.click("Open Watchbell").await;
    eventually("the window is back", async || window.is_visible(&desktop).await).await;
    tray.click("Quit").await;
    eventually("the app has ended", async || !window.is_visible(&desktop).await).await;
}
