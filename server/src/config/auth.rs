//! `[auth]`: how long sign-ins last, and what guessing passwords costs.

use std::time::Duration;

use super::{section::section, setting::Span};

section! {
    /// How long sign-ins last, and what guessing passwords costs.
    pub struct Auth = "auth" {
        /// How long an access token is good for. Clients fetch the next one by themselves.
        access_token: Span = Span(watchbell_protocol::limits::ACCESS_TOKEN), check |span| {
            span.within(Span::secs(10), Span::secs(3600))
        };
        /// How long a sign-in lasts without being used.
        sign_in: Span = Span::days(30), check |span| span.within(Span::secs(3600), Span::days(366));
        /// How many passwords are checked at the same time; each takes 19 MiB of memory.
        password_checks: u32 = 4, check |count| match count {
            1..=64 => Ok(()),
            _ => Err(format!("must be between 1 and 64, not {count}")),
        };
        /// How many wrong passwords in a row one address may send for one name before it has to wait …
        failed_sign_ins: u32 = 5, check |count| match count {
            1..=1000 => Ok(()),
            _ => Err(format!("must be between 1 and 1000, not {count}")),
        };
        /// … and how long until it may try once more.
        failed_sign_in_wait: Span = Span::secs(20), check |span| {
            span.within(Span(Duration::from_millis(100)), Span::secs(3600))
        };
    }
}
