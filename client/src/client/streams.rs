//! Streams: looking at them, and writing to them. They are kept nowhere, so nothing here asks the cache.

use std::time::Duration;

use tokio::{sync::oneshot, time::sleep};
use watchbell_protocol::{ClientFrame, CommandId, Room, command::LogsAppend, limits};

use super::{Client, RequestError};
use crate::{
    driver::{Append, Undone},
    options::Streams,
    outbox::SendError,
};

/// After a refusal for the moment that does not say for how long.
const PAUSE: Duration = Duration::from_secs(1);

impl Client {
    /// Which streams of a room to look at from now on, on this connection and every later one; none to begin with. Their
    /// lines come from [`Client::events`], while the room is followed: those that are written from then on.
    pub fn look(&self, room: Room, streams: Streams) {
        self.shared().order(|orders| {
            orders.streams.insert(room, streams);
        });
    }

    /// Writes lines to a log of a room: whoever looks at its stream gets them. It returns when the server has them, and
    /// waits for a connection, for those before it, and while the server refuses for the moment. Lines are never sent
    /// twice: when the connection breaks in between, it is [`RequestError::Unsure`] whether they were taken.
    pub async fn append(&self, room: Room, lines: LogsAppend) -> Result<(), RequestError> {
        let id = CommandId::fresh();
        let frame = ClientFrame { id: Some(id), room: Some(room), command: lines.into() };
        let frame = serde_json::to_string(&frame).map_err(|error| SendError::Invalid(error.to_string()))?;
        if frame.len() > limits::FRAME_BYTES {
            return Err(SendError::TooLarge { bytes: frame.len(), max: limits::FRAME_BYTES }.into());
        }
        let _turn = self.shared().append_turn.lock().await;
        loop {
            let (done, answer) = oneshot::channel();
            self.shared().order(|orders| orders.append = Some(Append { id, frame: frame.clone(), done }));
            let answer = tokio::select! {
                answer = answer => answer,
                () = self.shared().stop.cancelled() => return Err(RequestError::ShutDown),
            };
            match answer {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(Undone::Refused(error))) if error.code.is_transient() => {
                    sleep(error.retry_after_ms.map_or(PAUSE, |ms| Duration::from_millis(ms.into()))).await;
                }
                Ok(Err(Undone::Refused(error))) => return Err(RequestError::Refused(error)),
                Ok(Err(Undone::Unsure)) => return Err(RequestError::Unsure),
                Err(_) => return Err(RequestError::ShutDown),
            }
        }
    }
}
