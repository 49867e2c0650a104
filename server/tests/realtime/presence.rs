//! Who is here, as others see it.

use std::time::Duration;

use watchbell_protocol::{
    CloseCode, DeviceId, Event, ProjectId, Room, StateItem, UserId,
    command::PresenceUpdate,
    event::{DeviceKind, Presence, Status, Viewing},
};
use watchbell_server::{
    Timing,
    auth::{FamilyId, Principal},
    clock::{Clock, Moment},
    domain::presence::Presences,
    ws::session::{Ear, Effect, Input, Now, Session},
};

use crate::{
    client::Client,
    fixture::{SOON, Server, now, project_of, quick, text},
};

/// The next presence of `user` with that status that `client` is told.
async fn told(client: &mut Client, room: Room, user: UserId, status: Status) -> Presence {
    let wanted = |event: &Event| match event {
        Event::PresenceChanged(changed) if changed.presence.user == user && changed.presence.status == status => {
            Some(changed.presence.clone())
        }
        _ => None,
    };
    client.event(room, wanted).await
}

fn on_board(joined: &crate::client::Joined, user: UserId) -> Option<Presence> {
    joined.board.iter().find_map(|event| match &event.event {
        Event::PresenceChanged(changed) if changed.presence.user == user => Some(changed.presence.clone()),
        _ => None,
    })
}

#[tokio::test]
async fn others_see_who_comes_changes_and_goes() {
    let server = Server::start().await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let room = server.project("web", &[&ada, &bob]).await;
    let mut a = server.connect(&ada.token).await;
    a.join(room, None).await;

    let mut b = server.connect(&bob.token).await;
    assert_eq!(told(&mut a, room, bob.id, Status::Online).await.devices.len(), 1);
    let viewing = Some(Viewing { project: project_of(room), place: text("Overview") });
    b.send(None, None, PresenceUpdate { status: Status::Away, viewing: viewing.clone() }).await;
    assert_eq!(told(&mut a, room, bob.id, Status::Away).await.viewing, viewing);

    drop(b);
    assert_eq!(told(&mut a, room, bob.id, Status::Offline).await.devices.len(), 0);
    let joined = a.join(room, None).await;
    assert!(on_board(&joined, bob.id).is_none());
    until_last_seen_is_noted(&mut a, room, bob.id).await;
}

/// It is written right after the others are told.
async fn until_last_seen_is_noted(client: &mut Client, room: Room, user: UserId) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let state = client.join(room, None).await.state;
        let is_noted =
            |item: &StateItem| matches!(item, StateItem::Member(it) if it.user == user && it.last_seen.is_some());
        if state.iter().any(is_noted) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "never noted");
    }
}

#[tokio::test]
async fn a_joiner_finds_who_is_here_on_the_board_also_after_a_restart() {
    let mut server = Server::start().await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let room = server.project("web", &[&ada, &bob]).await;
    for _ in 0..2 {
        let mut a = server.connect(&ada.token).await;
        a.join(room, None).await;
        let b = server.connect(&bob.token).await;
        told(&mut a, room, bob.id, Status::Online).await;
        let joined = server.connect(&ada.token).await.join(room, None).await;
        assert_eq!(on_board(&joined, bob.id).unwrap().status, Status::Online);
        drop(b);
        server.kill();
        server.restart().await;
        let joined = server.connect(&ada.token).await.join(room, None).await;
        assert!(on_board(&joined, bob.id).is_none(), "nobody is here before they connect");
    }
}

#[tokio::test]
async fn a_reconnect_within_the_grace_is_not_told() {
    let server = Server::start_with(Timing { presence_grace: Duration::from_mins(1), ..quick() }).await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let room = server.project("web", &[&ada, &bob]).await;
    let mut a = server.connect(&ada.token).await;
    a.join(room, None).await;
    let b = server.connect(&bob.token).await;
    told(&mut a, room, bob.id, Status::Online).await;
    drop(b);
    let mut b = server.connect(&bob.token).await;
    b.send(None, None, PresenceUpdate { status: Status::Away, viewing: None }).await;
    told(&mut a, room, bob.id, Status::Away).await;
    let offline = format!("{:?}", Status::Offline);
    assert!(a.kept().all(|frame| !format!("{frame:?}").contains(&offline)));
}

#[tokio::test]
async fn presence_does_not_reach_projects_that_are_not_shared() {
    let server = Server::start().await;
    let (ada, bob) = (server.member("ada").await, server.member("bob").await);
    let shared = server.project("shared", &[&ada, &bob]).await;
    let own = server.project("own", &[&ada]).await;
    let mut a = server.connect(&ada.token).await;
    a.join(shared, None).await;
    a.join(own, None).await;
    let _b = server.connect(&bob.token).await;
    told(&mut a, shared, bob.id, Status::Online).await;
    assert!(on_board(&a.join(own, None).await, bob.id).is_none());
    assert!(on_board(&a.join(shared, None).await, bob.id).is_some());
}

/// Adds up what nobody shortened; the time is passed in.
#[test]
fn who_closes_is_offline_after_5_s_who_vanishes_after_65_and_others_are_told_half_a_second_later_at_most() {
    let (timing, start) = (Timing::default(), Clock.moment());
    assert_eq!(offline(timing, start) - start, Duration::from_secs(5));
    assert_eq!(offline(timing, silent(timing, start)) - start, Duration::from_secs(65));
    assert!(timing.presence_every <= Duration::from_millis(500));
}

/// When somebody counts as offline whose only connection ends at `ended`.
fn offline(timing: Timing, ended: Moment) -> Moment {
    let (presences, user, device) = (Presences::new(timing.presence_grace), UserId::fresh(), DeviceId::fresh());
    let project = ProjectId::fresh();
    let generation = presences.connect(user, device, DeviceKind::Desktop, now()).unwrap();
    assert_eq!(presences.knows(user, &[project], generation), None);
    assert_eq!(presences.flush(now(), ended).changes[&project][0].status, Status::Online);
    presences.disconnect(user, device, ended);
    let at = presences.next_gone().unwrap();
    assert_eq!(presences.flush(now(), at).changes[&project][0].status, Status::Offline);
    at
}

/// When a connection is closed that is not heard of after `start`.
fn silent(timing: Timing, start: Moment) -> Moment {
    let at = |moment| Now { wall: now(), moment };
    let ada = Principal::User {
        id: UserId::fresh(),
        name: text("ada"),
        display_name: text("Ada"),
        device: DeviceId::fresh(),
        device_kind: DeviceKind::Desktop,
        family: FamilyId::fresh(),
        expires_at: now().plus(Duration::from_hours(1)),
    };
    let mut session = Session::new(ada.into(), timing, at(start));
    loop {
        let moment = session.deadline();
        if session.handle(Input::Tick(Ear::Open), at(moment)).contains(&Effect::Close(CloseCode::Silent)) {
            return moment;
        }
    }
}
