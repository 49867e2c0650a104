//! Pure: which rooms to be in, and where each stands on this connection.

use std::{collections::BTreeMap, time::Duration};

use watchbell_protocol::{CommandId, ProjectId, Room, WireError};

use crate::options::{Follow, Streams};

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
    /// The streams that this connection looks at, as far as the server knows.
    looking: Streams,
    look: Look,
}

/// Telling the server that other streams are looked at.
#[derive(Debug)]
enum Look {
    /// Nothing is under way; not before this.
    Idle { not_before: Duration },
    /// It was told, and has not answered.
    Told { id: CommandId, streams: Streams },
}

impl Place {
    fn fresh() -> Self {
        let not_before = Duration::ZERO;
        let (stand, look) = (Stand::Wanted { not_before }, Look::Idle { not_before });
        Self { stand, joins: 0, join: None, looking: Streams::default(), look }
    }

    /// From when on it is to be joined. While it is not known which streams the server has, that has to wait: a join with
    /// others than it has changes those, and reads nothing.
    fn joins_from(&self) -> Option<Duration> {
        match (&self.stand, &self.look) {
            (Stand::Wanted { not_before }, Look::Idle { .. }) => Some(*not_before),
            _ => None,
        }
    }

    /// Says whether this is the answer to the join.
    fn join_answered(&mut self, room: Room, id: CommandId, refusal: Option<&WireError>, now: Duration) -> bool {
        if self.join != Some(id) {
            return false;
        }
        if let Some(error) = refusal {
            tracing::warn!(%room, code = ?error.code, error = error.message, "the server does not let us join");
            self.stand = if error.code.is_transient() {
                Stand::Wanted { not_before: now + pause(error) }
            } else {
                Stand::Refused
            };
        }
        true
    }

    /// Says whether this is the answer to a wish to look at other streams.
    fn look_answered(&mut self, room: Room, id: CommandId, refusal: Option<&WireError>, now: Duration) -> bool {
        let Look::Told { id: told, streams } = &mut self.look else { return false };
        if *told != id {
            return false;
        }
        let streams = std::mem::take(streams);
        let mut not_before = Duration::ZERO;
        match refusal {
            Some(error) if error.code.is_transient() => not_before = now + pause(error),
            // What was refused for good would be so again: it counts as told.
            Some(error) => {
                tracing::warn!(%room, code = ?error.code, error = error.message, "the server does not let us look");
                self.looking = streams;
            }
            None => self.looking = streams,
        }
        self.look = Look::Idle { not_before };
        true
    }

    /// From when on the server is to be told that these streams are looked at. A room that is not up to date comes first.
    fn looks_from(&self, wanted: &Streams) -> Option<Duration> {
        match (&self.stand, &self.look) {
            (Stand::Live, Look::Idle { not_before }) if self.looking != *wanted => Some(*not_before),
            _ => None,
        }
    }
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
    /// Which streams to look at, on this connection and every other; none in a room that is not here.
    streams: BTreeMap<Room, Streams>,
    connected: bool,
}

impl Rooms {
    pub(crate) fn new(follow: Follow) -> Self {
        let (places, streams) = (BTreeMap::new(), BTreeMap::new());
        Self { follow, own: None, offered: Vec::new(), places, streams, connected: false }
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
        let due = |place: &Place| place.joins_from().is_some_and(|from| from <= now);
        let mut rooms: Vec<Room> = self.places.iter().filter(|(_, place)| due(place)).map(|(&room, _)| room).collect();
        // The own room first: it says which projects there are.
        rooms.sort_by_key(|room| Some(*room) != self.own);
        rooms
    }

    /// The streams that the next join is to name: those that are wanted the first time, and then the same again, or
    /// nothing would be read.
    pub(crate) fn streams_to_join(&self, room: Room) -> Streams {
        match self.places.get(&room) {
            Some(place) if place.join.is_some() => place.looking.clone(),
            _ => self.wanted(room),
        }
    }

    pub(crate) fn joining(&mut self, room: Room, id: CommandId) {
        let looking = self.streams_to_join(room);
        if let Some(place) = self.places.get_mut(&room) {
            place.stand = Stand::Joining;
            place.join = Some(id);
            place.joins += 1;
            place.looking = looking;
        }
    }

    /// Which streams of a room to look at from now on.
    pub(crate) fn look(&mut self, room: Room, streams: Streams) {
        if streams.is_empty() {
            self.streams.remove(&room);
        } else {
            self.streams.insert(room, streams);
        }
    }

    /// Of which rooms the server has to be told now that other streams are looked at, and which. Each must be given an id
    /// by [`Self::looking`].
    pub(crate) fn to_look(&self, now: Duration) -> Vec<(Room, Streams)> {
        let told = self.places.iter().map(|(&room, place)| (room, place, self.wanted(room)));
        told.filter(|(_, place, wanted)| place.looks_from(wanted).is_some_and(|from| from <= now))
            .map(|(room, _, wanted)| (room, wanted))
            .collect()
    }

    pub(crate) fn looking(&mut self, room: Room, id: CommandId, streams: Streams) {
        if let Some(place) = self.places.get_mut(&room) {
            place.look = Look::Told { id, streams };
        }
    }

    fn wanted(&self, room: Room) -> Streams {
        self.streams.get(&room).cloned().unwrap_or_default()
    }

    /// An answer; says whether it was to one of our joins, or of our wishes to look at other streams.
    pub(crate) fn answered(&mut self, id: CommandId, refusal: Option<&WireError>, now: Duration) -> bool {
        self.places.iter_mut().any(|(&room, place)| {
            place.join_answered(room, id, refusal, now) || place.look_answered(room, id, refusal, now)
        })
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

    /// When [`Self::to_join`] or [`Self::to_look`] has something next.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let from = |(&room, place): (&Room, &Place)| {
            place.joins_from().into_iter().chain(place.looks_from(&self.wanted(room))).min()
        };
        self.places.iter().filter_map(from).min()
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
            self.places.entry(room).or_insert_with(Place::fresh);
        }
        leaving
    }
}

/// After a refusal for the moment.
fn pause(error: &WireError) -> Duration {
    error.retry_after_ms.map_or(JOIN_PAUSE, |ms| Duration::from_millis(ms.into()))
}

fn again(place: &mut Place) -> Next {
    place.stand = Stand::Wanted { not_before: Duration::ZERO };
    if place.joins >= JOINS { Next::Hopeless } else { Next::Rejoin }
}

#[cfg(test)]
#[path = "rooms_tests.rs"]
mod tests;
