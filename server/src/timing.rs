//! Every rhythm of the server in one place. Tests shorten them; nobody else does.

use std::time::Duration;

use watchbell_protocol::limits;

/// How often, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// A connection is pinged this often.
    pub ping_every: Duration,
    /// A peer that is silent for this long is gone.
    pub silence: Duration,
    /// The heads of joined rooms are sent this often.
    pub heads_every: Duration,
    /// A receiver that takes nothing for this long is closed.
    pub stalled: Duration,
    /// A lease lasts this long without being renewed.
    pub lease: Duration,
    /// Leases are looked through this often.
    pub leases_every: Duration,
    /// A device that disconnected counts as here for this long.
    pub presence_grace: Duration,
    /// A room's presence goes out at most this often.
    pub presence_every: Duration,
    /// The journal is looked through for rows of another process this often, if any may have been written.
    pub follow_every: Duration,
    /// Disabled members and revoked sign-ins are looked for this often, if anything was written.
    pub revocations_every: Duration,
    /// Old journal rows and command ids are deleted this often.
    pub prune_every: Duration,
    /// A client may take this long for a TLS handshake, and for the head of a request, also between two of them …
    pub head: Duration,
    /// … and this long for the rest of it, the answer included.
    pub request: Duration,
    /// A poll waits this long for something to say.
    pub poll_hold: Duration,
    /// Connections get this long to take the farewell.
    pub farewell: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ping_every: limits::PING_EVERY,
            silence: limits::SILENCE,
            heads_every: Duration::from_secs(40),
            stalled: Duration::from_secs(30),
            lease: limits::LEASE,
            leases_every: Duration::from_secs(1),
            presence_grace: Duration::from_secs(5),
            presence_every: Duration::from_millis(500),
            follow_every: Duration::from_secs(1),
            revocations_every: Duration::from_secs(2),
            prune_every: Duration::from_mins(10),
            head: Duration::from_secs(10),
            request: Duration::from_secs(30),
            poll_hold: limits::POLL_HOLD,
            farewell: Duration::from_secs(5),
        }
    }
}
