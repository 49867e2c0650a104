//! A connection's place in the parts that everybody shares: registry, presence, rooms, counts.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use watchbell_protocol::{CloseCode, ConnectionId, DeviceId, Room, ServerFrame, UserId};

use super::{Ending, Outbox, greeting};
use crate::{App, auth::Principal, clock::Moment, store::project::ProjectsOf};

/// A connection's place; left on drop, however the connection ends.
pub(super) struct Seat {
    app: App,
    pub(super) id: ConnectionId,
    since: Moment,
    user: Option<(UserId, DeviceId)>,
    pub(super) outbox: Arc<Outbox>,
    /// What was asked for and not left. A list: most connections are in two or three.
    rooms: Mutex<Vec<Room>>,
    /// Set when the projects of a member who just appeared have to be read.
    generation: Option<u64>,
}

impl Seat {
    /// The place, and what ends the connection from outside.
    pub(super) fn take(app: &App, outbox: Arc<Outbox>, principal: &Principal) -> (Self, oneshot::Receiver<Ending>) {
        let id = ConnectionId::fresh();
        let ending = app.connections.add(id, principal);
        let (user, generation) = match principal {
            Principal::User { id, device, device_kind, .. } => {
                let generation = app.presences.connect(*id, *device, *device_kind, app.clock.now());
                (Some((*id, *device)), generation)
            }
            Principal::Token { .. } => (None, None),
        };
        app.metrics.connections.increment(1);
        let since = app.clock.moment();
        let seat = Self { app: app.clone(), id, since, user, outbox, rooms: Mutex::default(), generation };
        (seat, ending)
    }

    /// The first frame; then presence learns where the member belongs.
    pub(super) async fn greet(&self, principal: &Principal) {
        let connected = greeting(&self.app, self.id, principal, self.outbox.packing()).await;
        self.outbox.control(ServerFrame::Connected(connected).to_text().into());
        if let Err(error) = self.tell_projects(principal).await {
            tracing::error!(%error, connection.id = %self.id, "somebody's projects could not be read: no presence");
        }
    }

    /// Tells presence the projects of somebody who just appeared.
    async fn tell_projects(&self, principal: &Principal) -> sqlx::Result<()> {
        let (Some(user), Some(mut generation)) = (principal.user(), self.generation) else { return Ok(()) };
        loop {
            let projects = self.app.store.find(ProjectsOf(user)).await?;
            let ids: Vec<_> = projects.iter().map(|project| project.id).collect();
            match self.app.presences.knows(user, &ids, generation) {
                Some(changed) => generation = changed,
                None => return Ok(()),
            }
        }
    }

    pub(super) fn rooms(&self) -> Vec<Room> {
        self.rooms.lock().clone()
    }

    /// Whether a room was asked for and not left.
    pub(super) fn wants(&self, room: Room) -> bool {
        self.rooms.lock().contains(&room)
    }

    pub(super) fn enters(&self, room: Room) {
        let mut rooms = self.rooms.lock();
        if !rooms.contains(&room) {
            rooms.push(room);
        }
    }

    pub(super) fn leaves(&self, room: Room) {
        self.rooms.lock().retain(|other| *other != room);
        self.app.hub.leave(room, self.id);
    }

    /// The connection ends with this code, or because the other side went; its farewell may take a while. Others need not
    /// wait for that: whoever is cut off gets nothing more, and whoever went silent has been away since. Only a server
    /// that stops still owes what waits.
    pub(super) fn ends(&mut self, code: Option<CloseCode>) {
        let now = self.app.clock.moment();
        match code {
            Some(CloseCode::GoingAway) => {}
            Some(CloseCode::Silent) => self.part(now.checked_sub(self.app.timing.silence).unwrap_or(now)),
            Some(_) | None => self.part(now),
        }
    }

    /// Leaves every room, and presence as of `since`.
    fn part(&mut self, since: Moment) {
        for room in std::mem::take(self.rooms.get_mut()) {
            self.app.hub.leave(room, self.id);
        }
        if let Some((user, device)) = self.user.take() {
            self.app.presences.disconnect(user, device, since);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.app.connections.remove(self.id);
        self.app.metrics.connections.decrement(1);
        let now = self.app.clock.moment();
        self.app.metrics.session.record(now - self.since);
        self.part(now);
    }
}
