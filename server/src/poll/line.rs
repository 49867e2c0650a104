//! One connection: what its requests and its session leave for each other. Everything in it is bounded: one answer, one
//! send.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tungstenite::Utf8Bytes;
use watchbell_protocol::WireError;

use super::{
    exchange::{Answer, Exchange, Take, body},
    lines::unknown,
};
use crate::ws::{
    link::{Gone, Heard, Moved, Sink, Source},
    outbox::{Batch, Out},
};

/// A connection.
#[derive(Debug, Default)]
pub struct Line {
    state: Mutex<State>,
    /// There is an answer, a newer poll, or nothing more to come.
    told: Notify,
    /// An answer was acknowledged, or given.
    heeded: Notify,
    /// Something was said.
    said: Notify,
    /// There is room for a send, or there will be none.
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    exchange: Exchange,
    /// How many polls there were: a newer one takes the place of one that waits.
    polls: u64,
    /// The answer that waits was given to a poll.
    is_given: bool,
    /// What is left of the last send.
    frames: VecDeque<Utf8Bytes>,
    /// Signs of life that the session has not seen.
    alive: u32,
    is_too_large: bool,
    stage: Stage,
}

/// How far the connection is with its end. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Stage {
    #[default]
    Open,
    /// The other side said goodbye …
    Bye,
    /// … and the session has heard everything before it.
    Gone,
    /// The session has ended.
    Over,
}

/// One look at what waits for a poll.
enum Look {
    Body(String),
    Wait,
}

impl Line {
    /// Answers a poll when there is something to say, and with nothing at `until` or when a newer poll comes. `greeting` is
    /// the connection's id, in the answer that opens it.
    pub async fn poll(&self, greeting: Option<&str>, ack: u64, until: Instant) -> Result<String, WireError> {
        let number = {
            let mut state = self.state.lock();
            if state.stage == Stage::Over {
                return Err(unknown());
            }
            state.exchange.acknowledge(ack)?;
            state.polls += 1;
            state.alive = state.alive.saturating_add(1);
            state.polls
        };
        self.told.notify_waiters();
        self.heeded.notify_one();
        self.said.notify_one();
        loop {
            // Made before the look, so that nothing is missed between the two.
            let told = self.told.notified();
            if let Look::Body(body) = self.look(number, greeting)? {
                self.heeded.notify_one();
                return Ok(body);
            }
            tokio::select! {
                () = told => {}
                () = sleep_until(until) => return Ok(body(greeting, self.state.lock().exchange.nothing(), None)),
            }
        }
    }

    fn look(&self, number: u64, greeting: Option<&str>) -> Result<Look, WireError> {
        let mut state = self.state.lock();
        if state.polls != number {
            return Ok(Look::Body(body(greeting, state.exchange.nothing(), None)));
        }
        let next = state.exchange.next().map(|(n, answer)| (n, answer.clone()));
        if let Some((n, answer)) = next {
            state.is_given = true;
            drop(state);
            return Ok(Look::Body(body(greeting, n, Some(&answer))));
        }
        if state.stage == Stage::Over { Err(unknown()) } else { Ok(Look::Wait) }
    }

    /// Takes a send as a whole, once there is room for it. Nothing of it is taken if this is dropped halfway.
    pub async fn send(&self, n: u64, frames: Vec<Utf8Bytes>, close: bool) -> Result<(), WireError> {
        loop {
            let room = self.room.notified();
            {
                let mut state = self.state.lock();
                if state.stage == Stage::Over {
                    return Err(unknown());
                }
                match state.exchange.may_take(n)? {
                    Take::Already => return Ok(()),
                    Take::Now if state.frames.is_empty() => {
                        state.exchange.took();
                        // A send without frames is a sign of life; each frame is one anyway.
                        state.alive = state.alive.saturating_add(u32::from(frames.is_empty()));
                        state.frames = frames.into();
                        if close {
                            state.reach(Stage::Bye);
                        }
                        drop(state);
                        self.said.notify_one();
                        return Ok(());
                    }
                    Take::Now => {}
                }
            }
            room.await;
        }
    }

    /// A send was larger than a frame may be.
    pub fn too_large(&self) {
        self.state.lock().is_too_large = true;
        self.said.notify_one();
    }

    /// The session has ended: whoever waits learns of it.
    pub fn over(&self) {
        self.state.lock().reach(Stage::Over);
        self.told.notify_waiters();
        self.room.notify_waiters();
    }
}

impl State {
    fn reach(&mut self, stage: Stage) {
        self.stage = self.stage.max(stage);
    }

    /// The next thing that was said; `Err` when there will be none.
    fn hear(&mut self) -> Result<Option<Heard>, Gone> {
        if self.is_too_large {
            return Ok(Some(Heard::TooLarge));
        }
        if let Some(text) = self.frames.pop_front() {
            return Ok(Some(Heard::Text(text)));
        }
        if self.alive > 0 {
            self.alive -= 1;
            return Ok(Some(Heard::Alive));
        }
        if self.stage == Stage::Open { Ok(None) } else { Err(Gone) }
    }
}

/// What the other side says, for the session.
#[derive(Debug)]
pub struct LineSource(pub Arc<Line>);

impl Source for LineSource {
    async fn next(&mut self) -> Option<Heard> {
        loop {
            let heard = {
                let mut state = self.0.state.lock();
                let heard = state.hear();
                if state.frames.is_empty() {
                    self.0.room.notify_waiters();
                }
                heard
            };
            match heard {
                Ok(Some(heard)) => return Some(heard),
                Ok(None) => self.0.said.notified().await,
                Err(Gone) => {
                    self.0.state.lock().reach(Stage::Gone);
                    self.0.heeded.notify_one();
                    return None;
                }
            }
        }
    }

    /// A poll that was given the close needs no answer.
    async fn bye(&mut self) {}
}

/// What the session says, for the other side.
#[derive(Debug)]
pub struct LineSink(pub Arc<Line>);

impl Sink for LineSink {
    /// A write is a round trip here, and that of a bad network is no reason to give less.
    const LATE: Duration = Duration::from_secs(2);

    /// Waits for the answer before to be acknowledged, and with a close also until a poll was given it.
    async fn write(&mut self, batch: Batch, _: &Moved) -> Result<(), Gone> {
        let close = batch.close;
        let Some(answer) = answer(batch) else { return Ok(()) };
        let line = &self.0;
        let mut answer = Some(answer);
        loop {
            {
                let mut state = line.state.lock();
                if state.stage >= Stage::Gone {
                    return Err(Gone);
                }
                if state.exchange.has_place()
                    && let Some(answer) = answer.take()
                {
                    state.exchange.put(answer);
                    state.is_given = false;
                    line.told.notify_waiters();
                }
                if answer.is_none() && (close.is_none() || state.is_given) {
                    return Ok(());
                }
            }
            line.heeded.notified().await;
        }
    }
}

/// The frames of a batch; `None` if it has nothing for the other side: polls are signs of life enough, so pings stay here.
fn answer(batch: Batch) -> Option<Answer> {
    let frames = batch.outs.into_iter().filter_map(|out| match out {
        Out::Text(text) => Some(text),
        // Nothing is packed here: that was agreed on with nobody.
        Out::Packed(_) | Out::Ping | Out::Reply(_) => None,
    });
    let answer = Answer { frames: frames.collect(), close: batch.close };
    (!answer.frames.is_empty() || answer.close.is_some()).then_some(answer)
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
