//! `watchbell analyze` as a process of its own, with a real server and a member who watches.

#![cfg(unix)]

use serde_json::Value;
use tokio::process::Child;
use watchbell_client::{Client, view::IssueFilter};
use watchbell_protocol::{
    ProjectId,
    event::{Analysis, AnalysisState},
};
use watchbell_tests::{
    job::Job,
    server::{Server, eventually},
};

struct Scene {
    server: Server,
    job: Job,
    viewer: Client,
    project: ProjectId,
}

impl Scene {
    async fn open(scope: &str) -> Self {
        let server = Server::start("compiler", &["maya"]).await;
        let job = Job::new(&server, "compiler", scope).await;
        let viewer = server.client("maya", "maya.db").await;
        viewer.live().await.expect("is live");
        let project = viewer.projects().await.expect("the cache answers")[0].id;
        Self { server, job, viewer, project }
    }

    /// Starts an analysis and waits until the slow tool works and the member sees it.
    async fn analyze(&self) -> Child {
        let child = self.job.analyze().await;
        eventually("the member sees the analysis", async || self.latest().await.is_some()).await;
        child
    }

    async fn latest(&self) -> Option<Analysis> {
        let view = self.viewer.project(self.project).await.expect("the cache answers");
        view.and_then(|view| view.analysis)
    }

    async fn wait_for(&self, state: AnalysisState) -> Analysis {
        let is_so = async || self.latest().await.is_some_and(|analysis| analysis.state == state);
        eventually(&format!("the member sees {state:?}"), is_so).await;
        self.latest().await.expect("is there")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_outlives_ten_kills_of_the_server() {
    let mut scene = Scene::open("analysis:run").await;
    let analysis = scene.analyze().await;
    for kill in 0..10 {
        if kill == 9 {
            // The last reports are made while nobody listens.
            scene.server.freeze();
            scene.job.tool.finish();
            eventually("the tool has ended", async || !scene.job.tool.is_at_work()).await;
        }
        scene.server.kill().await;
        scene.server.restart().await;
    }
    let output = analysis.wait_with_output().await.expect("ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).expect("is JSON");
    assert_eq!((&result["state"], result["issues"].as_array().map(Vec::len)), (&"complete".into(), Some(1)));

    let seen = scene.wait_for(AnalysisState::Complete).await;
    let page = scene.viewer.issues(seen.id, &IssueFilter::default(), 0, 100).await.expect("the cache answers");
    let issues: Vec<_> = page.rows.iter().map(|issue| (issue.rule.as_str(), issue.path.as_str(), issue.line)).collect();
    assert_eq!(issues, [("F401", "deck.py", 1)]);
    eventually("one notification, not more", async || scene.viewer.unread().await.expect("answers") == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_cancels_and_the_whole_process_tree_is_gone() {
    let scene = Scene::open("analysis:run").await;
    let analysis = scene.analyze().await;
    let running = scene.latest().await.expect("is there");
    assert_eq!(scene.job.tool.processes().len(), 2, "the tool and its child");

    let start = std::time::Instant::now();
    scene.viewer.cancel_analysis(running.id).await.expect("is queued");
    eventually("the processes are gone", async || !scene.job.tool.is_at_work()).await;
    let took = start.elapsed();
    assert!(took.as_secs_f64() < 1.0, "gone after {took:?}");

    scene.wait_for(AnalysisState::Cancelled).await;
    let output = analysis.wait_with_output().await.expect("ends");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_without_its_runner_ends_in_an_error_that_says_so() {
    let scene = Scene::open("analysis:run").await;
    let mut analysis = scene.analyze().await;
    analysis.kill().await.expect("can be killed");
    // The lease lasts 30 s, so this takes that long.
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
    while scene.latest().await.is_none_or(|analysis| analysis.state != AnalysisState::Failed) {
        assert!(tokio::time::Instant::now() < deadline, "the lease never ran out");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let reason = scene.latest().await.and_then(|analysis| analysis.reason).expect("says why");
    assert!(reason.contains("lost"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_from_a_script_reaches_the_member() {
    let scene = Scene::open("notify").await;
    let notify = ["notify", "--title", "Release 1.4 is out", "--level", "success", "--link", "https://example.com/1.4"];
    let output = scene.job.watchbell(&notify).output().await.expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    eventually("the member is notified", async || scene.viewer.unread().await.expect("answers") == 1).await;
}
