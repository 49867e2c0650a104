//! The server dies and comes back; nothing that was acknowledged is lost, nothing happens twice.

use std::collections::BTreeSet;

use tokio::task::JoinHandle;
use watchbell_client::{Client, Heard, view::IssueFilter};
use watchbell_protocol::{AnalysisId, Event, Room, Seq, event::AnalysisState};
use watchbell_tests::{
    runner::{self, only_project},
    server::{Server, eventually},
};

/// Every durable event of a room that a client has heard, in order, until the analysis is complete.
fn hear(client: &Client, room: Room) -> JoinHandle<Vec<(Seq, Event)>> {
    let mut events = client.events();
    tokio::spawn(async move {
        let mut heard = Vec::new();
        while let Some(next) = events.next().await {
            let Heard::Event(event) = next else { panic!("an event was not handed on") };
            if let (true, Some(seq)) = (event.room == room, event.seq) {
                heard.push((seq, event.event.clone()));
                if matches!(event.event, Event::AnalysisComplete(_)) {
                    break;
                }
            }
        }
        heard
    })
}

async fn live(server: &Server, member: &str) -> Client {
    let client = server.client(member, &format!("{member}.db")).await;
    client.live().await.expect("is live");
    client
}

async fn fingerprints(client: &Client, analysis: AnalysisId) -> BTreeSet<String> {
    let page = client.issues(analysis, &IssueFilter::default(), 0, 10_000).await.expect("the cache answers");
    page.rows.iter().map(|issue| issue.fingerprint.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_kills_during_one_analysis_lose_nothing_and_double_nothing() {
    const KILLS: usize = 10;
    const ISSUES: usize = 25;

    let mut server = Server::start("compiler", &["maya", "ines"]).await;
    let (viewer, runner) = (live(&server, "maya").await, live(&server, "ines").await);
    let room = only_project(&runner).await;
    let heard = hear(&viewer, room);
    let started = runner.request(Some(room), runner::start()).await.expect("starts").started.expect("says its number");

    for kill in 0..KILLS {
        // Frozen, the server can take nothing and answer nothing: what is sent now is surely not acknowledged.
        server.freeze();
        runner.send(Some(room), runner::issues(started.analysis, kill, ISSUES)).await.expect("is queued");
        assert!(runner.connection().waiting > 0 || kill == 0, "a command waits for its answer");
        if kill % 2 == 1 {
            // Let it begin with the command, so that it dies before, within or after the commit.
            server.thaw();
        }
        server.kill().await;
        server.restart().await;
    }
    runner.send(Some(room), runner::end(started.analysis)).await.expect("is queued");
    runner.drained().await;
    let heard = heard.await.expect("hears the end");

    let (first, last) = (heard[0].0, heard[heard.len() - 1].0);
    let seqs: Vec<_> = heard.iter().map(|(seq, _)| seq.0).collect();
    assert_eq!(seqs, (first.0..=last.0).collect::<Vec<_>>(), "every event once, in order");
    let reports = heard.iter().filter(|(_, event)| matches!(event, Event::AnalysisIssues(_))).count();
    assert_eq!(reports, KILLS, "each report was applied once");

    let expected: BTreeSet<_> =
        (0..KILLS).flat_map(|batch| (0..ISSUES).map(move |n| runner::fingerprint(batch, n))).collect();
    for client in [&viewer, &runner] {
        eventually("the analysis is complete everywhere", async || {
            let analysis = client.analysis(started.analysis).await.expect("the cache answers");
            analysis.is_some_and(|analysis| analysis.state == AnalysisState::Complete)
        })
        .await;
        assert_eq!(fingerprints(client, started.analysis).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_away_gets_exactly_what_it_missed() {
    let mut server = Server::start("compiler", &["maya", "ines"]).await;
    let (viewer, runner) = (live(&server, "maya").await, live(&server, "ines").await);
    let room = only_project(&runner).await;
    let started = runner.request(Some(room), runner::start()).await.expect("starts").started.expect("says its number");
    eventually("the viewer knows the analysis", async || viewer.analysis(started.analysis).await.unwrap().is_some())
        .await;

    viewer.disconnect();
    eventually("the viewer is away", async || !is_live(&viewer)).await;
    for batch in 0..5 {
        runner.request(Some(room), runner::issues(started.analysis, batch, 100)).await.expect("is taken");
    }
    assert_eq!(server.stop().await, Some(0), "stops when asked to");
    server.restart().await;
    let heard = hear(&viewer, room);
    viewer.connect();
    runner.request(Some(room), runner::end(started.analysis)).await.expect("is taken");

    let heard = heard.await.expect("hears the end");
    let reports = heard.iter().filter(|(_, event)| matches!(event, Event::AnalysisIssues(_))).count();
    assert_eq!(reports, 5, "replayed from the journal, each once");
    assert_eq!(fingerprints(&viewer, started.analysis).await.len(), 500);
}

fn is_live(client: &Client) -> bool {
    matches!(client.connection().state, watchbell_client::view::ConnectionState::Live { .. })
}
