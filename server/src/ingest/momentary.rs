//! Momentary commands: true at this moment only. No id, no transaction, no answer unless refused.

use std::sync::Arc;

use metrics::Histogram;
use watchbell_protocol::{
    ClientFrame, Command, ErrorCode, ProjectId, Room, RoomEvent, UserId, WireError,
    command::{AnalysisRenew, LogsAppend, PresenceUpdate},
    event::{LogsStream, Status},
};

use super::apply::without_membership;
use crate::{
    auth::{
        Principal,
        policy::{self, Place, Standing},
    },
    clock::Clock,
    domain::{Holder, lease::Leases, memberships::Memberships, presence::Presences},
    hub::Hub,
    metrics::Metrics,
    store::{
        Store,
        project::{Membership, StandingOf},
    },
};

/// What momentary commands work with.
pub struct Momentary {
    store: Store,
    hub: Arc<Hub>,
    leases: Arc<Leases>,
    presences: Arc<Presences>,
    memberships: Arc<Memberships>,
    clock: Clock,
    /// How long it takes a progress from the command to the outboxes.
    took: Histogram,
}

impl Momentary {
    /// With the database to look up memberships, the rooms, the leases, who is here, and the memberships that are known.
    pub fn new(
        store: Store,
        hub: Arc<Hub>,
        leases: Arc<Leases>,
        presences: Arc<Presences>,
        memberships: Arc<Memberships>,
        clock: Clock,
        metrics: &Metrics,
    ) -> Self {
        let took = metrics.latest_fan_out.clone();
        Self { store, hub, leases, presences, memberships, clock, took }
    }

    /// Does what the command says, at once.
    pub async fn take(&self, principal: &Principal, frame: ClientFrame) -> Result<(), WireError> {
        match frame.command {
            Command::PresenceUpdate(input) => self.presence(principal, input),
            Command::AnalysisRenew(input) => self.renew(principal, frame.room, input).await,
            Command::LogsAppend(input) => self.append(principal, frame.room, input).await,
            command => {
                let message = format!("{} is not a momentary command", command.name());
                Err(WireError::new(ErrorCode::BadRequest, message).at("cmd"))
            }
        }
    }

    fn presence(&self, principal: &Principal, input: PresenceUpdate) -> Result<(), WireError> {
        let user = policy::may_show_presence(principal)?;
        if input.status == Status::Offline {
            let message = "a connected device is online or away";
            return Err(WireError::new(ErrorCode::BadRequest, message).at("data.status"));
        }
        let Principal::User { device, .. } = principal else { return Ok(()) };
        self.presences.update(user, *device, input, self.clock.now())
    }

    async fn renew(&self, principal: &Principal, room: Option<Room>, input: AnalysisRenew) -> Result<(), WireError> {
        let began = self.clock.moment();
        let command = Command::AnalysisRenew(input);
        let place = policy::place(&command, room)?;
        let standing = self.standing(principal, place).await?;
        policy::may_publish(principal, place, standing, &command)?;
        let (Place::Project(project), Command::AnalysisRenew(input)) = (place, command) else { return Ok(()) };
        let room = Room::Project(project);
        let (at, origin) = (self.clock.now(), principal.origin());
        self.leases.renew(room, &Holder::of(principal), input, self.clock.moment(), |progress| {
            self.hub.emit(&RoomEvent { room, seq: None, tag: None, at, origin, event: progress.into() });
            self.took.record(self.clock.moment() - began);
        })
    }

    /// Lines go to whoever looks at them now, and are kept nowhere.
    async fn append(&self, principal: &Principal, room: Option<Room>, input: LogsAppend) -> Result<(), WireError> {
        let command = Command::LogsAppend(input);
        let place = policy::place(&command, room)?;
        let standing = self.standing(principal, place).await?;
        policy::may_publish(principal, place, standing, &command)?;
        let (Place::Project(project), Command::LogsAppend(LogsAppend { source, lines })) = (place, command) else {
            return Ok(());
        };
        if source.is_empty() {
            return Err(WireError::new(ErrorCode::BadRequest, "must not be empty").at("data.source"));
        }
        let (room, at, origin) = (Room::Project(project), self.clock.now(), principal.origin());
        for line in lines {
            let event = LogsStream { source: source.clone(), line }.into();
            let event = RoomEvent { room, seq: None, tag: None, at, origin: origin.clone(), event };
            self.hub.line(&event, self.clock.moment());
        }
        Ok(())
    }

    async fn standing(&self, principal: &Principal, place: Place) -> Result<Standing, WireError> {
        match (place, principal) {
            (Place::Project(project), Principal::User { id, .. }) => self.of_member(*id, project).await,
            _ => Ok(without_membership(principal, place)),
        }
    }

    async fn of_member(&self, user: UserId, project: ProjectId) -> Result<Standing, WireError> {
        let now = self.clock.moment();
        let since = match self.memberships.get(user, project, now) {
            Ok(role) => return Ok(Standing::Member(role)),
            Err(since) => since,
        };
        let found = self.store.find(StandingOf { member: user, project }).await;
        let (membership, _) = found.map_err(|error| {
            tracing::error!(%error, "a membership could not be looked up");
            WireError::new(ErrorCode::Internal, "the server failed")
        })?;
        let Some(Membership { role, .. }) = membership else { return Ok(Standing::Stranger) };
        self.memberships.note(user, project, role, now, since);
        Ok(Standing::Member(role))
    }
}
