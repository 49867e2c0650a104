//! What the screens are given.

use super::*;

#[tokio::test]
async fn an_analysis_grows_with_its_events_and_its_end_closes_the_progress() {
    let mut fixture = Fixture::new().await;
    let mut run = analysis(fixture.project, 1);
    fixture.happens(fixture.room(), AnalysisStarted { analysis: run.clone() }).await;
    let progress = AnalysisProgress {
        analysis: run.id,
        percent: 40.0,
        left: TimeLeft::Unknown,
        detectors: List::default(),
        counts: Counts::default(),
        measured_at: UnixMillis(1),
    };
    fixture.happens(fixture.room(), progress.clone()).await;
    let counts = Counts { high: 2, ..Counts::default() };
    let issues = List::try_from(vec![issue("a"), issue("b")]).unwrap();
    fixture.happens(fixture.room(), AnalysisIssues { analysis: run.id, issues: issues.clone(), counts }).await;
    fixture.happens(fixture.room(), AnalysisIssues { analysis: run.id, issues, counts }).await;
    let view = fixture.cache.project(fixture.project).await.unwrap().unwrap();
    assert_eq!(view.progress, Some(progress));
    assert_eq!(view.project.run.unwrap().percent, Some(40.0));
    assert_eq!(view.analysis.unwrap().counts, counts);
    let page = fixture.cache.issues(run.id, &IssueFilter::default(), 0, 10).await.unwrap();
    assert_eq!((page.rows.len(), page.total), (2, 2), "a fingerprint reported again replaces");

    fixture.asks(fixture.room(), AnalysisCancel { analysis: run.id }).await;
    assert_eq!(fixture.cache.analysis(run.id).await.unwrap().unwrap().state, AnalysisState::Cancelling);

    (run.state, run.counts) = (AnalysisState::Complete, counts);
    fixture.happens(fixture.room(), AnalysisComplete { analysis: run.clone() }).await;
    let view = fixture.cache.project(fixture.project).await.unwrap().unwrap();
    assert_eq!((view.progress, view.trend), (None, vec![]), "the latest is not earlier than itself");
    assert_eq!(view.analysis, Some(run));

    fixture.happens(fixture.room(), AnalysisStarted { analysis: analysis(fixture.project, 2) }).await;
    assert_eq!(fixture.cache.project(fixture.project).await.unwrap().unwrap().trend, [2]);
}

#[tokio::test]
async fn issues_come_worst_first_and_are_filtered() {
    let mut fixture = Fixture::new().await;
    let run = analysis(fixture.project, 1);
    fixture.happens(fixture.room(), AnalysisStarted { analysis: run.clone() }).await;
    let made = |fingerprint: &str, severity, path: &str, line| Issue {
        severity,
        path: Text::clip(path),
        line,
        ..issue(fingerprint)
    };
    let issues = vec![
        made("a", Severity::Low, "b.py", 1),
        made("b", Severity::Critical, "z.py", 9),
        made("c", Severity::Critical, "z.py", 10),
        Issue {
            detector: Text::clip("eslint"),
            message: Text::clip("No Console"),
            ..made("d", Severity::Low, "a.js", 5)
        },
    ];
    let counts = Counts::default();
    let issues = List::try_from(issues).unwrap();
    fixture.happens(fixture.room(), AnalysisIssues { analysis: run.id, issues, counts }).await;
    let found = async |filter: IssueFilter, offset, limit| {
        let page = fixture.cache.issues(run.id, &filter, offset, limit).await.unwrap();
        let names: String = page.rows.iter().map(|issue| issue.fingerprint.to_string()).collect();
        (names, page.total)
    };
    assert_eq!(found(IssueFilter::default(), 0, 10).await, ("bcda".to_owned(), 4));
    assert_eq!(found(IssueFilter::default(), 1, 2).await, ("cd".to_owned(), 4));
    let severities = vec![Severity::Low];
    assert_eq!(found(IssueFilter { severities, ..IssueFilter::default() }, 0, 10).await.0, "da");
    let detector = Some("ruff".to_owned());
    assert_eq!(found(IssueFilter { detector, ..IssueFilter::default() }, 0, 10).await.0, "bca");
    for text in ["CONSOLE", "a.JS"] {
        let text = Some(text.to_owned());
        assert_eq!(found(IssueFilter { text, ..IssueFilter::default() }, 0, 10).await, ("d".to_owned(), 1));
    }
    let text = Some("100%".to_owned());
    assert_eq!(found(IssueFilter { text, ..IssueFilter::default() }, 0, 10).await.1, 0);
}

#[tokio::test]
async fn people_are_online_first_and_an_offline_one_was_last_seen() {
    let mut fixture = Fixture::new().await;
    let (ada, zoe) = (UserId::fresh(), UserId::fresh());
    for (user, name) in [(ada, "ada"), (zoe, "zoe")] {
        let added = ProjectMemberAdded { project: project(fixture.project, "web"), member: member(user, name) };
        fixture.happens(fixture.room(), added).await;
    }
    let device = Device { id: DeviceId::fresh(), kind: DeviceKind::Cli, status: Status::Online };
    for (user, status, since, devices) in
        [(zoe, Status::Online, 20, vec![device]), (ada, Status::Offline, 30, Vec::new())]
    {
        let devices = List::try_from(devices).unwrap();
        let presence = Presence { user, status, since: UnixMillis(since), devices, viewing: None };
        fixture.happens(fixture.room(), PresenceChanged { presence }).await;
    }
    let people = fixture.cache.people(fixture.project).await.unwrap();
    let seen: Vec<_> = people.iter().map(|person| (person.name.as_str(), person.status, person.last_seen)).collect();
    assert_eq!(
        seen,
        [
            ("zoe", Status::Online, None),
            ("ada", Status::Offline, Some(UnixMillis(30))),
            ("mia", Status::Offline, Some(UnixMillis(5))),
        ]
    );
    assert_eq!(people[0].devices, [DeviceKind::Cli]);
    fixture.cache.board_value_gone(fixture.room(), "presence:changed", &zoe.to_string()).await.unwrap();
    assert_eq!(fixture.cache.people(fixture.project).await.unwrap()[0].name, "ada");
}

#[tokio::test]
async fn only_the_newest_analyses_and_the_issues_of_three_are_kept() {
    let mut fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for number in 1..=53 {
        let run = analysis(fixture.project, number);
        ids.push(run.id);
        fixture.happens(fixture.room(), AnalysisStarted { analysis: run.clone() }).await;
        let issues = List::try_from(vec![issue("a")]).unwrap();
        let counts = Counts::default();
        fixture.happens(fixture.room(), AnalysisIssues { analysis: run.id, issues, counts }).await;
    }
    let mut known = 0;
    let mut with_issues = 0;
    for &id in &ids {
        known += u32::from(fixture.cache.analysis(id).await.unwrap().is_some());
        with_issues += fixture.cache.issues(id, &IssueFilter::default(), 0, 10).await.unwrap().total;
    }
    assert_eq!((known, with_issues), (50, 3));
}
