//! How long the access token is good. The token itself never comes here.

use std::time::Duration;

use watchbell_protocol::UnixMillis;

use super::Moment;

/// Whose proof it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A member's: renewed by the refresh token.
    Member,
    /// An API token: as it is.
    Fixed,
}

/// What is known about the access token.
#[derive(Debug)]
pub(super) struct Token {
    kind: Kind,
    /// When to have another: at four fifths of its life, by the wall clock, which goes on while the machine sleeps.
    renew_at: Option<UnixMillis>,
    /// A renewal is under way.
    pub(super) renewing: bool,
    /// A fresh one was refused already: another will not do better.
    pub(super) refused: bool,
}

impl Token {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, renew_at: None, renewing: false, refused: false }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn renewed(&mut self, life: Duration, at: Moment) {
        self.renewing = false;
        self.renew_at = Some(at.wall.plus(life.mul_f64(0.8)));
    }

    /// It must be renewed before it is used again.
    pub(super) fn spoil(&mut self) {
        self.renew_at = None;
    }

    /// Renewing did not work: try again in a while. The token may still be good.
    pub(super) fn postpone(&mut self, pause: Duration, at: Moment) {
        self.renewing = false;
        self.renew_at = self.renew_at.map(|_| at.wall.plus(pause));
    }

    /// Whether it must be renewed by now.
    pub(super) fn is_stale(&self, at: Moment) -> bool {
        self.kind == Kind::Member && self.renew_at.is_none_or(|renew_at| renew_at <= at.wall)
    }

    /// When it must be renewed, by the clock that only goes forward.
    pub(super) fn deadline(&self, at: Moment) -> Option<Duration> {
        let renew_at = self.renew_at.filter(|_| self.kind == Kind::Member && !self.renewing)?;
        Some(at.mono + renew_at.since(at.wall))
    }
}
