//! Slows down whoever guesses passwords: so many wrong ones in a row per (address, name), then one per wait.
//!
//! An attempt is taken from the bucket before the password is checked, so that a burst of parallel guesses gains
//! nothing, and is put back when the password was right. Pure; memory is bounded.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use watchbell_protocol::UnixMillis;

/// Buckets kept at most. Beyond it, the ones closest to full go first.
const BUCKETS: usize = 10_000;

/// Attempts in milliseconds of waiting: full is `burst` waits, and every attempt costs one.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Until when, by its debt, it refills.
    full_at: UnixMillis,
}

/// Buckets of attempts.
#[derive(Debug)]
pub struct Throttle {
    burst: u32,
    wait: Duration,
    buckets: HashMap<u64, Bucket>,
    keys: RandomState,
}

/// An attempt that was taken; give it back if the password was right.
#[derive(Debug)]
#[must_use]
pub struct Attempt(u64);

impl Throttle {
    /// `burst` attempts at once, then one per `wait`.
    pub fn new(burst: u32, wait: Duration) -> Self {
        Self { burst, wait, buckets: HashMap::new(), keys: RandomState::new() }
    }

    /// Takes an attempt, or says how long until there is one.
    pub fn take(&mut self, address: IpAddr, name: &str, now: UnixMillis) -> Result<Attempt, Duration> {
        let key = self.keys.hash_one((network(address), name.to_lowercase()));
        let full_at = self.buckets.get(&key).map_or(now, |bucket| bucket.full_at.max(now));
        let after = full_at.plus(self.wait);
        let most = self.wait * self.burst;
        let debt = after.since(now);
        if let Some(wait) = debt.checked_sub(most).filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        self.make_room(now);
        self.buckets.insert(key, Bucket { full_at: after });
        Ok(Attempt(key))
    }

    /// The password was right: whoever knows it owes nothing.
    pub fn forgive(&mut self, attempt: &Attempt) {
        self.buckets.remove(&attempt.0);
    }

    /// This attempt does not count; earlier ones still do.
    pub fn give_back(&mut self, attempt: &Attempt) {
        if let Some(bucket) = self.buckets.get_mut(&attempt.0) {
            let ms = i64::try_from(self.wait.as_millis()).unwrap_or(i64::MAX);
            bucket.full_at = UnixMillis(bucket.full_at.0.saturating_sub(ms));
        }
    }

    fn make_room(&mut self, now: UnixMillis) {
        if self.buckets.len() < BUCKETS {
            return;
        }
        self.buckets.retain(|_, bucket| bucket.full_at > now);
        if self.buckets.len() < BUCKETS {
            return;
        }
        let mut ends: Vec<UnixMillis> = self.buckets.values().map(|bucket| bucket.full_at).collect();
        let (_, middle, _) = ends.select_nth_unstable(BUCKETS / 2);
        let middle = *middle;
        self.buckets.retain(|_, bucket| bucket.full_at > middle);
    }
}

/// Guesses at passwords, counted per name and, for those who try many names, per address.
#[derive(Debug)]
pub struct Guesses {
    names: Throttle,
    addresses: Throttle,
}

/// A guess that was counted.
#[derive(Debug)]
#[must_use]
pub struct Guess {
    name: Attempt,
    address: Option<Attempt>,
}

impl Guesses {
    /// How many names' worth of guesses one address has: an office shares one.
    const NAMES_PER_ADDRESS: u32 = 10;

    /// `burst` guesses at once per name, then one per `wait`.
    pub fn new(burst: u32, wait: Duration) -> Self {
        let names = Throttle::new(burst, wait);
        let addresses = Throttle::new(burst * Self::NAMES_PER_ADDRESS, wait / Self::NAMES_PER_ADDRESS);
        Self { names, addresses }
    }

    /// Counts a guess, or says how long until there is one. Loopback is counted per name only: behind a proxy that the
    /// configuration does not name, everybody comes from there.
    pub fn take(&mut self, address: IpAddr, name: &str, now: UnixMillis) -> Result<Guess, Duration> {
        let is_here = address.to_canonical().is_loopback();
        let of_address = if is_here { None } else { Some(self.addresses.take(address, "", now)?) };
        match self.names.take(address, name, now) {
            Ok(name) => Ok(Guess { name, address: of_address }),
            Err(wait) => {
                if let Some(attempt) = &of_address {
                    self.addresses.give_back(attempt);
                }
                Err(wait)
            }
        }
    }

    /// It was no guess. What the address tried at other names still counts.
    pub fn was_right(&mut self, guess: &Guess) {
        self.names.forgive(&guess.name);
        if let Some(attempt) = &guess.address {
            self.addresses.give_back(attempt);
        }
    }
}

/// One household: an IPv4 address, or the /64 that an IPv6 subscriber has at least.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: UnixMillis = UnixMillis(1_000_000);
    const WAIT: Duration = Duration::from_secs(20);

    fn at(secs: u64) -> UnixMillis {
        T0.plus(Duration::from_secs(secs))
    }

    #[test]
    fn the_burst_is_free_then_one_attempt_per_wait() {
        let mut throttle = Throttle::new(3, WAIT);
        let home = "192.0.2.1".parse().unwrap();
        for _ in 0..3 {
            assert!(throttle.take(home, "ada", T0).is_ok());
        }
        assert_eq!(throttle.take(home, "ada", T0).unwrap_err(), WAIT);
        assert_eq!(throttle.take(home, "ada", at(5)).unwrap_err(), Duration::from_secs(15));
        assert!(throttle.take(home, "ada", at(20)).is_ok());
        assert!(throttle.take(home, "ada", at(20)).is_err());
        assert!((0..3).all(|_| throttle.take(home, "ada", at(500)).is_ok()), "rest refills it");
    }

    #[test]
    fn names_and_addresses_have_their_own_buckets_but_a_network_is_one() {
        let mut throttle = Throttle::new(1, WAIT);
        let [a, b, c, d] = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"].map(|ip| ip.parse().unwrap());
        assert!(throttle.take(a, "ada", T0).is_ok());
        assert!(throttle.take(a, "Ada", T0).is_err(), "the name's case changes nothing");
        assert!(throttle.take(a, "bob", T0).is_ok());
        assert!(throttle.take(b, "ada", T0).is_ok());
        assert!(throttle.take(c, "ada", T0).is_ok());
        assert!(throttle.take(d, "ada", T0).is_err());
    }

    #[test]
    fn the_right_password_clears_the_bucket() {
        let mut throttle = Throttle::new(2, WAIT);
        let home = "192.0.2.1".parse().unwrap();
        let _ = throttle.take(home, "ada", T0).unwrap();
        let attempt = throttle.take(home, "ada", T0).unwrap();
        throttle.forgive(&attempt);
        assert!((0..2).all(|_| throttle.take(home, "ada", T0).is_ok()));
    }

    #[test]
    fn an_attempt_given_back_leaves_the_others() {
        let mut throttle = Throttle::new(2, WAIT);
        let home = "192.0.2.1".parse().unwrap();
        let _ = throttle.take(home, "", T0).unwrap();
        for _ in 0..5 {
            let right = throttle.take(home, "", T0).unwrap();
            throttle.give_back(&right);
        }
        assert!(throttle.take(home, "", T0).is_ok());
        assert!(throttle.take(home, "", T0).is_err());
    }

    #[test]
    fn on_loopback_only_names_are_counted() {
        let mut guesses = Guesses::new(1, WAIT);
        let here = "::ffff:127.0.0.1".parse().unwrap();
        assert!((0..50).all(|name| guesses.take(here, &format!("name-{name}"), T0).is_ok()));
        assert!(guesses.take(here, "name-7", T0).is_err());
    }

    #[test]
    fn many_names_from_one_address_are_limited_whatever_its_own_account() {
        let mut guesses = Guesses::new(1, WAIT);
        let home = "192.0.2.1".parse().unwrap();
        for name in 0..10 {
            let own = guesses.take(home, "mallory", T0).unwrap();
            guesses.was_right(&own);
            assert!(guesses.take(home, &format!("name-{name}"), T0).is_ok());
        }
        assert_eq!(guesses.take(home, "ada", T0).unwrap_err(), WAIT / 10);
        assert!(guesses.take("192.0.2.2".parse().unwrap(), "ada", T0).is_ok());
    }

    #[test]
    fn a_flood_of_names_does_not_grow_memory() {
        let mut throttle = Throttle::new(2, WAIT);
        let home = "192.0.2.1".parse().unwrap();
        for name in 0..3 * BUCKETS {
            let _ = throttle.take(home, &name.to_string(), T0);
        }
        assert!(throttle.buckets.len() <= BUCKETS);
    }
}
