//! A rate for each of many: so many per second, and a burst after a rest.

use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};

/// Every so many times, those that have rested are forgotten.
const SWEEP_EVERY: u32 = 1024;

/// The allowance of each `K`. Memory follows those that took something lately.
pub struct Rates<K: Clone + Eq + Hash> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
    asked: AtomicU32,
}

impl<K: Clone + Eq + Hash> Rates<K> {
    /// `burst` at once, then so many per second.
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota(per_second, burst)),
            clock: DefaultClock::default(),
            asked: AtomicU32::new(0),
        }
    }

    /// Takes one, or says how long until there is one.
    pub fn take(&self, who: &K) -> Result<(), Duration> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(who).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

/// `burst` at once, then so many per second. The configuration refuses 0.
pub(super) fn quota(per_second: u32, burst: u32) -> Quota {
    let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_burst_and_learns_how_long_to_wait() {
        let rates = Rates::new(1, 3);
        assert!((0..3).all(|_| rates.take(&"home").is_ok()));
        let wait = rates.take(&"home").unwrap_err();
        assert!(wait <= Duration::from_secs(1) && !wait.is_zero(), "{wait:?}");
        assert!(rates.take(&"office").is_ok());
    }

    #[test]
    fn those_that_have_rested_are_forgotten() {
        let rates = Rates::new(1_000_000, 1);
        for who in 0..10 * SWEEP_EVERY {
            let _ = rates.take(&who);
        }
        assert!(rates.limiter.len() <= 2 * SWEEP_EVERY as usize, "{}", rates.limiter.len());
    }
}
