//! Who may do what: the one place. Decided on every join, every publish and every read.
//!
//! Pure: the standing is looked up by the caller, in the transaction that acts on the decision.

use watchbell_protocol::{Command, ErrorCode, ProjectId, Room, UserId, WireError, event::Role};

use super::{Principal, Scope};
use crate::domain::Holder;

/// What somebody is in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A member, not disabled.
    Member(Role),
    /// An API token made for this project.
    Producer,
    /// Neither.
    Stranger,
}

/// Where a command that may go on belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A project.
    Project(ProjectId),
    /// A member's own room.
    Own(UserId),
}

impl Place {
    /// Its room.
    pub fn room(self) -> Room {
        match self {
            Self::Project(project) => Room::Project(project),
            Self::Own(user) => Room::User(user),
        }
    }
}

/// The same words for a room that is not theirs and for one that does not exist.
fn not_yours() -> WireError {
    let message = "there is no such room, or you do not belong to it";
    WireError::new(ErrorCode::Forbidden, message).at("room")
}

/// Whether `principal` may read `room`, with `standing` in its project.
pub fn may_join(principal: &Principal, room: Room, standing: Standing) -> Result<(), WireError> {
    match (room, standing) {
        (Room::User(id), _) if principal.user() == Some(id) => Ok(()),
        (Room::Project(_), Standing::Member(_)) => Ok(()),
        // A runner has to hear that it is asked to stop. The other scopes only send.
        (Room::Project(_), Standing::Producer) => scope(principal, Scope::AnalysisRun),
        (Room::User(_) | Room::Session(_), _) | (Room::Project(_), Standing::Stranger) => Err(not_yours()),
    }
}

/// The kind of room that a command names; without a look at who asks.
pub fn place(command: &Command, room: Option<Room>) -> Result<Place, WireError> {
    let wanted = match command {
        Command::NotificationReadCmd(_) | Command::NotificationReadAll(_) | Command::NotificationClear(_) => {
            "user:{id}"
        }
        _ => "project:{id}",
    };
    let wrong = |what: &str| {
        let message = format!("{what}: {} belongs into a room {wanted}", command.name());
        Err(WireError::new(ErrorCode::BadRequest, message).at("room"))
    };
    match (room, wanted) {
        (Some(Room::Project(id)), "project:{id}") => Ok(Place::Project(id)),
        (Some(Room::User(id)), "user:{id}") => Ok(Place::Own(id)),
        (Some(_), _) => wrong("this is another kind of room"),
        (None, _) => wrong("is missing"),
    }
}

/// Whether `principal` may send `command` to `place`, with `standing` in its project.
pub fn may_publish(
    principal: &Principal,
    place: Place,
    standing: Standing,
    command: &Command,
) -> Result<(), WireError> {
    match (place, standing) {
        (Place::Own(id), _) if principal.user() == Some(id) => Ok(()),
        (Place::Project(_), Standing::Member(_)) => Ok(()),
        (Place::Project(_), Standing::Producer) => match command {
            Command::AnalysisStart(_)
            | Command::AnalysisRenew(_)
            | Command::AnalysisReport(_)
            | Command::AnalysisCancel(_) => scope(principal, Scope::AnalysisRun),
            Command::Notify(_) => scope(principal, Scope::Notify),
            Command::ActivityPost(_) => scope(principal, Scope::Activity),
            Command::LogsAppend(_) => scope(principal, Scope::ReportLogs),
            _ => Err(not_yours()),
        },
        (Place::Own(_), _) | (Place::Project(_), Standing::Stranger) => Err(not_yours()),
    }
}

/// Any member of the project may stop an analysis; an API token only what it started itself.
pub fn may_cancel(principal: &Principal, holder: &Holder) -> Result<(), WireError> {
    match principal {
        Principal::User { .. } => Ok(()),
        Principal::Token { .. } if *holder == Holder::of(principal) => Ok(()),
        Principal::Token { .. } => {
            let message = "an API token stops only analyses that it started";
            Err(WireError::new(ErrorCode::Forbidden, message).at("data.analysis"))
        }
    }
}

/// Presence is a member's; a producer has none.
pub fn may_show_presence(principal: &Principal) -> Result<UserId, WireError> {
    principal.user().ok_or_else(|| WireError::new(ErrorCode::Forbidden, "an API token has no presence"))
}

fn scope(principal: &Principal, needed: Scope) -> Result<(), WireError> {
    match principal {
        Principal::Token { scopes, .. } if scopes.contains(&needed) => Ok(()),
        Principal::Token { .. } | Principal::User { .. } => {
            Err(WireError::new(ErrorCode::Forbidden, format!("the API token lacks the scope {needed}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{
        DeviceId, Seq, SessionId, Text, TokenId, UnixMillis,
        command::{ActivityPost, NotificationReadAll, RoomLeave},
        event::DeviceKind,
    };

    use super::*;
    use crate::auth::FamilyId;

    fn member(id: UserId) -> Principal {
        Principal::User {
            id,
            name: Text::clip("ada"),
            display_name: Text::clip("Ada"),
            device: DeviceId::fresh(),
            device_kind: DeviceKind::Desktop,
            family: FamilyId::fresh(),
            expires_at: UnixMillis(0),
        }
    }

    fn producer(scopes: &[Scope]) -> Principal {
        Principal::Token {
            id: TokenId::fresh(),
            name: Text::clip("ci"),
            scopes: scopes.iter().copied().collect(),
            projects: std::collections::BTreeSet::new(),
        }
    }

    fn post() -> Command {
        ActivityPost { title: Text::clip("hello"), body: None }.into()
    }

    #[test]
    fn only_members_and_running_producers_read_a_project() {
        let room = Room::Project(ProjectId::fresh());
        let ada = member(UserId::fresh());
        assert_eq!(may_join(&ada, room, Standing::Member(Role::Member)), Ok(()));
        assert_eq!(may_join(&ada, room, Standing::Stranger).unwrap_err().code, ErrorCode::Forbidden);
        assert_eq!(may_join(&producer(&[Scope::AnalysisRun]), room, Standing::Producer), Ok(()));
        assert!(may_join(&producer(&[Scope::Notify]), room, Standing::Producer).is_err());
        assert!(may_join(&producer(Scope::ALL), room, Standing::Stranger).is_err());
    }

    #[test]
    fn nobody_reads_or_writes_another_members_room() {
        let (ada, bob) = (UserId::fresh(), UserId::fresh());
        let read = Command::from(NotificationReadAll { through: Seq(1) });
        for standing in [Standing::Stranger, Standing::Member(Role::Admin), Standing::Producer] {
            assert!(may_join(&member(ada), Room::User(bob), standing).is_err());
            assert!(may_publish(&member(ada), Place::Own(bob), standing, &read).is_err());
            assert!(may_join(&producer(Scope::ALL), Room::User(bob), standing).is_err());
        }
        assert_eq!(may_join(&member(ada), Room::User(ada), Standing::Stranger), Ok(()));
    }

    #[test]
    fn an_unknown_room_and_a_foreign_one_are_refused_in_the_same_words() {
        let ada = member(UserId::fresh());
        let unknown = may_join(&ada, Room::Session(SessionId::fresh()), Standing::Stranger);
        let foreign = may_join(&ada, Room::Project(ProjectId::fresh()), Standing::Stranger);
        assert_eq!(unknown, foreign);
    }

    #[test]
    fn a_producer_sends_what_its_scopes_say() {
        let place = Place::Project(ProjectId::fresh());
        assert_eq!(may_publish(&producer(&[Scope::Activity]), place, Standing::Producer, &post()), Ok(()));
        let refused = may_publish(&producer(&[Scope::Notify]), place, Standing::Producer, &post()).unwrap_err();
        assert!(refused.message.contains("activity"), "{refused}");
        let leave = Command::from(RoomLeave {});
        assert!(may_publish(&producer(Scope::ALL), place, Standing::Producer, &leave).is_err());
    }

    #[test]
    fn the_wrong_kind_of_room_is_named() {
        let own = Room::User(UserId::fresh());
        for room in [None, Some(own), Some(Room::Session(SessionId::fresh()))] {
            let error = place(&post(), room).unwrap_err();
            assert_eq!(error.field.as_deref(), Some("room"), "{error}");
        }
    }
}
