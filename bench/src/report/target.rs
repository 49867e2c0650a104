//! Targets: what a figure of Watchbell should be, by itself or beside another's in the same run.

use std::fmt;

use serde::Serialize;

use super::Figure;
use crate::peer::Peer;

/// A target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// At most so many times a peer's.
    TimesAtMost(f64, Peer),
    /// At least so many times a peer's.
    TimesAtLeast(f64, Peer),
}

/// What came of a target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// What the figure should have stayed on the right side of.
    pub limit: f64,
    /// The figure against the limit; the right side is at most 1.
    pub ratio: f64,
}

impl Verdict {
    /// Whether the target is met.
    pub fn is_met(&self) -> bool {
        self.ratio <= 1.0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_met() {
            write!(f, "met ({:.2} of it)", self.ratio)
        } else {
            write!(f, "missed by {:.0} %", (self.ratio - 1.0) * 100.0)
        }
    }
}

impl Target {
    /// Whether it is met; `None` when a value is missing.
    pub fn judge(&self, figure: &Figure) -> Option<Verdict> {
        let own = figure.value(Peer::Watchbell)?;
        let (limit, ratio) = match *self {
            Self::AtMost(limit) => (limit, against(own, limit)),
            Self::AtLeast(limit) => (limit, against(limit, own)),
            Self::TimesAtMost(times, peer) => {
                let limit = figure.value(peer)? * times;
                (limit, against(own, limit))
            }
            Self::TimesAtLeast(times, peer) => {
                let limit = figure.value(peer)? * times;
                (limit, against(limit, own))
            }
        };
        Some(Verdict { limit, ratio })
    }
}

/// A ratio of which 0 to 0 is no miss.
fn against(value: f64, limit: f64) -> f64 {
    if value <= limit && limit == 0.0 { 0.0 } else { value / limit }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |peer: &Peer| match peer {
            Peer::Watchbell => "Watchbell",
            Peer::SocketIo => "Socket.IO",
            Peer::Bare => "bare",
        };
        match self {
            Self::AtMost(limit) => write!(f, "≤ {limit:.1}"),
            Self::AtLeast(limit) => write!(f, "≥ {limit:.1}"),
            Self::TimesAtMost(times, peer) => write!(f, "≤ {times} × {}", name(peer)),
            Self::TimesAtLeast(times, peer) => write!(f, "≥ {times} × {}", name(peer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Unit;

    #[test]
    fn a_target_is_met_on_its_own_side_of_the_limit_only() {
        let mut figure = Figure::new("x", "y", 1, Unit::Micros);
        assert_eq!(Target::AtMost(5.0).judge(&figure), None);
        figure.add(Peer::Watchbell, 4.0);
        for (target, met) in [
            (Target::AtMost(4.0), Some(true)),
            (Target::AtMost(3.9), Some(false)),
            (Target::TimesAtMost(0.5, Peer::SocketIo), None),
        ] {
            assert_eq!(target.judge(&figure).map(|verdict| verdict.is_met()), met, "{target}");
        }
        figure.add(Peer::SocketIo, 8.0);
        for (target, met) in [
            (Target::TimesAtMost(0.5, Peer::SocketIo), true),
            (Target::TimesAtMost(0.4, Peer::SocketIo), false),
            (Target::TimesAtLeast(0.5, Peer::SocketIo), true),
            (Target::TimesAtLeast(0.6, Peer::SocketIo), false),
        ] {
            assert_eq!(target.judge(&figure).unwrap().is_met(), met, "{target}");
        }
        let missed = Target::TimesAtLeast(1.0, Peer::SocketIo).judge(&figure).unwrap();
        assert_eq!(missed.to_string(), "missed by 100 %");
    }
}
