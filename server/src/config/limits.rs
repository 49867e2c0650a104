//! `[limits]`: what one client may take, and how long things are kept.

use super::{section::section, setting::Span};

section! {
    /// What one client may take, and how long things are kept. Whoever goes beyond is refused with the time after which
    /// to try again. What is counted per address is counted per /64 network for IPv6, and does not hold for clients on
    /// loopback.
    pub struct Limits = "limits" {
        /// The largest body of an HTTP request, bytes.
        http_body_bytes: u32 = 64 * 1024, check |bytes| match bytes {
            1024..=1_048_576 => Ok(()),
            _ => Err(format!("must be between 1024 and 1048576, not {bytes}")),
        };
        /// How many requests and connections one address may open per second, once its burst is spent.
        http_requests_per_second: u32 = 20, check |number| not_zero(*number);
        /// How many at once after a rest.
        http_requests_burst: u32 = 200, check |number| not_zero(*number);
        /// How many live connections there may be at a time: of all clients …
        connections: u32 = 20_000, check |number| not_zero(*number);
        /// … of one user, or one API token …
        user_connections: u32 = 100, check |number| not_zero(*number);
        /// … and of one address.
        address_connections: u32 = 2_000, check |number| not_zero(*number);
        /// How many commands one connection may send per second, once its burst is spent.
        commands_per_second: u32 = 2_000, check |number| not_zero(*number);
        /// How many at once after a rest.
        commands_burst: u32 = 10_000, check |number| not_zero(*number);
        /// How many commands one user, or one API token, may send per second by all connections and HTTP.
        user_commands_per_second: u32 = 2_000, check |number| not_zero(*number);
        /// How many at once after a rest.
        user_commands_burst: u32 = 10_000, check |number| not_zero(*number);
        /// How many commands one address may send per second, whoever sends them.
        address_commands_per_second: u32 = 5_000, check |number| not_zero(*number);
        /// How many at once after a rest.
        address_commands_burst: u32 = 20_000, check |number| not_zero(*number);
        /// How long the journal of a room is kept; a client that was away for longer rebuilds from the state.
        journal_kept: Span = Span::days(30), check |span| match *span {
            span if span < Span::secs(60) => Err("must be at least 1m".into()),
            _ => Ok(()),
        };
        /// How many events of a room's journal are kept, however young they are: the newest. Older ones are looked for
        /// every ten minutes.
        journal_events: u32 = 100_000, check |number| match number {
            1_000.. => Ok(()),
            _ => Err(format!("must be at least 1000, not {number}")),
        };
    }
}

fn not_zero(number: u32) -> Result<(), String> {
    if number == 0 { Err("must not be 0".into()) } else { Ok(()) }
}
