//! Everybody comes back at once after the server was killed.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use tokio::time::Instant;
use watchbell_protocol::{CommandId, Event, Position, Room, RoomEvent, ServerFrame, UserId, command::RoomJoin};
use watchbell_server::Timing;

use crate::{
    client::Client,
    fixture::{Server, Who, quick},
};

/// Members whose presence these events tell.
fn told(events: &[RoomEvent]) -> Vec<UserId> {
    let user = |event: &RoomEvent| match &event.event {
        Event::PresenceChanged(changed) => Some(changed.presence.user),
        _ => None,
    };
    events.iter().filter_map(user).collect()
}

/// Somebody who came and knows that everybody is here.
struct Knows {
    at: Position,
    /// In how many frames it was told who is here.
    frames: usize,
    /// It stays until all know.
    _client: Client,
}

/// Comes, and reads until it knows that everybody is here.
async fn come(server: &Server, who: &Who, room: Room, since: Option<Position>, everybody: usize) -> Knows {
    let mut client = server.connect(&who.token).await;
    client.send(Some(CommandId::fresh()), Some(room), RoomJoin { since, ..RoomJoin::default() }).await;
    let (mut here, mut frames, mut at) = (BTreeSet::new(), 0, None);
    loop {
        let told = match client.next().await {
            ServerFrame::Board { board, .. } => told(&board),
            ServerFrame::Batch(events) => told(&events),
            ServerFrame::Event(event) => told(&[*event]),
            ServerFrame::CaughtUp { caught_up, .. } => {
                at = Some(caught_up);
                Vec::new()
            }
            _ => continue,
        };
        frames += usize::from(!told.is_empty());
        here.extend(told);
        if let (true, Some(at)) = (here.len() == everybody, at) {
            return Knows { at, frames, _client: client };
        }
    }
}

/// Lets so many members come, kills the server, and lets all of them come back at once; how many frames told somebody
/// who is here, and for how long that went on.
async fn frames_of_a_storm(timing: Timing, members: usize) -> (usize, Duration) {
    let mut server = Server::start_with(timing).await;
    let mut all = Vec::new();
    for number in 0..members {
        all.push(server.member(&format!("member-{number}")).await);
    }
    let room = server.project("web", &all.iter().collect::<Vec<_>>()).await;
    let came = join_all(all.iter().map(|who| come(&server, who, room, None, members))).await;
    server.kill();
    server.restart().await;
    let began = Instant::now();
    let back = all.iter().zip(came).map(|(who, knew)| come(&server, who, room, Some(knew.at), members));
    let back = join_all(back).await;
    (back.iter().map(|knows| knows.frames).sum(), began.elapsed())
}

#[tokio::test]
async fn who_is_here_is_told_in_frames_that_grow_with_those_who_come_back_and_not_with_their_square() {
    let timing = Timing { presence_every: Timing::default().presence_every, ..quick() };
    for members in [50, 200] {
        let (frames, took) = frames_of_a_storm(timing, members).await;
        // Its board, and a change at most every so often.
        let each = 2 + (took.as_secs_f64() / timing.presence_every.as_secs_f64()).ceil() as usize;
        assert!(frames <= members * each, "{members} were told in {frames} frames within {took:?}");
        assert!(frames >= members, "everybody was told");
    }
}
