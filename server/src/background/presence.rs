//! Tells rooms who came, changed or left: one diff per room, at most every `presence_every`.

use tokio::time::{sleep, sleep_until};
use watchbell_protocol::{
    Origin, ProjectId, Room, RoomEvent,
    event::{Presence, PresenceChanged, Status},
};

use super::Background;
use crate::hub::{Lasts, board::Key};

pub(super) async fn run(parts: Background) {
    loop {
        match parts.presences.next_gone() {
            Some(at) => tokio::select! {
                () = parts.presences.changed() => {}
                () = sleep_until(at) => {}
            },
            None => parts.presences.changed().await,
        }
        flush(&parts).await;
        sleep(parts.timing.presence_every).await;
    }
}

async fn flush(parts: &Background) {
    let now = parts.clock.now();
    let news = parts.presences.flush(now, parts.clock.moment());
    for (project, changes) in news.changes {
        let room = Room::Project(project);
        let events: Vec<(RoomEvent, Lasts)> = changes.iter().map(|presence| event(parts, room, presence)).collect();
        parts.hub.change(room, &events);
        take_back(parts, project, &changes);
    }
    if !news.left.is_empty() {
        parts.ingest.seen(news.left, now).await;
    }
}

fn event(parts: &Background, room: Room, presence: &Presence) -> (RoomEvent, Lasts) {
    let lasts = if presence.status == Status::Offline { Lasts::NotAtAll } else { Lasts::UntilReplaced };
    let event = PresenceChanged { presence: presence.clone() }.into();
    (RoomEvent { room, seq: None, tag: None, at: parts.clock.now(), origin: Origin::Server, event }, lasts)
}

/// Somebody may have been removed from the project while the change went out.
fn take_back(parts: &Background, project: ProjectId, changes: &[Presence]) {
    for presence in changes.iter().filter(|presence| presence.status != Status::Offline) {
        if !parts.presences.belongs(presence.user, project) {
            let key = Key::new("presence:changed", presence.user.to_string());
            parts.hub.end(Room::Project(project), &key);
        }
    }
}
