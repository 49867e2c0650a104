//! Joining, publishing once, resuming.

use std::time::Duration;

use watchbell_protocol::{
    CommandId, ErrorCode, Event, List, Room, Seq, ServerFrame, StateItem,
    command::{ActivityPost, LogsAppend, NotificationClear, NotificationReadAll, Notify, RoomJoin, RoomLeave},
    event::{ActivityKind, Level, Role, Selection},
    frame::ResyncReason,
};
use watchbell_server::{Timing, auth::Scope, ingest::AdminCommand};

use crate::{
    client::{Client, seqs},
    fixture::{SOON, Server, Who, project_of, quick, text},
};

fn post(title: &str) -> ActivityPost {
    ActivityPost { title: text(title), body: None }
}

fn title(event: &Event) -> Option<String> {
    match event {
        Event::ActivityNew(new) => match &new.activity.what {
            ActivityKind::Posted { title, .. } => Some(title.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// The next posted title that `client` sees.
async fn posted(client: &mut Client, room: Room) -> String {
    client.event(room, title).await
}

async fn two_in_a_project() -> (Server, Who, Who, Room) {
    let server = Server::start().await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let room = server.project("web", &[&ada, &bob]).await;
    (server, ada, bob, room)
}

#[tokio::test]
async fn what_one_posts_everybody_in_the_room_gets_once_and_in_order() {
    let (server, ada, bob, room) = two_in_a_project().await;
    let (mut a, mut b) = (server.connect(&ada.token).await, server.connect(&bob.token).await);
    a.join(room, None).await;
    let at = b.join(room, None).await.at;
    for n in 0..20 {
        let answer = a.ask(room, post(&n.to_string())).await.unwrap();
        assert_eq!((answer.room, answer.seq), (Some(room), Some(Seq(at.seq.0 + n + 1))));
    }
    for n in 0..20 {
        assert_eq!(posted(&mut a, room).await, n.to_string());
        assert_eq!(posted(&mut b, room).await, n.to_string());
    }
}

#[tokio::test]
async fn the_same_command_ten_times_is_applied_once_and_answered_the_same() {
    let (server, ada, _, room) = two_in_a_project().await;
    let (mut a, mut again) = (server.connect(&ada.token).await, server.connect(&ada.token).await);
    let at = a.join(room, None).await.at;
    let id = CommandId::fresh();
    for _ in 0..5 {
        a.send(Some(id), Some(room), post("once")).await;
        again.send(Some(id), Some(room), post("once")).await;
    }
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(a.answer(id).await.unwrap());
        answers.push(again.answer(id).await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.seq == Some(at.seq.next())), "{answers:?}");
    let other = a.ask_as(id, room, post("twice")).await.unwrap_err();
    assert_eq!((other.code, other.field.as_deref()), (ErrorCode::Conflict, Some("id")));
    assert_eq!(a.ask(room, post("next")).await.unwrap().seq, Some(at.seq.next().next()));
}

#[tokio::test]
async fn an_id_that_somebody_else_has_used_is_a_conflict() {
    let (server, ada, bob, room) = two_in_a_project().await;
    let (mut a, mut b) = (server.connect(&ada.token).await, server.connect(&bob.token).await);
    let id = CommandId::fresh();
    a.ask_as(id, room, post("mine")).await.unwrap();
    let refused = b.ask_as(id, room, post("mine")).await.unwrap_err();
    assert_eq!((refused.code, refused.field.as_deref()), (ErrorCode::Conflict, Some("id")));
}

#[tokio::test]
async fn a_created_thing_takes_the_id_of_its_command() {
    let (server, ada, _, room) = two_in_a_project().await;
    let mut a = server.connect(&ada.token).await;
    a.join(room, None).await;
    let id = CommandId::fresh();
    a.ask_as(id, room, post("mine")).await.unwrap();
    let created = a.event(room, |event| match event {
        Event::ActivityNew(new) => Some(new.activity.id),
        _ => None,
    });
    assert_eq!(created.await.0, id.0);
}

#[tokio::test]
async fn an_id_from_before_ids_are_remembered_is_expired_and_one_from_afar_or_without_a_time_refused() {
    let (server, ada, _, room) = two_in_a_project().await;
    let mut a = server.connect(&ada.token).await;
    let old = uuid::Timestamp::from_unix(uuid::NoContext, 1_600_000_000, 0);
    let refused = a.ask_as(CommandId(uuid::Uuid::new_v7(old)), room, post("old")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Expired);
    let far = uuid::Timestamp::from_unix(uuid::NoContext, 9_600_000_000, 0);
    let refused = a.ask_as(CommandId(uuid::Uuid::new_v7(far)), room, post("far")).await.unwrap_err();
    assert_eq!((refused.code, refused.field.as_deref()), (ErrorCode::BadRequest, Some("id")));
    let refused = a.ask_as(CommandId(uuid::Uuid::new_v4()), room, post("when")).await.unwrap_err();
    assert_eq!((refused.code, refused.field.as_deref()), (ErrorCode::BadRequest, Some("id")));
}

#[tokio::test]
async fn a_new_device_gets_the_state_and_the_journal_goes_on_behind_it() {
    let (server, ada, bob, room) = two_in_a_project().await;
    let mut a = server.connect(&ada.token).await;
    a.ask(room, post("before")).await.unwrap();
    let joined = a.join(room, None).await;
    assert_eq!(joined.resync, Some(ResyncReason::New));
    assert_eq!(joined.events, []);
    let members = joined.state.iter().filter_map(|item| match item {
        StateItem::Member(member) => Some(member.user),
        _ => None,
    });
    assert_eq!(members.collect::<Vec<_>>(), [ada.id, bob.id]);
    assert!(joined.state.iter().any(|item| matches!(item, StateItem::Project(project) if project.name == "web")));
    let entries = joined.state.iter().filter(|item| matches!(item, StateItem::Activity(_))).count();
    assert_eq!(entries, 4, "project added, two members, one post");
    assert_eq!(joined.answer.seq, Some(joined.at.seq));
}

#[tokio::test]
async fn a_position_gives_exactly_what_was_missed() {
    let (server, ada, bob, room) = two_in_a_project().await;
    let (mut a, mut b) = (server.connect(&ada.token).await, server.connect(&bob.token).await);
    let at = b.join(room, None).await.at;
    drop(b);
    for n in 0..600 {
        a.send(Some(CommandId::fresh()), Some(room), post(&n.to_string())).await;
    }
    a.ask(room, post("last")).await.unwrap();
    let mut b = server.connect(&bob.token).await;
    let joined = b.join(room, Some(at)).await;
    assert_eq!((joined.resync, joined.state.len()), (None, 0));
    assert_eq!(seqs(&joined.events), (at.seq.0 + 1..=at.seq.0 + 601).collect::<Vec<_>>());
    let titles: Vec<String> = joined.events.iter().filter_map(|event| title(&event.event)).collect();
    assert_eq!((titles[0].as_str(), titles[599].as_str(), titles[600].as_str()), ("0", "599", "last"));
    a.ask(room, post("live")).await.unwrap();
    assert_eq!(posted(&mut b, room).await, "live");
}

#[tokio::test]
async fn each_unusable_position_gets_its_reason() {
    let (server, ada, bob, room) = two_in_a_project().await;
    let mut a = server.connect(&ada.token).await;
    let first = a.join(room, None).await.at;
    for n in 0..3 {
        a.ask(room, post(&n.to_string())).await.unwrap();
    }
    let mut other_epoch = first;
    other_epoch.epoch.0 ^= 1;
    let mut other_tag = first;
    other_tag.tag.0 ^= 1;
    let mut beyond = first;
    beyond.seq.0 += 100;
    for (since, reason) in [
        (first, None),
        (other_epoch, Some(ResyncReason::OtherEpoch)),
        (other_tag, Some(ResyncReason::Diverged)),
        (beyond, Some(ResyncReason::Diverged)),
    ] {
        let joined = a.join(room, Some(since)).await;
        assert_eq!(joined.resync, reason, "{since:?}");
        assert_eq!(joined.at.seq, Seq(first.seq.0 + 3));
    }
    let project = project_of(room);
    server.admin(AdminCommand::RemoveMember { project, user: ada.id }).await;
    server.admin(AdminCommand::AddMember { project, user: ada.id, role: Role::Member }).await;
    assert_eq!(a.join(room, Some(first)).await.resync, Some(ResyncReason::Readmitted));

    server.sql("DELETE FROM journal WHERE seq < 8").await;
    let mut b = server.connect(&bob.token).await;
    assert_eq!(b.join(room, Some(first)).await.resync, Some(ResyncReason::TooOld));
}

#[tokio::test]
async fn what_is_older_than_it_is_kept_is_deleted_and_its_positions_are_too_old() {
    let server = Server::start_with(Timing { prune_every: Duration::from_millis(20), ..quick() }).await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut a = server.connect(&ada.token).await;
    let at = a.join(room, None).await.at;
    for title in ["old", "old too", "kept"] {
        a.ask(room, post(title)).await.unwrap();
    }
    assert_eq!(a.join(room, Some(at)).await.resync, None);
    server.sql("UPDATE journal SET at = 0 WHERE body LIKE '%old%' OR body NOT LIKE '%kept%'").await;
    let deadline = tokio::time::Instant::now() + SOON;
    while a.join(room, Some(at)).await.resync != Some(ResyncReason::TooOld) {
        assert!(tokio::time::Instant::now() < deadline, "never deleted");
    }
    let joined = a.join(room, None).await;
    assert_eq!(joined.at.seq, Seq(at.seq.0 + 3), "numbers go on");
}

#[tokio::test]
async fn a_position_survives_a_kill_and_nothing_is_lost_or_doubled() {
    let (mut server, ada, bob, room) = two_in_a_project().await;
    let mut at = server.connect(&bob.token).await.join(room, None).await.at;
    let mut seen = Vec::new();
    let mut sent = Vec::new();
    for round in 0..4 {
        let mut a = server.connect(&ada.token).await;
        let mut b = server.connect(&bob.token).await;
        let joined = b.join(room, Some(at)).await;
        assert_eq!(joined.resync, None, "round {round}");
        seen.extend(joined.events.iter().filter_map(|event| title(&event.event)));
        at = joined.at;
        // The last one is not waited for, and resent after the kill under the same id.
        let last = CommandId::fresh();
        for n in 0..10 {
            a.ask(room, post(&format!("{round}.{n}"))).await.unwrap();
            sent.push(format!("{round}.{n}"));
        }
        a.send(Some(last), Some(room), post(&format!("{round}.last"))).await;
        server.kill();
        server.restart().await;
        let mut a = server.connect(&ada.token).await;
        a.ask_as(last, room, post(&format!("{round}.last"))).await.unwrap();
        sent.push(format!("{round}.last"));
    }
    let joined = server.connect(&bob.token).await.join(room, Some(at)).await;
    seen.extend(joined.events.iter().filter_map(|event| title(&event.event)));
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn strangers_and_unknown_rooms_are_refused_alike_and_the_connection_lives() {
    let (server, ada, bob, room) = two_in_a_project().await;
    let eve = server.member("eve").await;
    let mut e = server.connect(&eve.token).await;
    let refused = e.try_join(room, None).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let unknown = Room::Project(watchbell_protocol::ProjectId::fresh());
    assert_eq!(e.try_join(unknown, None).await.unwrap_err(), refused);
    assert_eq!(e.try_join(bob.room(), None).await.unwrap_err().code, ErrorCode::Forbidden);
    assert_eq!(e.ask(room, post("hello")).await.unwrap_err().code, ErrorCode::Forbidden);
    let read = NotificationReadAll { through: Seq(1) };
    assert_eq!(e.ask(ada.room(), read).await.unwrap_err().code, ErrorCode::Forbidden);
    e.join(eve.room(), None).await;
}

#[tokio::test]
async fn who_is_removed_by_another_process_leaves_at_once_and_hears_nothing_more() {
    let (server, ada, bob, room) = two_in_a_project().await;
    let (mut a, mut b) = (server.connect(&ada.token).await, server.connect(&bob.token).await);
    a.join(room, None).await;
    b.join(room, None).await;
    b.join(bob.room(), None).await;
    let lines = || LogsAppend { source: text("build"), lines: List::default() };
    b.ask(room, post("before")).await.unwrap();
    assert_eq!(posted(&mut a, room).await, "before");
    // Every admission has been told by now, so that this one's answer is known at the removal.
    b.send(None, Some(room), lines()).await;
    b.ask(room, post("the lines were taken")).await.unwrap();
    assert!(b.kept().all(|frame| !matches!(frame, ServerFrame::Error(_))));
    assert_eq!(posted(&mut a, room).await, "the lines were taken");
    server.admin(AdminCommand::RemoveMember { project: project_of(room), user: bob.id }).await;
    b.find(|frame| matches!(frame, ServerFrame::Left { room: left } if *left == room).then_some(())).await;
    let told = b.event(bob.room(), |event| match event {
        Event::ProjectMemberRemoved(removed) => Some(removed.project),
        _ => None,
    });
    assert_eq!(told.await, project_of(room));
    a.ask(room, post("after")).await.unwrap();
    assert_eq!(posted(&mut a, room).await, "after");
    let refused = b.ask(room, post("still here")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let refused = b.ask(room, lines()).await.unwrap_err();
    assert_eq!(
        refused.code,
        ErrorCode::Forbidden,
        "though it was allowed a moment ago, and is not looked up each time"
    );
    assert!(b.kept().all(|frame| !format!("{frame:?}").contains("after")));
}

#[tokio::test]
async fn who_is_added_by_another_process_learns_of_it_in_their_own_room() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let mut a = server.connect(&ada.token).await;
    assert_eq!(a.connected.user_room, Some(ada.room()));
    a.join(ada.room(), None).await;
    let room = server.project("web", &[&ada]).await;
    let added = a.event(ada.room(), |event| match event {
        Event::ProjectMemberAdded(added) => Some(Room::Project(added.project.id)),
        _ => None,
    });
    assert_eq!(added.await, room);
    a.join(room, None).await;
    let joined = a.join(ada.room(), None).await;
    assert!(joined.state.iter().any(|item| matches!(item, StateItem::Project(project) if project.name == "web")));
}

#[tokio::test]
async fn a_room_that_was_left_is_silent() {
    let (server, ada, _, room) = two_in_a_project().await;
    let mut a = server.connect(&ada.token).await;
    a.join(room, None).await;
    a.ask(room, RoomLeave {}).await.unwrap();
    a.ask(room, post("unheard")).await.unwrap();
    a.join(ada.room(), None).await;
    assert!(a.kept().all(|frame| !format!("{frame:?}").contains("unheard")));
}

#[tokio::test]
async fn a_room_that_is_left_while_its_join_waits_is_silent() {
    let (server, ada, bob, room) = two_in_a_project().await;
    let (mut a, mut b) = (server.connect(&ada.token).await, server.connect(&bob.token).await);
    // The second join waits for the first one: rooms are brought up to date one after the other.
    let (first, second, leave) = (CommandId::fresh(), CommandId::fresh(), CommandId::fresh());
    b.send(Some(first), Some(bob.room()), RoomJoin::default()).await;
    b.send(Some(second), Some(room), RoomJoin::default()).await;
    b.send(Some(leave), Some(room), RoomLeave {}).await;
    b.answer(leave).await.unwrap();
    // Its answer comes also when the leave was late; then the room was left as usual.
    let _ = b.answer(second).await;
    a.ask(room, post("unheard")).await.unwrap();
    a.ask(room, Notify { level: Level::Info, title: text("heard"), body: text(""), link: None }).await.unwrap();
    let is_notice = |event: &Event| matches!(event, Event::NotificationNew(_)).then_some(());
    b.event(bob.room(), is_notice).await;
    let is_post = |frame: &ServerFrame| matches!(frame, ServerFrame::Event(event) if event.room == room);
    assert!(!b.kept().any(is_post));
}

#[tokio::test]
async fn notifications_reach_every_member_and_are_read_and_cleared_up_to_a_number() {
    let (server, ada, bob, room) = two_in_a_project().await;
    let (mut a, mut b) = (server.connect(&ada.token).await, server.connect(&bob.token).await);
    a.join(ada.room(), None).await;
    b.join(bob.room(), None).await;
    let notify = |title: &str| Notify { level: Level::Warning, title: text(title), body: text(""), link: None };
    for title in ["one", "two"] {
        a.ask(room, notify(title)).await.unwrap();
    }
    let mut newest = Seq::ZERO;
    for title in ["one", "two"] {
        for (client, own) in [(&mut a, ada.room()), (&mut b, bob.room())] {
            let notification = client.event(own, |event| match event {
                Event::NotificationNew(new) => Some(new.notification.clone()),
                _ => None,
            });
            let notification = notification.await;
            assert_eq!(notification.title, title);
            newest = notification.seq;
        }
    }
    let through = Seq(newest.0 - 1);
    let answer = b.ask(bob.room(), NotificationReadAll { through }).await.unwrap();
    assert_eq!(answer.seq, Some(newest.next()));
    let read = b.event(bob.room(), |event| match event {
        Event::NotificationRead(read) => Some(read.which.clone()),
        _ => None,
    });
    assert_eq!(read.await, Selection::Through(through));
    let nothing_new = b.ask(bob.room(), NotificationReadAll { through }).await.unwrap();
    assert_eq!(nothing_new.seq, None);
    b.ask(bob.room(), NotificationClear { through }).await.unwrap();
    let left: Vec<_> = b.join(bob.room(), None).await.state;
    let left = left.iter().filter_map(|item| match item {
        StateItem::Notification(notification) => Some((notification.title.to_string(), notification.read_at)),
        _ => None,
    });
    assert_eq!(left.collect::<Vec<_>>(), [("two".to_owned(), None)]);
}

#[tokio::test]
async fn an_api_token_does_what_its_scopes_say_in_its_own_project() {
    let (server, ada, _, room) = two_in_a_project().await;
    let elsewhere = server.project("other", &[&ada]).await;
    let token = server.api_token(&[Scope::Activity], room).await;
    let mut ci = server.connect(&token).await;
    let rooms: Vec<_> = ci.connected.projects.iter().map(|project| Room::Project(project.id)).collect();
    assert_eq!((ci.connected.user_room, rooms), (None, vec![room]));
    ci.ask(room, post("from ci")).await.unwrap();
    assert_eq!(ci.ask(elsewhere, post("no")).await.unwrap_err().code, ErrorCode::Forbidden);
    let notify = Notify { level: Level::Info, title: text("no"), body: text(""), link: None };
    assert!(ci.ask(room, notify).await.unwrap_err().message.contains("notify"));
    assert_eq!(ci.try_join(room, None).await.unwrap_err().code, ErrorCode::Forbidden);
}
