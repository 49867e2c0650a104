//! `[streams]`: how events of a stream, such as the lines of a log, are gathered into frames.

use std::time::Duration;

use super::{section::section, setting::Span};

section! {
    /// How events of a stream, such as the lines of a log, are gathered into frames: fewer frames, or a shorter wait.
    pub struct Streams = "streams" {
        /// A frame goes out when it has so many events …
        batch_events: u32 = 10, check |number| match number {
            1..=256 => Ok(()),
            _ => Err(format!("must be between 1 and 256, not {number}")),
        };
        /// … or when its first event has waited for so long.
        batch_wait: Span = Span(Duration::from_millis(100)), check |span| {
            span.within(Span(Duration::from_millis(1)), Span::secs(10))
        };
    }
}
