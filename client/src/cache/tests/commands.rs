//! This device's own commands: how they show before the server confirms them, and what the outbox refuses.

use super::*;

#[tokio::test]
async fn what_this_device_asked_for_shows_at_once_and_is_marked_as_waiting() {
    let mut fixture = Fixture::new().await;
    let (first, second, third) = (fixture.notified().await, fixture.notified().await, fixture.notified().await);
    let ids = List::try_from(vec![second.id]).unwrap();
    fixture.asks(fixture.own(), NotificationReadCmd { ids }).await;
    assert_eq!(fixture.cache.unread().await.unwrap(), 2);
    fixture.asks(fixture.own(), NotificationReadAll { through: first.seq }).await;
    let page = fixture.cache.notifications(&NotificationFilter::default()).await.unwrap();
    let seen: Vec<_> =
        page.rows.iter().map(|row| (row.notification.id, row.notification.read_at.is_some(), row.waiting)).collect();
    assert_eq!(seen, [(third.id, false, false), (second.id, true, true), (first.id, true, true)]);
    assert_eq!((page.unread, page.newest), (1, third.seq));
    let unread = NotificationFilter { unread: true, before: None };
    assert_eq!(fixture.cache.notifications(&unread).await.unwrap().rows.len(), 1);
    assert_eq!(fixture.cache.projects().await.unwrap()[0].unread, 1);

    fixture.asks(fixture.own(), NotificationClear { through: second.seq }).await;
    let page = fixture.cache.notifications(&NotificationFilter::default()).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.unread, 1);
}

#[tokio::test]
async fn an_answered_command_stays_in_sight_until_its_event_is_here() {
    let mut fixture = Fixture::new().await;
    let notification = fixture.notified().await;
    let through = notification.seq;
    let id = fixture.asks(fixture.own(), NotificationReadAll { through }).await;
    let seq = fixture.next(fixture.own()).await;
    let answer = Answer { room: Some(fixture.own()), seq: Some(seq), started: None };
    fixture.cache.settle(id, &answer).await.unwrap();
    assert_eq!(fixture.cache.unread().await.unwrap(), 0, "no flicker between answer and event");
    assert_eq!(fixture.cache.waiting().await.unwrap(), 0);
    let read = NotificationRead { which: Selection::Through(through), at: UnixMillis(77) };
    fixture.happens(fixture.own(), read).await;
    assert_eq!(fixture.cache.unread().await.unwrap(), 0);
    let page = fixture.cache.notifications(&NotificationFilter::default()).await.unwrap();
    assert_eq!(page.rows[0].notification.read_at, Some(UnixMillis(77)), "the server's word counts");
    assert!(!page.rows[0].waiting);
}

#[tokio::test]
async fn a_rebuild_settles_commands_whose_event_it_skipped() {
    let mut fixture = Fixture::new().await;
    let notification = fixture.notified().await;
    let id = fixture.asks(fixture.own(), NotificationReadAll { through: notification.seq }).await;
    let answer = Answer { room: Some(fixture.own()), seq: Some(Seq(40)), started: None };
    fixture.cache.settle(id, &answer).await.unwrap();
    let unread_again = StateItem::Notification(notification);
    fixture.rebuild(fixture.own(), Seq(50), vec![unread_again]).await;
    assert_eq!(fixture.cache.unread().await.unwrap(), 1, "the server's state wins");
}

#[tokio::test]
async fn a_command_larger_than_a_frame_or_not_durable_is_refused_before_it_is_queued() {
    let fixture = Fixture::new().await;
    let big = Issue { message: Text::clip("x".repeat(4000)), ..issue("a") };
    let issues = List::try_from(vec![big; 400]).unwrap();
    let items = List::try_from(vec![watchbell_protocol::command::ReportItem::Issues(issues)]).unwrap();
    let report = watchbell_protocol::command::AnalysisReport { analysis: AnalysisId::fresh(), items };
    let error = outbox::enqueue(&fixture.cache, CommandId::fresh(), None, &report.into()).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge { .. }), "{error}");
    let presence = watchbell_protocol::command::PresenceUpdate { status: Status::Online, viewing: None };
    let error = outbox::enqueue(&fixture.cache, CommandId::fresh(), None, &presence.into()).await.unwrap_err();
    assert!(matches!(error, SendError::NotDurable("presence:update")), "{error}");
    assert_eq!(fixture.cache.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_outbox_says_so() {
    let fixture = Fixture::new().await;
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO outbox (id, name, bytes, alone, frame) SELECT 'id' || i, 'notify', 10, 0, '{}' FROM n",
    )
    .execute(&mut *fixture.cache.writer().await.unwrap())
    .await
    .unwrap();
    let all = NotificationReadAll { through: Seq(1) };
    let error = outbox::enqueue(&fixture.cache, CommandId::fresh(), None, &all.into()).await.unwrap_err();
    assert!(matches!(error, SendError::Full { rows: 10_000, .. }), "{error}");
}
