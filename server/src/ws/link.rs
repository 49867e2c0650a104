//! What carries the frames of one connection: a WebSocket, or requests that poll. Deliberately absent: what the frames
//! mean; that is the session's, and the same for both.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tungstenite::Utf8Bytes;
use watchbell_protocol::CloseCode;

use super::outbox::Batch;

/// What came from the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary,
    /// A message beyond the limit.
    TooLarge,
    /// A sign of life that is no message.
    Alive,
    /// It broke the rules of what carries the frames.
    Broken(CloseCode),
}

/// The other side is gone, or said goodbye: there is nobody to write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// Whether the other side has taken a part of what is being written.
#[derive(Debug, Default)]
pub struct Moved(AtomicBool);

impl Moved {
    /// It has.
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has since this was asked last.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Where messages come from.
pub trait Source: Send {
    /// The next one; `None` when the other side is gone or said goodbye. Nothing is lost if this is dropped halfway.
    fn next(&mut self) -> impl Future<Output = Option<Heard>> + Send;

    /// Waits, after a close was written, until the other side has answered it or is gone.
    fn bye(&mut self) -> impl Future<Output = ()> + Send;
}

/// Where frames go.
pub trait Sink: Send {
    /// After this long a write is late, and what is not worth keeping for so slow a receiver goes.
    const LATE: Duration;

    /// Writes what was begun without waiting ([`Direct`]), a batch and its close; done when the other side can take more.
    /// Until then `moved` knows of every part.
    fn write(&mut self, batch: Batch, moved: &Moved) -> impl Future<Output = Result<(), Gone>> + Send;
}

/// A way to the other side that never waits, beside its [`Sink`]; only one of the two is used at a time.
pub trait Direct: Send + Sync {
    /// Writes what goes at once. The rest stays here until the sink writes again; so does what cannot be written at all.
    fn begin(&self, batch: Batch) -> Begun;
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// All of it is written.
    Done,
    /// The sink has to go on.
    Unfinished,
}
