//! Brings the rooms of a connection up to date, one after the other: those that it joins, and those where it fell behind.
//!
//! Nothing is kept for it while there is nothing to do.

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc};

use watchbell_protocol::{CloseCode, CommandId, Room, command::RoomJoin};

use super::{Done, Seat};
use crate::{
    App,
    auth::Principal,
    ws::catch_up::{Reader, left_before},
};

/// A join that waits. The session bounds how many there are.
pub(super) struct Join {
    pub(super) id: CommandId,
    pub(super) principal: Arc<Principal>,
    pub(super) room: Room,
    pub(super) asked: RoomJoin,
}

/// What a connection has to catch up with.
pub(super) struct CatchingUp<'a> {
    app: &'a App,
    seat: &'a Seat,
    joins: VecDeque<Join>,
    at_work: Option<Reading<'a>>,
    /// Whether no join came yet: a first one with a position is a reconnect.
    is_new: bool,
}

/// What is being read; a join gives an answer.
type Reading<'a> = Pin<Box<dyn Future<Output = Option<Done>> + Send + 'a>>;

impl<'a> CatchingUp<'a> {
    pub(super) fn new(app: &'a App, seat: &'a Seat) -> Self {
        Self { app, seat, joins: VecDeque::new(), at_work: None, is_new: true }
    }

    pub(super) fn add(&mut self, join: Join) {
        if std::mem::take(&mut self.is_new) && join.asked.since.is_some() {
            self.app.metrics.reconnects.increment(1);
        }
        self.joins.push_back(join);
    }

    /// Reads on until a join is done. Nothing is lost if this is dropped halfway.
    pub(super) async fn next(&mut self) -> Done {
        loop {
            if let Some(reading) = &mut self.at_work {
                let done = reading.await;
                self.at_work = None;
                if let Some(done) = done {
                    return done;
                }
            }
            self.at_work = Some(if let Some(join) = self.joins.pop_front() {
                Box::pin(joined(self.app, self.seat, join))
            } else {
                self.joins = VecDeque::new();
                let room = self.seat.outbox.next_behind().await;
                Box::pin(resumed(self.app, self.seat, room))
            });
        }
    }
}

async fn joined(app: &App, seat: &Seat, join: Join) -> Option<Done> {
    let Join { id, principal, room, asked } = join;
    // It may have been left while its join waited behind another.
    let result =
        if seat.wants(room) { reader(app, seat).join(&principal, room, asked).await } else { Err(left_before()) };
    Some(Done::Answered(id, result))
}

async fn resumed(app: &App, seat: &Seat, room: Room) -> Option<Done> {
    let Some(after) = app.hub.read_again(room, seat.id) else {
        // It has left the room meanwhile.
        seat.outbox.take_behind(room);
        return None;
    };
    if !reader(app, seat).resume(room, after).await {
        seat.outbox.close(CloseCode::Internal);
    }
    None
}

fn reader(app: &App, seat: &Seat) -> Reader {
    Reader { app: app.clone(), connection: seat.id, outbox: seat.outbox.clone() }
}
