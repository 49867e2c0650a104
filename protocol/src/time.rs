//! Points in time as they travel: milliseconds since 1970-01-01T00:00:00Z, without a leap second.
//!
//! Deliberately absent: reading a clock. Time is passed in from the edges.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ts_rs::TS,
    schemars::JsonSchema,
)]
#[serde(transparent)]
#[ts(export, type = "number")]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The point `after` later.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_point_in_time_is_too_far_from_another() {
        let (first, last) = (UnixMillis(i64::MIN), UnixMillis(i64::MAX));
        assert_eq!(first.since(last), Duration::ZERO);
        assert_eq!(last.since(first), Duration::from_millis(i64::MAX as u64));
        assert_eq!(last.plus(Duration::MAX), last);
    }
}
