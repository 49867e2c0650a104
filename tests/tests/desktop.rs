//! The desktop app in its real window: signing in, popups, working offline, cancelling.
#![cfg(target_os = "linux")]

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use watchbell_client::{Client, Heard, view::NotificationFilter};
use watchbell_protocol::{
    AnalysisId, Event, List, Room, Text, UnixMillis,
    command::{AnalysisRenew, AnalysisReport, End, Notify, ReportItem},
    event::{AnalysisProgress, Counts, Level, TimeLeft},
};
use watchbell_tests::{
    desktop::{
        popups::{FakePopups, Popup},
        session::Desktop,
        tray::FakeTray,
        window::Window,
    },
    programs::program,
    runner::{self, only_project},
    server::{PASSWORD, Server, eventually},
};

const PROJECT: &str = "compiler";

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

async fn wait_for_cancelling(client: &Client) -> AnalysisId {
    let mut events = client.events();
    while let Some(heard) = events.next().await {
        if let Heard::Event(event) = heard
            && let Event::AnalysisCancelling(cancelling) = &event.event
        {
            return cancelling.analysis;
        }
    }
    panic!("the client ended");
}

/// How many events of this name the server's journal holds.
async fn events_named(server: &Server, name: &str) -> i64 {
    let file = SqliteConnectOptions::new().filename(server.data().join("watchbell.db")).read_only(true);
    let mut journal = SqliteConnection::connect_with(&file).await.expect("the database can be read");
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM journal WHERE body LIKE '%\"event\":\"' || $1 || '\"%'");
    count.bind(name).fetch_one(&mut journal).await.expect("is a journal")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_kept_in_the_keyring_over_a_restart() {
    let desktop = Desktop::start().await.with_keyring().await;
    let (_server, window) = signed_in(&desktop).await;
    window.wait_for_text(PROJECT).await;

    let stored = desktop.run("secret-tool", &["search", "--all", "service", "dev.watchbell.desktop"]).await;
    let stored = String::from_utf8_lossy(&stored.stdout).into_owned();
    let token = stored.lines().find_map(|line| line.strip_prefix("secret = ")).expect("a token in the keyring");
    let elsewhere = desktop.run("grep", &["-rlF", token, "config", "data", "cache"]).await;
    assert_eq!(String::from_utf8_lossy(&elsewhere.stdout), "", "the token is nowhere else");
    assert!(!window.log().contains(token), "nor in the log");
    window.quit().await;

    let window = Window::open(&desktop).await;
    window.wait_for_text("Live").await;
    assert!(!window.text().await.contains("Password"), "nobody was asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keyring_and_notification_service_the_app_works_and_says_so() {
    let desktop = Desktop::start().await;
    let server = Server::start(PROJECT, &["maya", "ines"]).await;
    let window = Window::open(&desktop).await;
    window.wait_for_text("No keyring was found on this computer.").await;
    window.sign_in(server.url().as_str(), "maya", PASSWORD).await;
    window.wait_for_text("Live").await;

    desktop.look_away().await;
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
async fn what_is_wrong_with_a_sign_in_is_said_at_its_field() {
    let desktop = Desktop::start().await;
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
async fn an_unfocused_window_gets_a_popup_and_a_click_on_it_opens_the_project() {
    let desktop = Desktop::start().await;
    let popups = FakePopups::start(&desktop).await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    desktop.look_away().await;
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
    let desktop = Desktop::start().await;
    let popups = FakePopups::start(&desktop).await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    desktop.look_away().await;
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
    let desktop = Desktop::start().await;
    let popups = FakePopups::start(&desktop).await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    window.focus(&desktop).await;

    notify(&ines, room, Level::Success, "Seen in the window").await;
    let toast = window.find(".toast").await;
    assert!(toast.text().await.expect("has text").contains("Seen in the window"));
    desktop.look_away().await;
    window.wait_for_blur().await;
    notify(&ines, room, Level::Success, "Seen as a popup").await;
    let shown = popups.wait_for(1).await;
    assert_eq!(shown.iter().map(|popup| popup.summary.as_str()).collect::<Vec<_>>(), ["Seen as a popup"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_notification_daemon_shows_the_popup() {
    let desktop = Desktop::start().await.with_dunst().await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    desktop.look_away().await;
    window.wait_for_blur().await;
    notify(&ines, room, Level::Error, "Disk full").await;
    eventually("dunst shows it", async || {
        let count = desktop.run("dunstctl", &["count", "displayed"]).await;
        String::from_utf8_lossy(&count.stdout).trim() == "1"
    })
    .await;
    eventually("how long it took is in the log", async || window.log().contains("notification_to_popup_ms")).await;
    if let Some(folder) = std::env::var_os("WATCHBELL_PICTURES") {
        desktop.picture(&std::path::Path::new(&folder).join("popup.png")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_from_the_terminal_opens_the_window_signed_in() {
    let desktop = Desktop::start().await.with_keyring().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn the_test_popup_says_who_took_it() {
    let desktop = Desktop::start().await;
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
    let desktop = Desktop::start().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_reloaded_page_shows_everything_again() {
    let desktop = Desktop::start().await;
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
    let desktop = Desktop::start().await.with_keyring().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_painted_and_how_long_that_took_is_in_the_log() {
    let desktop = Desktop::start().await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    let started = ines.request(Some(room), runner::start()).await.expect("starts").started.expect("says its number");
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("is past 1970");
    let progress = AnalysisProgress {
        analysis: started.analysis,
        percent: 42.0,
        left: TimeLeft::Unknown,
        detectors: List::default(),
        counts: Counts::default(),
        measured_at: UnixMillis(i64::try_from(since.as_millis()).expect("fits")),
    };
    ines.momentary(Some(room), AnalysisRenew { progress });
    window.wait_for_text("42").await;
    eventually("the time is in the log", async || window.log().contains("progress_to_screen_ms")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cancel_button_cancels_the_analysis() {
    let desktop = Desktop::start().await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    let asked = tokio::spawn({
        let ines = ines.clone();
        async move { wait_for_cancelling(&ines).await }
    });
    let started = ines.request(Some(room), runner::start()).await.expect("starts").started.expect("says its number");
    window.press("Cancel analysis").await;
    assert_eq!(asked.await.expect("hears it"), started.analysis);
    window.wait_for_text("Cancelling").await;

    let items = List::try_from(vec![ReportItem::End(End::Cancelled)]).expect("fits");
    ines.request(Some(room), AnalysisReport { analysis: started.analysis, items }).await.expect("is accepted");
    window.wait_for_text("Analysis 1 was cancelled").await;
}
