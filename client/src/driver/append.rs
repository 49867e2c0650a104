//! Lines on their way into a log, one command at a time, and word of when the server has taken them.
//!
//! The server says nothing of a momentary command that it took. So it is asked something behind it that changes nothing, to
//! leave a room that nobody is in: what comes over one connection is done in order, so the answer says that the lines
//! before it are taken.

use tokio::sync::oneshot;
use watchbell_protocol::{CommandId, Room, SessionId, WireError, command::RoomLeave};

use super::{
    Driver,
    effects::{CONGESTION, RESERVED},
};
use crate::session::Moment;

/// A command that appends.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) id: CommandId,
    /// The whole frame.
    pub(crate) frame: String,
    /// Whoever waits for it.
    pub(crate) done: oneshot::Sender<Result<(), Undone>>,
}

/// Why lines may not be in the log.
#[derive(Debug)]
pub(crate) enum Undone {
    /// The server said no.
    Refused(WireError),
    /// The connection broke before anything was known.
    Unsure,
}

/// The one whose turn it is.
#[derive(Debug)]
pub(super) enum Appending {
    Waits(Append),
    Sent { id: CommandId, mark: CommandId, done: oneshot::Sender<Result<(), Undone>> },
}

impl Driver {
    /// Sends what waits, if there is room for it.
    pub(super) fn send_append(&mut self, now: Moment) {
        let Some(link) = &self.link else { return };
        let waits = |appending: &mut Appending| matches!(appending, Appending::Waits(_));
        let Some(Appending::Waits(append)) = self.appending.take_if(waits) else { return };
        if append.done.is_closed() {
            return;
        }
        if link.room() <= RESERVED {
            self.appending = Some(Appending::Waits(append));
            self.congested_until = Some(now.mono + CONGESTION);
            return;
        }
        let Append { id, frame, done } = append;
        let (mark, nowhere) = (CommandId::fresh(), Room::Session(SessionId::fresh()));
        if link.send(frame).is_ok() && self.send_frame(Some(mark), Some(nowhere), RoomLeave {}.into()) {
            self.appending = Some(Appending::Sent { id, mark, done });
        } else {
            // There was room: the connection is at its end.
            tell(done, Err(Undone::Unsure));
        }
    }

    /// An answer; says whether it was about the lines.
    pub(super) fn append_answered(&mut self, re: CommandId, refusal: Option<&WireError>) -> bool {
        let is_about = |appending: &mut Appending| match appending {
            Appending::Sent { id, mark, .. } => *id == re || *mark == re,
            Appending::Waits(_) => false,
        };
        let Some(Appending::Sent { id, done, .. }) = self.appending.take_if(is_about) else { return false };
        // Whatever is said of the mark: it comes after what would have been said of the lines.
        let refusal = refusal.filter(|_| re == id);
        tell(done, refusal.map_or(Ok(()), |error| Err(Undone::Refused(error.clone()))));
        true
    }

    /// The connection is gone, and what became of the lines on it is not known.
    pub(super) fn append_broken(&mut self) {
        let is_sent = |appending: &mut Appending| matches!(appending, Appending::Sent { .. });
        if let Some(Appending::Sent { done, .. }) = self.appending.take_if(is_sent) {
            tell(done, Err(Undone::Unsure));
        }
    }
}

/// An error means that nobody waits for it any more.
fn tell(done: oneshot::Sender<Result<(), Undone>>, result: Result<(), Undone>) {
    let _ = done.send(result);
}
