//! Pure: the numbers of one connection. An answer is kept until it is acknowledged, and a send is taken once.

use std::fmt::Write as _;

use tungstenite::Utf8Bytes;
use watchbell_protocol::{CloseCode, ErrorCode, WireError, http::Closed};

/// Where both directions stand.
#[derive(Debug, Default)]
pub struct Exchange {
    /// The number of the last answer that was acknowledged.
    acknowledged: u64,
    /// The next answer, given or not.
    next: Option<Answer>,
    /// The number of the last send that was taken.
    taken: u64,
}

/// Frames that go out together. The texts are shared with the other receivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// In this order.
    pub frames: Vec<Utf8Bytes>,
    /// The connection ends with these.
    pub close: Option<CloseCode>,
}

/// What to do with a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// It is the next one.
    Now,
    /// It was taken already, and the answer to it lost.
    Already,
}

impl Exchange {
    /// The other side has every answer up to `ack`, and asks for the next. A number that is neither the last answer's nor
    /// the one before is refused: the other side speaks of something else.
    pub fn acknowledge(&mut self, ack: u64) -> Result<(), WireError> {
        if ack == self.acknowledged {
            return Ok(());
        }
        if ack == self.acknowledged + 1 && self.next.is_some() {
            self.acknowledged = ack;
            self.next = None;
            return Ok(());
        }
        let message = format!("is {ack}, but {} was acknowledged last", self.acknowledged);
        Err(WireError::new(ErrorCode::Conflict, message).at("ack"))
    }

    /// Whether the next answer can be put.
    pub fn has_place(&self) -> bool {
        self.next.is_none()
    }

    /// Puts the next answer; there must be a place for it.
    pub fn put(&mut self, answer: Answer) {
        debug_assert!(self.has_place(), "an answer that was not acknowledged is lost");
        self.next = Some(answer);
    }

    /// The next answer with its number, if there is one: the same again and again until it is acknowledged.
    pub fn next(&self) -> Option<(u64, &Answer)> {
        self.next.as_ref().map(|answer| (self.acknowledged + 1, answer))
    }

    /// The number of an answer that says nothing.
    pub fn nothing(&self) -> u64 {
        self.acknowledged
    }

    /// Whether to take the send of this number. It counts as taken with [`Self::took`].
    pub fn may_take(&self, n: u64) -> Result<Take, WireError> {
        match n {
            n if n == self.taken + 1 => Ok(Take::Now),
            n if (1..=self.taken).contains(&n) => Ok(Take::Already),
            n => {
                let message = format!("is {n}, but the next one is {}", self.taken + 1);
                Err(WireError::new(ErrorCode::Conflict, message).at("n"))
            }
        }
    }

    /// The next send was taken.
    pub fn took(&mut self) {
        self.taken += 1;
    }
}

/// An answer as the wire has it (`watchbell_protocol::http::Polled`): the frames are JSON already and go in as they are.
pub fn body(connection: Option<&str>, n: u64, answer: Option<&Answer>) -> String {
    let frames = answer.map_or(&[][..], |answer| &answer.frames);
    let length: usize = frames.iter().map(|frame| frame.len() + 1).sum();
    let mut body = String::with_capacity(length + 128);
    body.push('{');
    if let Some(connection) = connection {
        let _ = write!(body, r#""connection":"{connection}","#);
    }
    let _ = write!(body, r#""n":{n},"frames":["#);
    for (at, frame) in frames.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str(frame);
    }
    body.push(']');
    if let Some(code) = answer.and_then(|answer| answer.close) {
        let closed = serde_json::to_string(&Closed::from(code)).expect("a number and a sentence are plain JSON");
        let _ = write!(body, r#","close":{closed}"#);
    }
    body.push('}');
    body
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
