//! `[limits]`: what one client may take, and how long things are kept.

use super::{section::section, setting::Span};

section! {
    /// What one client may take, and how long things are kept.
    pub struct Limits = "limits" {
        /// The largest body of an HTTP request, bytes.
        http_body_bytes: u32 = 64 * 1024, check |bytes| match bytes {
            1024..=1_048_576 => Ok(()),
            _ => Err(format!("must be between 1024 and 1048576, not {bytes}")),
        };
        /// How many requests and connections one address may open per second, once its burst is spent. Loopback is
        /// not limited.
        http_requests_per_second: u32 = 20, check |number| not_zero(*number);
        /// How many at once after a rest.
        http_requests_burst: u32 = 200, check |number| not_zero(*number);
        /// How long the journal of a room is kept; a client that was away for longer rebuilds from the state.
        journal_kept: Span = Span::days(30), check |span| match *span {
            span if span < Span::secs(60) => Err("must be at least 1m".into()),
            _ => Ok(()),
        };
    }
}

fn not_zero(number: u32) -> Result<(), String> {
    if number == 0 { Err("must not be 0".into()) } else { Ok(()) }
}
