//! Which way frames go: over a WebSocket, or over long-poll where something between here and the server lets no WebSocket
//! through. A server that does not answer at all is no reason to go round; and on the way round, when nothing answers there,
//! the straight way is tried in between: what blocked it may be gone, and the way round be the one that is blocked now.

use std::time::Duration;

use super::Moment;
use crate::{options::Timing, view::Transport};

/// After so many attempts in a row that nothing answered on the way round, one goes the straight way.
const UNANSWERED: u32 = 3;

/// Which way frames go.
#[derive(Debug)]
pub(super) enum Route {
    /// The straight way. So many attempts in a row found it blocked.
    Straight { blocked: u32 },
    /// The way round, while the straight one is tried again from time to time. So many attempts in a row nothing answered.
    Around { try_at: Duration, is_trying: bool, unanswered: u32 },
}

impl Default for Route {
    fn default() -> Self {
        Self::Straight { blocked: 0 }
    }
}

impl Route {
    /// What the next connection goes over.
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Straight { .. } | Self::Around { unanswered: UNANSWERED.., .. } => Transport::WebSocket,
            Self::Around { .. } => Transport::LongPoll,
        }
    }

    /// The server could be reached, but not this way; says whether another way is to be taken at once.
    pub(super) fn blocked(&mut self, timing: &Timing, at: Moment) -> bool {
        match self {
            Self::Straight { blocked } => {
                *blocked += 1;
                let goes_round = *blocked >= timing.blocked_after;
                if goes_round {
                    *self = Self::Around { try_at: at.mono + timing.websocket_after, is_trying: false, unanswered: 0 };
                }
                goes_round
            }
            Self::Around { unanswered, .. } if *unanswered >= UNANSWERED => {
                *unanswered = 0;
                true
            }
            // A server that knows no long-poll.
            Self::Around { .. } => {
                *self = Self::default();
                false
            }
        }
    }

    /// An attempt this way worked.
    pub(super) fn opened(&mut self, via: Transport, at: Moment) {
        match (via, self) {
            (Transport::WebSocket, route) => *route = Self::default(),
            (Transport::LongPoll, Self::Around { unanswered, .. }) => *unanswered = 0,
            // While it was being opened, the straight way was found to be free.
            (Transport::LongPoll, route) => {
                *route = Self::Around { try_at: at.mono, is_trying: false, unanswered: 0 };
            }
        }
    }

    /// An attempt failed, but not because the way is blocked.
    pub(super) fn not_blocked(&mut self) {
        if let Self::Straight { blocked } = self {
            *blocked = 0;
        }
    }

    /// An attempt failed because nothing answered.
    pub(super) fn unanswered(&mut self) {
        if let Self::Around { unanswered, .. } = self {
            *unanswered = if *unanswered < UNANSWERED { *unanswered + 1 } else { 0 };
        }
    }

    /// The network is another one: what blocked the straight way may be gone.
    pub(super) fn try_soon(&mut self, at: Moment) {
        if let Self::Around { try_at, .. } = self {
            *try_at = at.mono;
        }
    }

    /// Whether the straight way is to be tried now; it then counts as being tried.
    pub(super) fn tries(&mut self, at: Moment) -> bool {
        match self {
            Self::Around { try_at, is_trying, .. } if !*is_trying && *try_at <= at.mono => {
                *is_trying = true;
                true
            }
            _ => false,
        }
    }

    /// The straight way was tried.
    pub(super) fn tried(&mut self, works: bool, timing: &Timing, at: Moment) {
        if works {
            *self = Self::default();
        } else if let Self::Around { try_at, is_trying, .. } = self {
            *is_trying = false;
            *try_at = at.mono + timing.websocket_every;
        }
    }

    /// When [`Self::tries`] says yes next.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Around { try_at, is_trying: false, .. } => Some(*try_at),
            Self::Around { .. } | Self::Straight { .. } => None,
        }
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
