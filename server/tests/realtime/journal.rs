//! The journal in the database: the ids of its rows, and how many there are.

use std::time::Duration;

use tokio::time::Instant;
use watchbell_protocol::{
    AnalysisId, CommandId, ErrorCode, Position, StateItem,
    command::{ActivityPost, AnalysisReport, Notify, ReportItem, RoomLeave},
    event::{Issue, Level, Role, Severity},
    frame::ResyncReason,
};
use watchbell_server::{
    Timing,
    ingest::AdminCommand,
    store::journal::{self, Row},
};

use crate::fixture::{SOON, Server, project_of, quick, start, text};

fn post(title: &str) -> ActivityPost {
    ActivityPost { title: text(title), body: None }
}

/// All rows.
async fn rows(server: &Server) -> Vec<Row> {
    let mut conn = server.store.look().await.unwrap();
    journal::after_id(&mut conn, 0, 10_000).await.unwrap()
}

#[tokio::test]
async fn ids_leave_none_out_whoever_writes_and_whatever_fails() {
    let server = Server::start().await;
    let (ada, eve) = (server.member("ada").await, server.member("eve").await);
    let room = server.project("web", &[&ada]).await;
    let (mut a, mut e) = (server.connect(&ada.token).await, server.connect(&eve.token).await);
    let id = CommandId::fresh();
    for _ in 0..2 {
        a.ask_as(id, room, post("once")).await.unwrap();
    }
    assert_eq!(e.ask(room, post("not hers")).await.unwrap_err().code, ErrorCode::Forbidden);
    let add = AdminCommand::AddMember { project: project_of(room), user: eve.id, role: Role::Member };
    server.admin(add).await;

    // The number of everybody's next notification is taken, so that to number it fails halfway.
    let taken = "INSERT INTO notifications (id, member, seq, kind, level, title, body, at)
                 SELECT room, substr(room, 6), seq + 1, 'notice', 'info', '', '', 0 FROM rooms WHERE room LIKE 'user:%'";
    server.sql(taken).await;
    let (mut sent, mut failing) = (Vec::new(), Vec::new());
    for n in 0..30 {
        let (good, bad) = (CommandId::fresh(), CommandId::fresh());
        a.send(Some(good), Some(room), post(&n.to_string())).await;
        let notify = Notify { level: Level::Info, title: text("fails"), body: text(""), link: None };
        a.send(Some(bad), Some(room), notify).await;
        sent.push(good);
        failing.push(bad);
    }
    for id in failing {
        assert_eq!(a.answer(id).await.unwrap_err().code, ErrorCode::Internal);
    }
    for id in sent {
        a.answer(id).await.unwrap();
    }

    let rows = rows(&server).await;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    assert_eq!(ids, (1..=rows.len() as i64).collect::<Vec<_>>());
    for room in [room, ada.room(), eve.room()] {
        let seqs: Vec<i64> = rows.iter().filter(|row| row.room == room).map(|row| row.seq.0).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "{room}");
    }
}

#[tokio::test]
async fn a_busy_room_keeps_its_newest_events_and_older_positions_are_too_old() {
    let timing = Timing { prune_every: Duration::from_millis(20), ..quick() };
    let server = Server::start_configured(timing, |config| config.limits.journal_events = 5).await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut a = server.connect(&ada.token).await;
    let at = a.join(room, None).await.at;
    for n in 0..8 {
        a.ask(room, post(&n.to_string())).await.unwrap();
    }
    let deadline = Instant::now() + SOON;
    while rows(&server).await.iter().filter(|row| row.room == room).count() > 5 {
        assert!(Instant::now() < deadline, "never deleted");
    }
    let joined = a.join(room, Some(at)).await;
    assert_eq!((joined.resync, joined.at.seq.0), (Some(ResyncReason::TooOld), at.seq.0 + 8));
    let kept = rows(&server).await.into_iter().find(|row| row.room == room).unwrap();
    let oldest = Position { epoch: at.epoch, seq: kept.seq, tag: kept.tag };
    let joined = a.join(room, Some(oldest)).await;
    assert_eq!((joined.resync, joined.events.len()), (None, 4));
}

/// A report of which the second half is refused, after its first half was written.
fn half_refused(analysis: AnalysisId) -> AnalysisReport {
    let issues = |fingerprint: &str, detector: &str| {
        let issue = Issue {
            fingerprint: text(fingerprint),
            detector: text(detector),
            rule: text("typo"),
            severity: Severity::High,
            message: text("a word is misspelled"),
            path: text("src/lib.rs"),
            line: 3,
            column: None,
            end_line: None,
            help: None,
        };
        ReportItem::Issues(vec![issue].try_into().unwrap())
    };
    AnalysisReport { analysis, items: vec![issues("one", "typos"), issues("two", "unheard of")].try_into().unwrap() }
}

#[tokio::test]
async fn what_does_not_go_through_leaves_nothing_and_harms_none_of_its_transaction() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut client = server.connect(&ada.token).await;
    let analysis = client.ask(room, start(&["typos"])).await.unwrap().started.unwrap().analysis;
    let before = client.ask(room, post("0")).await.unwrap().seq.unwrap();

    // The writer waits with the first; the others go into the next transaction together.
    let held = server.app.as_ref().unwrap().store.write().await.unwrap();
    let [first, good, refused, last, leave] = [(); 5].map(|()| CommandId::fresh());
    client.send(Some(first), Some(room), post("1")).await;
    client.send(Some(good), Some(room), post("2")).await;
    client.send(Some(refused), Some(room), half_refused(analysis)).await;
    client.send(Some(good), Some(room), post("2")).await;
    client.send(Some(last), Some(room), post("3")).await;
    client.send(Some(leave), Some(room), RoomLeave {}).await;
    client.answer(leave).await.unwrap();
    drop(held);

    let mut seqs = Vec::new();
    for id in [first, good, good, last] {
        seqs.push(client.answer(id).await.unwrap().seq.unwrap().0 - before.0);
    }
    assert_eq!(seqs, [1, 2, 2, 3], "each once, and none is left out");
    let error = client.answer(refused).await.unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), (ErrorCode::BadRequest, Some("data.items[1].value[0].detector")));
    let state = client.join(room, None).await.state;
    assert!(!state.iter().any(|item| matches!(item, StateItem::Issues { .. })), "{state:?}");
}

#[tokio::test]
async fn what_the_database_refuses_harms_none_of_its_transaction() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut client = server.connect(&ada.token).await;
    server
        .sql(
            "CREATE TRIGGER refused BEFORE INSERT ON activity WHEN NEW.what LIKE '%poison%'
             BEGIN SELECT RAISE (ABORT, 'poison'); END",
        )
        .await;
    let before = client.ask(room, post("0")).await.unwrap().seq.unwrap();
    let held = server.app.as_ref().unwrap().store.write().await.unwrap();
    let [good, refused, last, leave] = [(); 4].map(|()| CommandId::fresh());
    for (id, title) in [(good, "1"), (refused, "poison"), (last, "2")] {
        client.send(Some(id), Some(room), post(title)).await;
    }
    client.send(Some(leave), Some(room), RoomLeave {}).await;
    client.answer(leave).await.unwrap();
    drop(held);
    assert_eq!(client.answer(refused).await.unwrap_err().code, ErrorCode::Internal);
    for (id, after) in [(good, 1), (last, 2)] {
        assert_eq!(client.answer(id).await.unwrap().seq.unwrap().0 - before.0, after);
    }
    let ids: Vec<i64> = rows(&server).await.iter().map(|row| row.id).collect();
    assert!(ids.iter().zip(1..).all(|(id, dense)| *id == dense), "{ids:?}");
}
