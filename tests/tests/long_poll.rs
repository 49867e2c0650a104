//! Behind a proxy that lets no WebSocket through everything works over long-poll, and without one nobody uses it. And a
//! connection whose network is gone is found out at once.

use std::time::Duration;

use serde_json::Value;
use tokio::{task::JoinHandle, time::timeout};
use watchbell_client::{
    Client, Heard, Timing,
    view::{ConnectionState, Transport},
};
use watchbell_protocol::{
    Event, Room, Text,
    command::ActivityPost,
    event::{ActivityKind, AnalysisState},
};
use watchbell_tests::{
    chaos::net::Net,
    job::Job,
    proxy::{RefusingProxy, Upgrade},
    runner::only_project,
    server::{Server, eventually},
};

/// Nobody waits long for a WebSocket that does not come.
fn timing() -> Timing {
    Timing { connect: Duration::from_secs(1), ..Timing::fast() }
}

/// A server, the proxy before it, and a member who is connected without it.
async fn scene() -> (Server, RefusingProxy, Client, Room) {
    let server = Server::start("compiler", &["maya", "ines"]).await;
    let proxy = RefusingProxy::before(server.address()).await.expect("a free port");
    let ines = server.client("ines", "ines.db").await;
    ines.live().await.expect("is live");
    let room = only_project(&ines).await;
    (server, proxy, ines, room)
}

async fn maya(server: &Server, proxy: &RefusingProxy, timing: Timing) -> Client {
    let client = server.client_through(proxy.url(), timing, "maya", "maya.db").await;
    client.live().await.expect("is live");
    client
}

/// The titles of all posts that a client hears up to the one called "last".
fn hear(client: &Client) -> JoinHandle<Vec<String>> {
    let mut events = client.events();
    tokio::spawn(async move {
        let mut titles = Vec::new();
        while let Some(heard) = events.next().await {
            let Heard::Event(event) = heard else { panic!("an event was not handed on") };
            if let Event::ActivityNew(new) = &event.event
                && let ActivityKind::Posted { title, .. } = &new.activity.what
            {
                titles.push(title.to_string());
                if title.as_str() == "last" {
                    break;
                }
            }
        }
        titles
    })
}

async fn post(client: &Client, room: Room, title: &str) {
    client.send(Some(room), ActivityPost { title: Text::clip(title), body: None }).await.expect("is queued");
}

async fn heard(hearing: JoinHandle<Vec<String>>) -> Vec<String> {
    timeout(Duration::from_secs(30), hearing).await.expect("hears the last").expect("listens to the end")
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).chain(["last".to_owned()]).collect()
}

fn is_live(client: &Client) -> bool {
    matches!(client.connection().state, ConnectionState::Live { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_proxy_does_to_upgrades_everything_arrives_once_both_ways() {
    let (server, proxy, ines, room) = scene().await;
    for upgrade in
        [Upgrade::Refused(403), Upgrade::Refused(426), Upgrade::Stripped, Upgrade::CutOff, Upgrade::Swallowed]
    {
        proxy.set(upgrade);
        let maya = maya(&server, &proxy, timing()).await;
        assert_eq!(maya.connection().transport, Some(Transport::LongPoll), "{upgrade:?}");
        let hearing = [hear(&maya), hear(&ines)];
        for n in 0..40 {
            post(if n % 2 == 0 { &ines } else { &maya }, room, &n.to_string()).await;
        }
        for client in [&ines, &maya] {
            client.drained().await;
        }
        post(&maya, room, "last").await;
        for hearing in hearing {
            let mut titles = heard(hearing).await;
            assert_eq!(titles.pop().as_deref(), Some("last"));
            titles.sort_by_key(|title| title.parse::<usize>().expect("is a number"));
            assert_eq!(titles, numbered(40)[..40], "{upgrade:?}");
        }
        maya.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_and_returns_loses_and_doubles_nothing() {
    let (mut server, proxy, ines, room) = scene().await;
    let maya = maya(&server, &proxy, timing()).await;
    let hearing = [hear(&maya), hear(&ines)];
    for kill in 0..5 {
        server.freeze();
        post(&maya, room, &kill.to_string()).await;
        if kill % 2 == 0 {
            server.thaw();
        }
        server.kill().await;
        server.restart().await;
        eventually("maya is up to date", async || is_live(&maya)).await;
        maya.drained().await;
        assert_eq!(maya.connection().transport, Some(Transport::LongPoll), "there still is no other way");
    }
    post(&maya, room, "last").await;
    for hearing in hearing {
        assert_eq!(heard(hearing).await, numbered(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_for_long_is_no_reason_to_go_round() {
    let (mut server, proxy, _ines, _room) = scene().await;
    proxy.set(Upgrade::Passes);
    let maya = maya(&server, &proxy, timing()).await;
    // While it is away the proxy answers everything with 502, an upgrade too.
    server.kill().await;
    let mut attempts = 0;
    let mut connection = maya.watch_connection();
    while attempts < 10 {
        connection.changed().await.expect("runs");
        attempts += u32::from(matches!(connection.borrow().state, ConnectionState::Offline { .. }));
    }
    server.restart().await;
    eventually("maya is back", async || is_live(&maya)).await;
    assert_eq!(maya.connection().transport, Some(Transport::WebSocket));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_way_is_free_again_the_websocket_comes_back_by_itself_and_nothing_is_lost() {
    let (server, proxy, ines, room) = scene().await;
    let every = Duration::from_millis(300);
    let maya = maya(&server, &proxy, Timing { websocket_after: every, websocket_every: every, ..timing() }).await;
    let hearing = hear(&maya);
    let mut posted = 0;
    let mut outages = maya.watch_connection();
    while maya.connection().transport != Some(Transport::WebSocket) {
        assert!(posted < 2000, "it does not come back");
        for client in [&ines, &maya] {
            client
                .request(Some(room), ActivityPost { title: Text::clip(posted.to_string()), body: None })
                .await
                .expect("is taken");
            posted += 1;
        }
        if posted == 20 {
            proxy.set(Upgrade::Passes);
        }
        let state = outages.borrow_and_update().state.clone();
        assert!(!matches!(state, ConnectionState::Offline { .. } | ConnectionState::Connecting { .. }), "{state:?}");
    }
    post(&maya, room, "last").await;
    assert_eq!(heard(hearing).await, numbered(posted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_member_is_signed_out() {
    let (server, proxy, _ines, _room) = scene().await;
    let maya = maya(&server, &proxy, timing()).await;
    server.admin(&["user", "disable", "maya"], None).await;
    eventually("maya is signed out", async || matches!(maya.connection().state, ConnectionState::SignInNeeded { .. }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_analysis_is_watched_live_from_behind_the_proxy_to_behind_the_proxy() {
    let (server, proxy, _ines, _room) = scene().await;
    let maya = maya(&server, &proxy, timing()).await;
    let Room::Project(project) = only_project(&maya).await else { panic!("is a project") };
    let latest = async || maya.project(project).await.expect("the cache answers").and_then(|view| view.analysis);
    let job = Job::new(&server, "compiler", "analysis:run").await.through(proxy.url());
    let analysis = job.analyze().await;
    eventually("it is seen to run", async || latest().await.is_some()).await;
    job.tool.finish();
    let output = analysis.wait_with_output().await.expect("ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).expect("is JSON");
    assert_eq!((&result["state"], result["issues"].as_array().map(Vec::len)), (&"complete".into(), Some(1)));
    eventually("its end is seen", async || latest().await.is_some_and(|it| it.state == AnalysisState::Complete)).await;
    assert_eq!(maya.connection().transport, Some(Transport::LongPoll));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_another_network_left_for_dead_is_replaced_at_once() {
    for polls in [false, true] {
        let (server, proxy, ines, room) = scene().await;
        let net = Net::to(if polls { proxy.address() } else { server.address() }).await.expect("a free port");
        let timing = Timing { proof: Duration::from_millis(500), ..timing() };
        let maya = server.client_through(net.url(), timing, "maya", "maya.db").await;
        maya.live().await.expect("is live");
        let hearing = hear(&maya);
        // A change that does the connection no harm costs nothing.
        let since = maya.connection().state;
        maya.network_changed();
        post(&ines, room, "0").await;
        ines.drained().await;
        assert_eq!(maya.connection().state, since);

        net.freeze();
        post(&ines, room, "last").await;
        ines.drained().await;
        assert!(is_live(&maya), "nothing tells that it is dead");
        maya.network_changed();
        eventually("it is found out", async || !is_live(&maya)).await;
        net.heal();
        assert_eq!(heard(hearing).await, ["0", "last"]);
        eventually("maya is up to date", async || is_live(&maya)).await;
    }
}
