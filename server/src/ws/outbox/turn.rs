//! Whose turn it is to write: the connection's own task's, or that of a flusher, for which no task has to be woken. One at a
//! time takes what waits and writes it, for the order would be lost otherwise.
//!
//! What a room puts goes to the flusher, where there is a way out that never waits. Everything else is the own task's, which
//! runs anyway when it comes about; and so is what a socket does not take at once, for that task can wait.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use super::{
    Batch, Outbox, WRITE_BYTES,
    waiting::{Pace, Waiting},
};
use crate::ws::{
    flushers::Flusher,
    link::{Begun, Direct},
};

/// Who may take what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Turn {
    /// Whoever comes first.
    #[default]
    Anybody,
    /// Nobody: somebody writes, and gives it back after that. After the end nobody does, so nothing follows it.
    Taken,
    /// The connection's own task, which has to finish first what a flusher began.
    Own {
        /// Whether some of that must not be lost.
        is_owed: bool,
    },
}

/// Whom it is told that something waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Flusher,
    Own,
}

/// The way out beside the connection's own task.
pub struct Express {
    /// The outbox whose way it is.
    pub outbox: Weak<Outbox>,
    /// What takes frames without waiting.
    pub direct: Arc<dyn Direct>,
    /// Who uses it.
    pub flusher: Arc<Flusher>,
}

impl fmt::Debug for Express {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Express").finish_non_exhaustive()
    }
}

impl Waiting {
    /// What the connection's own task writes next: `None` while there is nothing, or somebody else writes.
    fn own(&mut self) -> Option<Batch> {
        let batch = match self.turn {
            Turn::Taken => return None,
            Turn::Own { is_owed } => Batch { is_owed, ..Batch::default() },
            Turn::Anybody => {
                let batch = self.take(WRITE_BYTES);
                if batch.outs.is_empty() && !batch.is_last {
                    return None;
                }
                batch
            }
        };
        self.turn = Turn::Taken;
        Some(batch)
    }

    /// What the flusher writes. How a connection ends is none of its business.
    fn flushed(&mut self) -> Option<Batch> {
        self.is_enrolled = false;
        if self.turn != Turn::Anybody || self.end.is_some() {
            return None;
        }
        let batch = self.take(WRITE_BYTES);
        if batch.outs.is_empty() {
            return None;
        }
        self.turn = Turn::Taken;
        Some(batch)
    }

    /// Who has to be told that something waits; nobody if somebody knows.
    fn call(&mut self) -> Option<Call> {
        if self.turn != Turn::Anybody || self.is_enrolled {
            return None;
        }
        if self.end.is_some() {
            return Some(Call::Own);
        }
        self.is_enrolled = !self.slots.is_empty() || !self.gaps.is_empty();
        self.is_enrolled.then_some(Call::Flusher)
    }
}

impl Outbox {
    /// Waits until the connection's own task has something to write, and takes it: at least one thing, or nothing if it has
    /// to finish what a flusher began. When it is written, [`Self::wrote`] has to be called.
    pub async fn next(&self) -> Batch {
        loop {
            if let Some(batch) = self.change(Waiting::own) {
                return batch;
            }
            self.written.notified().await;
        }
    }

    /// What was taken is written, all of it.
    pub fn wrote(&self) {
        let before = {
            let mut waiting = self.waiting.lock();
            waiting.turn = Turn::Anybody;
            std::mem::replace(&mut waiting.pace, Pace::Steady)
        };
        if before == Pace::Late {
            self.taken.notify_one();
        }
    }

    /// Writes what waits, as far as that goes at once: for the flusher with which this outbox is enrolled.
    pub fn flush(&self) {
        let Some(express) = &self.express else { return };
        let Some(batch) = self.change(Waiting::flushed) else { return };
        let is_owed = batch.is_owed;
        match express.direct.begin(batch) {
            Begun::Done => {
                let call = {
                    let mut waiting = self.waiting.lock();
                    waiting.turn = Turn::Anybody;
                    // Whatever came meanwhile was told to nobody.
                    waiting.call()
                };
                self.tell(express, call);
            }
            Begun::Unfinished => {
                self.waiting.lock().turn = Turn::Own { is_owed };
                self.written.notify_one();
            }
        }
    }

    /// Changes what waits, as a room does, and sees to it that somebody writes it.
    pub(super) fn put_by_room<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        let (changed, call) = self.change(|waiting| (change(waiting), waiting.call()));
        // Looked at after what the lock guards: of thousands of outboxes none is in the processor's cache, and to fetch two
        // places of it one after the other takes twice as long.
        match &self.express {
            Some(express) => self.tell(express, call),
            None => self.written.notify_one(),
        }
        changed
    }

    fn tell(&self, express: &Express, call: Option<Call>) {
        match call {
            Some(Call::Flusher) => express.flusher.enroll(express.outbox.clone()),
            Some(Call::Own) => self.written.notify_one(),
            None => {}
        }
    }
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
