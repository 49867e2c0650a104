//! Rooms: rebuilds, memberships, events of later versions, and what is decided about popups.

use super::*;

#[tokio::test]
async fn a_rebuild_sweeps_what_was_in_no_page_and_only_after_the_last() {
    let mut fixture = Fixture::new().await;
    let (kept, gone) = (fixture.notified().await, fixture.notified().await);
    let other = ProjectId::fresh();
    let head = Position { epoch: Epoch(2), seq: Seq(9), tag: Tag(3) };
    fixture.cache.begin_rebuild(fixture.own(), &Resync { reason: ResyncReason::Diverged, head }).await.unwrap();
    let items = vec![StateItem::Notification(kept.clone()), StateItem::Project(project(other, "api"))];
    let page = StatePage { items, last: false };
    fixture.cache.apply_page(fixture.own(), &page, &mut popups(&mut fixture.policy)).await.unwrap();
    assert_eq!(fixture.cache.notifications(&NotificationFilter::default()).await.unwrap().rows.len(), 2);
    assert_eq!(fixture.cache.position(fixture.own()).await.unwrap().unwrap().epoch, Epoch(1));

    let last = StatePage { items: Vec::new(), last: true };
    let applied = fixture.cache.apply_page(fixture.own(), &last, &mut popups(&mut fixture.policy)).await.unwrap();
    let rows = fixture.cache.notifications(&NotificationFilter::default()).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.notification.id).collect::<Vec<_>>(), [kept.id], "not {}", gone.id);
    assert_eq!(fixture.cache.position(fixture.own()).await.unwrap(), Some(head));
    assert_eq!(applied.left.into_iter().collect::<Vec<_>>(), [fixture.project]);
    assert_eq!(fixture.cache.project_ids().await.unwrap(), [other]);
    assert_eq!(fixture.cache.position(fixture.room()).await.unwrap(), None, "its room is wiped with it");
}

#[tokio::test]
async fn a_removed_member_keeps_nothing_of_the_project() {
    let mut fixture = Fixture::new().await;
    let started = analysis(fixture.project, 1);
    fixture.happens(fixture.room(), AnalysisStarted { analysis: started.clone() }).await;
    let removed = ProjectMemberRemoved { project: fixture.project, user: fixture.me };
    let applied = fixture.happens(fixture.own(), removed).await;
    assert!(applied.left.contains(&fixture.project));
    assert!(applied.touched.reset.contains(&fixture.project));
    assert_eq!(fixture.cache.project(fixture.project).await.unwrap(), None);
    assert_eq!(fixture.cache.analysis(started.id).await.unwrap(), None);
    let added = ProjectMemberAdded { project: project(fixture.project, "web"), member: member(fixture.me, "mia") };
    let applied = fixture.happens(fixture.own(), added).await;
    assert!(applied.entered.contains(&fixture.project));
    assert!(!fixture.cache.project(fixture.project).await.unwrap().unwrap().known, "it begins from the state");
}

#[tokio::test]
async fn an_unknown_event_moves_the_position() {
    let mut fixture = Fixture::new().await;
    let seq = fixture.next(fixture.room()).await;
    let event = RoomEvent {
        room: fixture.room(),
        seq: Some(seq),
        tag: Some(Tag(4)),
        at: UnixMillis(1),
        origin: Origin::Server,
        event: Event::Unknown,
    };
    let applied = fixture.cache.apply(&[event], Some(fixture.me), &mut popups(&mut fixture.policy)).await.unwrap();
    assert!(applied.gaps.is_empty());
    let expected = Position { epoch: Epoch(1), seq, tag: Tag(4) };
    assert_eq!(fixture.cache.position(fixture.room()).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn a_notification_is_decided_upon_once_and_what_was_missed_is_counted_once() {
    let mut fixture = Fixture::new().await;
    let new = notification(fixture.next(fixture.own()).await, None);
    let applied = fixture.happens(fixture.own(), NotificationNew { notification: new.clone() }).await;
    assert_eq!(applied.touched.arrived, [(new.clone(), Shown::Popup)]);
    let applied = fixture.rebuild(fixture.own(), Seq(9), vec![StateItem::Notification(new)]).await;
    assert!(applied.touched.arrived.is_empty(), "a rebuild shows nothing again");

    let (unread, read) = (notification(Seq(10), None), notification(Seq(11), None));
    for new in [&unread, &read] {
        let mut policy = Policy::default();
        let mut popups = Popups { news: News::Missed, ..popups(&mut policy) };
        let event = RoomEvent {
            room: fixture.own(),
            seq: Some(new.seq),
            tag: Some(Tag(1)),
            at: UnixMillis(1),
            origin: Origin::Server,
            event: NotificationNew { notification: new.clone() }.into(),
        };
        let applied = fixture.cache.apply(&[event], Some(fixture.me), &mut popups).await.unwrap();
        assert!(applied.touched.arrived.is_empty());
    }
    let which = Selection::Ids(List::try_from(vec![read.id]).unwrap());
    fixture.happens(fixture.own(), NotificationRead { which, at: UnixMillis(1) }).await;
    assert_eq!(fixture.cache.take_missed().await.unwrap(), 1, "read elsewhere counts for nothing");
    assert_eq!(fixture.cache.take_missed().await.unwrap(), 0);
}

#[tokio::test]
async fn a_new_device_shows_nothing_of_what_was_before_it() {
    let mut fixture = Fixture { cache: Cache::open(&CacheLocation::Memory).await.unwrap(), ..Fixture::new().await };
    fixture.rebuild(fixture.own(), Seq(9), vec![StateItem::Notification(notification(Seq(3), None))]).await;
    assert_eq!(fixture.cache.take_missed().await.unwrap(), 0);
    assert_eq!(fixture.cache.unread().await.unwrap(), 1);
}
