//! An analysis from its start to its end, as a runner and a watcher see it.

use std::time::Duration;

use watchbell_protocol::{
    AnalysisId, ErrorCode, Event, List, Room, Seq, ServerFrame, StateItem, UnixMillis,
    command::{AnalysisCancel, AnalysisRenew, AnalysisReport, End, ReportItem},
    event::{
        Analysis, AnalysisProgress, AnalysisState, Counts, DetectorRun, DetectorState, Issue, Level, Link,
        Notification, NotificationKind, Severity, TimeLeft,
    },
    limits,
};
use watchbell_server::{Timing, auth::Scope};

use crate::{
    client::Client,
    fixture::{Server, Who, quick, start, text},
};

fn issue(fingerprint: &str, severity: Severity) -> Issue {
    Issue {
        fingerprint: text(fingerprint),
        detector: text("typos"),
        rule: text("typo"),
        severity,
        message: text("a word is misspelled"),
        path: text("src/lib.rs"),
        line: 3,
        column: Some(1),
        end_line: None,
        help: None,
    }
}

fn issues(fingerprints: &[(&str, Severity)]) -> ReportItem {
    let issues: Vec<Issue> = fingerprints.iter().map(|(name, severity)| issue(name, *severity)).collect();
    ReportItem::Issues(issues.try_into().unwrap())
}

fn done(name: &str) -> ReportItem {
    ReportItem::Detector(DetectorRun {
        name: text(name),
        version: None,
        state: DetectorState::Complete,
        reason: None,
        counts: Counts { critical: 99, ..Counts::default() },
        ms: 700,
        usual_ms: None,
    })
}

fn report(analysis: AnalysisId, items: Vec<ReportItem>) -> AnalysisReport {
    AnalysisReport { analysis, items: items.try_into().unwrap() }
}

fn renew(analysis: AnalysisId, percent: f32) -> AnalysisRenew {
    let progress = AnalysisProgress {
        analysis,
        percent,
        left: TimeLeft::Unknown,
        detectors: List::default(),
        counts: Counts::default(),
        measured_at: UnixMillis(0),
    };
    AnalysisRenew { progress }
}

async fn started(client: &mut Client, room: Room, detectors: &[&str]) -> AnalysisId {
    client.ask(room, start(detectors)).await.unwrap().started.unwrap().analysis
}

async fn ended(client: &mut Client, room: Room) -> Analysis {
    let wanted = |event: &Event| match event {
        Event::AnalysisComplete(end) => Some(end.analysis.clone()),
        Event::AnalysisCancelled(end) => Some(end.analysis.clone()),
        Event::AnalysisError(end) => Some(end.analysis.clone()),
        _ => None,
    };
    client.event(room, wanted).await
}

async fn notified(client: &mut Client, who: &Who) -> Notification {
    let wanted = |event: &Event| match event {
        Event::NotificationNew(new) => Some(new.notification.clone()),
        _ => None,
    };
    client.event(who.room(), wanted).await
}

struct Stage {
    server: Server,
    ada: Who,
    room: Room,
    /// Ada on another device, watching the project and her own room.
    watcher: Client,
    runner: Client,
}

async fn stage(timing: Timing) -> Stage {
    let server = Server::start_with(timing).await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let desk = server.sign_in(ada.id).await;
    let mut watcher = server.connect(&desk.token).await;
    watcher.join(room, None).await;
    watcher.join(ada.room(), None).await;
    let runner = server.connect(&ada.token).await;
    Stage { server, ada, room, watcher, runner }
}

#[tokio::test]
async fn a_run_is_seen_live_and_its_end_tells_how_much_was_found() {
    let Stage { server, ada, room, mut watcher, mut runner } = stage(quick()).await;
    let answer = runner.ask(room, start(&["typos", "secrets"])).await.unwrap();
    let id = answer.started.unwrap().analysis;
    let begun = watcher.event(room, |event| match event {
        Event::AnalysisStarted(started) => Some(started.analysis.clone()),
        _ => None,
    });
    let begun = begun.await;
    assert_eq!((begun.id, begun.number, begun.state), (id, 1, AnalysisState::Running));
    assert!(begun.detectors.iter().all(|run| run.state == DetectorState::Waiting));

    runner.send(None, Some(room), renew(id, 40.0)).await;
    runner.send(None, Some(room), renew(id, 30.0)).await;
    let percent = |event: &Event| match event {
        Event::AnalysisProgress(progress) => Some(progress.percent),
        _ => None,
    };
    assert!((watcher.event(room, percent).await - 40.0).abs() < f32::EPSILON, "never back");

    let found = [("a", Severity::Critical), ("b", Severity::High), ("c", Severity::High), ("d", Severity::Low)];
    runner.ask(room, report(id, vec![issues(&found)])).await.unwrap();
    let batch = watcher.event(room, |event| match event {
        Event::AnalysisIssues(issues) => Some((issues.issues.len(), issues.counts)),
        _ => None,
    });
    assert_eq!(batch.await, (4, Counts { critical: 1, high: 2, low: 1, ..Counts::default() }));

    let end = vec![issues(&[("a", Severity::High)]), done("typos"), done("secrets"), ReportItem::End(End::Complete)];
    runner.ask(room, report(id, end)).await.unwrap();
    let end = ended(&mut watcher, room).await;
    let counts = Counts { high: 3, low: 1, ..Counts::default() };
    assert_eq!((end.state, end.counts, end.detectors[0].counts), (AnalysisState::Complete, counts, counts));
    assert_eq!(end.detectors[1].counts, Counts::default(), "the server counts");

    let notification = notified(&mut watcher, &ada).await;
    assert_eq!(notification.title, "Analysis 1 of web finished");
    assert_eq!(notification.body, "3 high, 1 other");
    assert_eq!((notification.kind, notification.level), (NotificationKind::AnalysisComplete, Level::Warning));
    assert_eq!(notification.link, Some(Link::Analysis { analysis: id }));
    assert!(notification.seq > Seq::ZERO);

    let joined = server.connect(&ada.token).await.join(room, None).await;
    assert!(joined.board.iter().all(|event| percent(&event.event).is_none()), "no progress after the end");
    let kept = joined.state.iter().find_map(|item| match item {
        StateItem::Issues { issues, .. } => Some(issues.len()),
        _ => None,
    });
    assert_eq!(kept, Some(4));
}

#[tokio::test]
async fn a_watcher_that_joins_late_finds_the_progress_on_the_board() {
    let Stage { server: _server, room, mut watcher, mut runner, .. } = stage(quick()).await;
    let id = started(&mut runner, room, &["typos"]).await;
    runner.send(None, Some(room), renew(id, 12.5)).await;
    watcher.event(room, |event| matches!(event, Event::AnalysisProgress(_)).then_some(())).await;
    let board = watcher.join(room, None).await.board;
    assert!(board.iter().any(|event| matches!(&event.event, Event::AnalysisProgress(it) if it.analysis == id)));
}

#[tokio::test]
async fn a_report_is_all_or_nothing_and_only_the_holders() {
    let Stage { server, ada, room, mut watcher, mut runner } = stage(quick()).await;
    let id = started(&mut runner, room, &["typos"]).await;
    let bad = report(id, vec![issues(&[("a", Severity::Low)]), done("unknown")]);
    let refused = runner.ask(room, bad).await.unwrap_err();
    assert_eq!(refused.field.as_deref(), Some("data.items[1].value.name"));
    let early = runner.ask(room, report(id, vec![ReportItem::End(End::Complete)])).await.unwrap_err();
    assert_eq!(early.field.as_deref(), Some("data.items[0].value"));

    let not_holder = watcher.ask(room, report(id, vec![issues(&[("a", Severity::Low)])])).await.unwrap_err();
    assert_eq!(not_holder.code, ErrorCode::LeaseLost);
    watcher.send(None, Some(room), renew(id, 99.0)).await;
    let error = watcher.find(|frame| match frame {
        ServerFrame::Error(error) => Some(error.code),
        _ => None,
    });
    assert_eq!(error.await, ErrorCode::LeaseLost);

    let state = server.connect(&ada.token).await.join(room, None).await.state;
    assert!(!state.iter().any(|item| matches!(item, StateItem::Issues { .. })), "nothing was kept");
}

#[tokio::test]
async fn asking_to_cancel_reaches_the_runner_and_an_ended_run_cannot_be_cancelled() {
    let Stage { server: _server, ada, room, mut watcher, mut runner, .. } = stage(quick()).await;
    runner.join(room, None).await;
    let id = started(&mut runner, room, &["typos"]).await;
    watcher.ask(room, AnalysisCancel { analysis: id }).await.unwrap();
    assert_eq!(watcher.ask(room, AnalysisCancel { analysis: id }).await.unwrap().seq, None, "asked already");
    runner.event(room, |event| matches!(event, Event::AnalysisCancelling(it) if it.analysis == id).then_some(())).await;
    runner.ask(room, report(id, vec![ReportItem::End(End::Cancelled)])).await.unwrap();
    let end = ended(&mut watcher, room).await;
    assert_eq!((end.state, end.reason.as_deref()), (AnalysisState::Cancelled, Some("ADA")));
    assert_eq!(end.detectors[0].state, DetectorState::Cancelled);
    assert_eq!(notified(&mut watcher, &ada).await.kind, NotificationKind::AnalysisEnded);
    let refused = watcher.ask(room, AnalysisCancel { analysis: id }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
    let late = runner.ask(room, report(id, vec![done("typos")])).await.unwrap_err();
    assert_eq!(late.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn a_runner_that_is_not_heard_of_loses_its_analysis() {
    let Stage { server: _server, ada, room, mut watcher, mut runner, .. } =
        stage(Timing { lease: Duration::from_millis(300), ..quick() }).await;
    let id = started(&mut runner, room, &["typos"]).await;
    drop(runner);
    let end = ended(&mut watcher, room).await;
    assert_eq!((end.id, end.state, end.reason.as_deref()), (id, AnalysisState::Failed, Some("runner lost")));
    let notification = notified(&mut watcher, &ada).await;
    assert_eq!((notification.title.as_str(), notification.level), ("Analysis 1 of web failed", Level::Error));
}

#[tokio::test]
async fn a_lost_runner_that_comes_back_is_told_so() {
    let Stage { server: _server, room, mut watcher, mut runner, .. } =
        stage(Timing { lease: Duration::from_millis(100), ..quick() }).await;
    let id = started(&mut runner, room, &["typos"]).await;
    watcher.ask(room, AnalysisCancel { analysis: id }).await.unwrap();
    assert_eq!(ended(&mut watcher, room).await.state, AnalysisState::Cancelled, "cancelling was asked for");
    let late = runner.ask(room, report(id, vec![done("typos")])).await.unwrap_err();
    assert_eq!(late.code, ErrorCode::LeaseLost);
}

#[tokio::test]
async fn a_run_goes_on_over_a_kill_of_the_server() {
    let Stage { mut server, ada, room, mut runner, .. } = stage(quick()).await;
    let id = started(&mut runner, room, &["typos"]).await;
    server.kill();
    server.restart().await;
    let mut runner = server.connect(&ada.token).await;
    runner.join(room, None).await;
    runner.send(None, Some(room), renew(id, 50.0)).await;
    runner.event(room, |event| matches!(event, Event::AnalysisProgress(_)).then_some(())).await;
    let end = vec![issues(&[("a", Severity::Info)]), done("typos"), ReportItem::End(End::Complete)];
    runner.ask(room, report(id, end)).await.unwrap();
    assert_eq!(ended(&mut runner, room).await.state, AnalysisState::Complete);
}

#[tokio::test]
async fn a_producer_runs_analyses_and_the_next_ones_know_what_is_usual() {
    let Stage { server, room, .. } = stage(quick()).await;
    let mut ci = server.connect(&server.api_token(&[Scope::AnalysisRun], room).await).await;
    ci.join(room, None).await;
    for number in 1..=4u32 {
        let answer = ci.ask(room, start(&["typos"])).await.unwrap().started.unwrap();
        assert_eq!(answer.number, number);
        let usual: Vec<u64> = answer.usual.iter().flat_map(|usual| usual.ms.clone()).collect();
        assert_eq!(usual, vec![700; number as usize - 1]);
        ci.ask(room, report(answer.analysis, vec![done("typos"), ReportItem::End(End::Complete)])).await.unwrap();
    }
    let twice = ci.ask(room, start(&["typos", "typos"])).await.unwrap_err();
    assert_eq!(twice.field.as_deref(), Some("data.detectors[1].name"));
}

#[tokio::test]
async fn beyond_the_limit_the_worst_issues_are_kept() {
    let Stage { server, room, mut watcher, mut runner, .. } = stage(quick()).await;
    let id = started(&mut runner, room, &["typos"]).await;
    server
        .sql(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000)
             INSERT INTO issues (analysis, detector, fingerprint, severity, rule, message, path, line)
             SELECT a.id, 'typos', 'bulk-' || i, 4, 'typo', 'misspelled', 'a.rs', i FROM n, analyses a",
        )
        .await;
    let found = [("worst", Severity::Critical), ("low", Severity::Low), ("zzz", Severity::Info)];
    runner.ask(room, report(id, vec![issues(&found)])).await.unwrap();
    let told = watcher.event(room, |event| match event {
        Event::AnalysisIssues(batch) => Some((batch.issues.len(), batch.counts)),
        _ => None,
    });
    let counts = Counts { critical: 1, low: 1, info: 24_998, ..Counts::default() };
    assert_eq!(told.await, (2, counts), "the one that had to go at once is not told");
}

#[tokio::test]
async fn who_joins_gets_issues_with_long_texts_in_frames_that_fit() {
    let Stage { server, ada, room, mut runner, .. } = stage(quick()).await;
    let analysis = started(&mut runner, room, &["typos"]).await;
    for batch in 0..6 {
        let long = |number: usize| Issue {
            message: text(&"\u{1}".repeat(limits::BODY_BYTES)),
            path: text(&"p".repeat(limits::PATH_BYTES)),
            ..issue(&format!("{batch} {number}"), Severity::Low)
        };
        let items = vec![ReportItem::Issues((0..30).map(long).collect::<Vec<_>>().try_into().unwrap())];
        runner.ask(room, report(analysis, items)).await.unwrap();
    }
    let joined = server.connect(&ada.token).await.join(room, None).await;
    let lengths: Vec<usize> = joined.state.iter().map(|item| serde_json::to_vec(item).unwrap().len()).collect();
    assert!(lengths.iter().all(|&length| length < limits::FRAME_BYTES), "{lengths:?}");
    let count = |item: &StateItem| if let StateItem::Issues { issues, .. } = item { issues.len() } else { 0 };
    assert_eq!(joined.state.iter().map(count).sum::<usize>(), 180);
}
