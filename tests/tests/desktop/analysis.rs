//! A running analysis: its progress on the screen, and cancelling it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use watchbell_client::{Client, Heard};
use watchbell_protocol::{
    AnalysisId, Event, List, UnixMillis,
    command::{AnalysisRenew, AnalysisReport, End, ReportItem},
    event::{AnalysisProgress, Counts, TimeLeft},
};
use watchbell_tests::{desktop::session::Desktop, job::Job, runner, server::eventually};
use xtask::session::Parts;

use crate::{PROJECT, ines, signed_in};

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_painted_and_how_long_that_took_is_in_the_log() {
    let desktop = Desktop::start(Parts::BARE).await;
    let (server, window) = signed_in(&desktop).await;
    let (ines, room) = ines(&server).await;
    let started = ines.request(Some(room), runner::start()).await.expect("starts").started.expect("says its number");
    #[allow(clippy::disallowed_methods)] // the runner's clock, which this test plays
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
    let desktop = Desktop::start(Parts::BARE).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn cancel_in_the_window_ends_the_tools_of_a_real_analysis_within_a_second() {
    let desktop = Desktop::start(Parts::BARE).await;
    let (server, window) = signed_in(&desktop).await;
    let job = Job::new(&server, PROJECT, "analysis:run").await;
    let analysis = job.analyze().await;
    window.wait_for_text("Cancel analysis").await;
    assert_eq!(job.tool.processes().len(), 2, "the tool and its child");

    let start = Instant::now();
    window.press("Cancel analysis").await;
    eventually("the processes are gone", async || !job.tool.is_at_work()).await;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(1), "gone after {took:?}");

    window.wait_for_text("Analysis 1 was cancelled").await;
    let output = analysis.wait_with_output().await.expect("ends");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).expect("is JSON");
    assert_eq!(result["state"], "cancelled");
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
