//! Facts about rooms: what is joined when, and which streams are looked at.

use watchbell_protocol::{ErrorCode, UserId};

use super::*;

fn member() -> (Rooms, Room, ProjectId) {
    let (own, project) = (Room::User(UserId::fresh()), ProjectId::fresh());
    let mut rooms = Rooms::new(Follow::Everything);
    rooms.connected(Some(own), vec![Room::Project(project)]);
    (rooms, own, project)
}

fn join_all(rooms: &mut Rooms) -> Vec<CommandId> {
    let wanted = rooms.to_join(Duration::ZERO);
    let mut join = |room| {
        let id = CommandId::fresh();
        rooms.joining(room, id);
        id
    };
    wanted.into_iter().map(&mut join).collect()
}

#[test]
fn the_own_room_is_joined_first_and_all_must_be_up_to_date() {
    let (mut rooms, own, project) = member();
    assert_eq!(rooms.to_join(Duration::ZERO), [own, Room::Project(project)]);
    join_all(&mut rooms);
    assert_eq!(rooms.caught_up(own, true), Next::Fine);
    assert_eq!(rooms.progress(), (1, 2));
    assert_eq!(rooms.caught_up(Room::Project(project), true), Next::Fine);
    assert_eq!(rooms.progress(), (2, 2));
}

#[test]
fn a_gap_is_joined_again_when_live_and_ignored_while_joining() {
    let (mut rooms, own, _) = member();
    join_all(&mut rooms);
    assert_eq!(rooms.gap(own), Next::Fine);
    rooms.caught_up(own, true);
    assert_eq!(rooms.gap(own), Next::Rejoin);
    assert_eq!(rooms.to_join(Duration::ZERO), [own]);
}

#[test]
fn joining_again_and_again_is_hopeless_in_the_end() {
    let (mut rooms, own, _) = member();
    let next: Vec<Next> = (0..JOINS)
        .map(|_| {
            join_all(&mut rooms);
            rooms.caught_up(own, false)
        })
        .collect();
    assert_eq!(next.last(), Some(&Next::Hopeless));
    assert!(next[..next.len() - 1].iter().all(|&next| next == Next::Rejoin));
}

#[test]
fn a_refused_room_holds_nothing_up_and_is_joined_after_a_new_membership() {
    let (mut rooms, own, project) = member();
    let ids = join_all(&mut rooms);
    rooms.caught_up(own, true);
    assert!(rooms.answered(ids[1], Some(&WireError::new(ErrorCode::Forbidden, "no")), Duration::ZERO));
    assert_eq!(rooms.progress(), (2, 2));
    rooms.entered(project);
    assert_eq!(rooms.to_join(Duration::ZERO), [Room::Project(project)]);
}

#[test]
fn a_refusal_for_the_moment_is_tried_again() {
    let (mut rooms, _, project) = member();
    let ids = join_all(&mut rooms);
    let error = WireError::new(ErrorCode::RateLimited, "slow down").retry_after_ms(500);
    rooms.answered(ids[1], Some(&error), Duration::ZERO);
    assert!(rooms.to_join(Duration::from_millis(400)).is_empty());
    assert_eq!(rooms.deadline(), Some(Duration::from_millis(500)));
    assert_eq!(rooms.to_join(Duration::from_millis(500)), [Room::Project(project)]);
}

#[test]
fn following_less_leaves_and_following_more_joins() {
    let (mut rooms, own, project) = member();
    join_all(&mut rooms);
    assert_eq!(rooms.follow(Follow::Own), [Room::Project(project)]);
    assert_eq!(rooms.progress().1, 1);
    assert!(rooms.follow(Follow::Only(project)).is_empty());
    assert_eq!(rooms.to_join(Duration::ZERO), [Room::Project(project)]);
    assert!(rooms.follow(Follow::Everything).is_empty());
    rooms.left(own);
    assert_eq!(rooms.progress().1, 1);
}

fn streams(names: &[&str]) -> Streams {
    Streams::try_from(names.iter().map(|name| (*name).try_into().unwrap()).collect::<Vec<_>>()).unwrap()
}

/// A member of one project who looks at a log there, with all rooms up to date.
fn looker() -> (Rooms, Room) {
    let (mut rooms, own, project) = member();
    let room = Room::Project(project);
    rooms.look(room, streams(&["logs:build"]));
    join_all(&mut rooms);
    rooms.caught_up(own, true);
    rooms.caught_up(room, true);
    (rooms, room)
}

#[test]
fn the_first_join_of_every_connection_names_the_streams_and_nothing_more_is_said() {
    let (mut rooms, room) = looker();
    assert!(rooms.to_look(Duration::ZERO).is_empty());
    assert_eq!(rooms.deadline(), None);
    rooms.disconnected();
    rooms.connected(None, vec![room]);
    assert_eq!(rooms.streams_to_join(room), streams(&["logs:build"]));
}

#[test]
fn other_streams_are_told_once_and_the_room_stays_up_to_date() {
    let (mut rooms, room) = looker();
    for wanted in [streams(&["logs:build", "logs:web"]), streams(&[])] {
        rooms.look(room, wanted.clone());
        assert_eq!(rooms.deadline(), Some(Duration::ZERO));
        assert_eq!(rooms.to_look(Duration::ZERO), [(room, wanted.clone())]);
        let id = CommandId::fresh();
        rooms.looking(room, id, wanted);
        assert!(rooms.to_look(Duration::ZERO).is_empty(), "while it is under way");
        assert!(rooms.answered(id, None, Duration::ZERO));
        assert!(rooms.to_look(Duration::ZERO).is_empty(), "after that");
        assert!(rooms.is_live(room));
    }
}

#[test]
fn other_streams_that_are_refused_for_the_moment_are_told_again() {
    let (mut rooms, room) = looker();
    let (id, wanted) = (CommandId::fresh(), streams(&["logs:web"]));
    rooms.look(room, wanted.clone());
    rooms.looking(room, id, wanted.clone());
    let error = WireError::new(ErrorCode::RateLimited, "slow down").retry_after_ms(500);
    assert!(rooms.answered(id, Some(&error), Duration::ZERO));
    assert!(rooms.to_look(Duration::from_millis(400)).is_empty());
    assert_eq!(rooms.deadline(), Some(Duration::from_millis(500)));
    assert_eq!(rooms.to_look(Duration::from_millis(500)), [(room, wanted)]);
}

#[test]
fn a_room_is_read_again_with_the_streams_that_the_server_has_or_nothing_would_be_read() {
    let (mut rooms, room) = looker();
    let (id, wanted) = (CommandId::fresh(), streams(&["logs:web"]));
    rooms.look(room, wanted.clone());
    assert_eq!(rooms.gap(room), Next::Rejoin);
    assert_eq!(rooms.streams_to_join(room), streams(&["logs:build"]));
    assert!(rooms.to_look(Duration::ZERO).is_empty(), "the room comes first");
    join_all(&mut rooms);
    rooms.caught_up(room, true);

    rooms.looking(room, id, wanted.clone());
    assert_eq!(rooms.gap(room), Next::Rejoin);
    assert!(rooms.to_join(Duration::ZERO).is_empty(), "until it is known which streams the server has");
    assert_eq!(rooms.deadline(), None);
    rooms.answered(id, None, Duration::ZERO);
    assert_eq!(rooms.to_join(Duration::ZERO), [room]);
    assert_eq!(rooms.streams_to_join(room), wanted);
}
