//! Pure: which rooms to be in, and where each stands on this connection.

use std::{collections::BTreeMap, time::Duration};

use watchbell_protocol::{CommandId, ProjectId, Room, WireError};

use crate::options::Follow;

/// Joins of one room on one connection without getting up to date; more means that something is wrong with the room,
/// and a new connection after a pause is the better answer.
const JOINS: u32 = 5;
/// After a refusal for the moment.
const JOIN_PAUSE: Duration = Duration::from_secs(1);

/// Where a room stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stand {
    /// To be joined, not before this.
    Wanted { not_before: Duration },
    /// Joined; what was missed is arriving.
    Joining,
    /// Up to date.
    Live,
    /// The server does not let us in.
    Refused,
}

#[derive(Debug)]
struct Place {
    stand: Stand,
    joins: u32,
    /// The last join. Its answer may come before or after the room is up to date.
    join: Option<CommandId>,
}

/// What a room's head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// All is well.
    Fine,
    /// Join again.
    Rejoin,
    /// Joining again does not help.
    Hopeless,
}

/// All rooms.
#[derive(Debug)]
pub(crate) struct Rooms {
    follow: Follow,
    own: Option<Room>,
    /// What the server lets us follow: the member's projects, or an API token's rooms.
    offered: Vec<Room>,
    places: BTreeMap<Room, Place>,
    connected: bool,
}

impl Rooms {
    pub(crate) fn new(follow: Follow) -> Self {
        Self { follow, own: None, offered: Vec::new(), places: BTreeMap::new(), connected: false }
    }

    /// A new connection: everything is to be joined.
    pub(crate) fn connected(&mut self, own: Option<Room>, offered: Vec<Room>) {
        self.own = own;
        self.offered = offered;
        self.connected = true;
        self.places.clear();
        self.arrange();
    }

    pub(crate) fn disconnected(&mut self) {
        self.connected = false;
        self.places.clear();
    }

    /// The member's own room, when connected.
    pub(crate) fn own(&self) -> Option<Room> {
        self.own
    }

    /// Which rooms to be in from now on; those to leave are returned.
    pub(crate) fn follow(&mut self, follow: Follow) -> Vec<Room> {
        self.follow = follow;
        self.arrange()
    }

    /// The member belongs to this project now.
    pub(crate) fn entered(&mut self, project: ProjectId) {
        let room = Room::Project(project);
        if !self.offered.contains(&room) {
            self.offered.push(room);
        }
        // A membership given again after it was taken.
        if self.places.get(&room).is_some_and(|place| place.stand == Stand::Refused) {
            self.places.remove(&room);
        }
        self.arrange();
    }

    /// The member no longer belongs to this room.
    pub(crate) fn left(&mut self, room: Room) {
        self.offered.retain(|&offered| offered != room);
        self.places.remove(&room);
    }

    /// The rooms to join now. Each must be given an id by [`Self::joining`].
    pub(crate) fn to_join(&self, now: Duration) -> Vec<Room> {
        let due = |place: &Place| matches!(place.stand, Stand::Wanted { not_before } if not_before <= now);
        let mut rooms: Vec<Room> = self.places.iter().filter(|(_, place)| due(place)).map(|(&room, _)| room).collect();
        // The own room first: it says which projects there are.
        rooms.sort_by_key(|room| Some(*room) != self.own);
        rooms
    }

    pub(crate) fn joining(&mut self, room: Room, id: CommandId) {
        if let Some(place) = self.places.get_mut(&room) {
            place.stand = Stand::Joining;
            place.join = Some(id);
            place.joins += 1;
        }
    }

    /// An answer; says whether it was to one of our joins.
    pub(crate) fn answered(&mut self, id: CommandId, refusal: Option<&WireError>, now: Duration) -> bool {
        let found = self.places.iter_mut().find(|(_, place)| place.join == Some(id));
        let Some((room, place)) = found else { return false };
        if let Some(error) = refusal {
            tracing::warn!(%room, code = ?error.code, error = error.message, "the server does not let us join");
            place.stand = if error.code.is_transient() {
                let pause = error.retry_after_ms.map_or(JOIN_PAUSE, |ms| Duration::from_millis(ms.into()));
                Stand::Wanted { not_before: now + pause }
            } else {
                Stand::Refused
            };
        }
        true
    }

    /// An event did not follow on what is known. While joining, frames of the earlier membership still pass by.
    pub(crate) fn gap(&mut self, room: Room) -> Next {
        match self.places.get_mut(&room) {
            Some(place) if place.stand == Stand::Live => again(place),
            _ => Next::Fine,
        }
    }

    /// The server says that we are up to date; `agrees` says whether the cache stands where the server thinks.
    pub(crate) fn caught_up(&mut self, room: Room, agrees: bool) -> Next {
        match self.places.get_mut(&room) {
            Some(place) if place.stand == Stand::Joining && agrees => {
                place.stand = Stand::Live;
                place.joins = 0;
                Next::Fine
            }
            Some(place) if place.stand == Stand::Joining => again(place),
            _ => Next::Fine,
        }
    }

    /// The server says where a room's journal stands.
    pub(crate) fn head(&mut self, room: Room, agrees: bool) -> Next {
        if agrees { Next::Fine } else { self.gap(room) }
    }

    pub(crate) fn is_live(&self, room: Room) -> bool {
        self.places.get(&room).is_some_and(|place| place.stand == Stand::Live)
    }

    /// So many of so many are up to date. A room that refuses us counts: nothing more comes from it.
    pub(crate) fn progress(&self) -> (u32, u32) {
        let done = self.places.values().filter(|place| matches!(place.stand, Stand::Live | Stand::Refused)).count();
        (done as u32, self.places.len() as u32)
    }

    /// When [`Self::to_join`] has something next.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.places
            .values()
            .filter_map(|place| match place.stand {
                Stand::Wanted { not_before } => Some(not_before),
                _ => None,
            })
            .min()
    }

    /// Brings the places in line with what is followed; returns the rooms that are to be left.
    fn arrange(&mut self) -> Vec<Room> {
        if !self.connected {
            return Vec::new();
        }
        let wanted: Vec<Room> = match self.follow {
            Follow::Everything => self.own.iter().chain(&self.offered).copied().collect(),
            Follow::Only(project) => self.own.iter().copied().chain([Room::Project(project)]).collect(),
            Follow::Own => self.own.iter().copied().collect(),
        };
        let leaving: Vec<Room> = self.places.keys().filter(|room| !wanted.contains(room)).copied().collect();
        self.places.retain(|room, _| wanted.contains(room));
        for room in wanted {
            self.places.entry(room).or_insert(Place {
                stand: Stand::Wanted { not_before: Duration::ZERO },
                joins: 0,
                join: None,
            });
        }
        leaving
    }
}

fn again(place: &mut Place) -> Next {
    place.stand = Stand::Wanted { not_before: Duration::ZERO };
    if place.joins >= JOINS { Next::Hopeless } else { Next::Rejoin }
}

#[cfg(test)]
mod tests {
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
}
