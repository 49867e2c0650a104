//! How many connections there may be: of all, of an address, of a member or token. A ticket is drawn before anything
//! else is done for a connection, and given back when it is dropped.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use watchbell_protocol::{ErrorCode, WireError};

use super::{Taker, household, too_many};
use crate::{auth::Principal, config, tables::give_back};

/// Whoever finds no place comes back after this long, and up to as long again: many at once should not stay many.
const COME_BACK: Duration = Duration::from_secs(5);

/// The places for connections.
#[derive(Debug)]
pub struct Tickets {
    most: u32,
    most_of_user: u32,
    most_of_address: u32,
    drawn: Mutex<Drawn>,
}

#[derive(Debug, Default)]
struct Drawn {
    all: u32,
    users: HashMap<Taker, u32>,
    addresses: HashMap<IpAddr, u32>,
}

/// A connection's place.
#[derive(Debug)]
#[must_use]
pub struct Ticket {
    tickets: Arc<Tickets>,
    household: Option<IpAddr>,
    taker: Option<Taker>,
}

impl Tickets {
    /// As configured, none drawn.
    pub fn new(config: &config::Limits) -> Self {
        Self {
            most: config.connections,
            most_of_user: config.user_connections,
            most_of_address: config.address_connections,
            drawn: Mutex::default(),
        }
    }

    /// A place for a connection from an address, before it is known whose it is.
    pub fn draw(self: &Arc<Self>, address: IpAddr) -> Result<Ticket, WireError> {
        let household = household(address);
        let mut drawn = self.drawn.lock();
        if drawn.all >= self.most {
            let message = "the server has as many connections as it takes";
            return Err(WireError { code: ErrorCode::Unavailable, ..too_many(message, come_back()) });
        }
        if let Some(household) = household
            && !count(&mut drawn.addresses, household, self.most_of_address)
        {
            return Err(too_many("too many connections from your address", come_back()));
        }
        drawn.all += 1;
        Ok(Ticket { tickets: self.clone(), household, taker: None })
    }
}

impl Ticket {
    /// Counts it for whoever it turned out to be.
    pub fn claim(&mut self, principal: &Principal) -> Result<(), WireError> {
        if self.taker.is_some() {
            return Ok(());
        }
        let taker = Taker::from(principal);
        if !count(&mut self.tickets.drawn.lock().users, taker, self.tickets.most_of_user) {
            return Err(too_many("you have too many connections; close one of them", come_back()));
        }
        self.taker = Some(taker);
        Ok(())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut drawn = self.tickets.drawn.lock();
        drawn.all -= 1;
        if let Some(household) = self.household {
            discount(&mut drawn.addresses, household);
        }
        if let Some(taker) = self.taker {
            discount(&mut drawn.users, taker);
        }
    }
}

/// One more, if that is not too many.
fn count<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K, most: u32) -> bool {
    let count = counts.entry(key).or_default();
    let fits = *count < most;
    *count += u32::from(fits);
    fits
}

/// One less; who has none is forgotten.
fn discount<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
            give_back(counts);
        }
    }
}

fn come_back() -> Duration {
    COME_BACK.mul_f64(rand::random_range(1.0..2.0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use watchbell_protocol::{Text, TokenId};

    use super::*;

    fn tickets(all: u32, of_user: u32, of_address: u32) -> Arc<Tickets> {
        Arc::new(Tickets::new(&config::Limits {
            connections: all,
            user_connections: of_user,
            address_connections: of_address,
            ..config::Limits::default()
        }))
    }

    fn producer() -> Principal {
        let (scopes, projects) = (BTreeSet::new(), BTreeSet::new());
        Principal::Token { id: TokenId::fresh(), name: Text::clip("ci"), scopes, projects }
    }

    #[test]
    fn places_are_bounded_and_come_back_when_a_connection_ends() {
        let [home, home_too, office] = ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|ip| ip.parse().unwrap());
        let tickets = tickets(3, 9, 2);
        let first = tickets.draw(home).unwrap();
        let _second = tickets.draw(home_too).unwrap();
        assert_eq!(tickets.draw(home).unwrap_err().code, ErrorCode::RateLimited, "the network has two");
        let _third = tickets.draw(office).unwrap();
        let full = tickets.draw(office).unwrap_err();
        assert_eq!(full.code, ErrorCode::Unavailable, "the server is full");
        assert!((5000..=10_000).contains(&full.retry_after_ms.unwrap()));
        drop(first);
        assert!(tickets.draw(home).is_ok());
    }

    #[test]
    fn a_taker_is_counted_over_all_addresses_and_once_per_connection() {
        let [home, office] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let (tickets, ci) = (tickets(9, 1, 9), producer());
        let mut first = tickets.draw(home).unwrap();
        assert!(first.claim(&ci).is_ok());
        assert!(first.claim(&ci).is_ok());
        let mut second = tickets.draw(office).unwrap();
        assert_eq!(second.claim(&ci).unwrap_err().code, ErrorCode::RateLimited);
        assert!(second.claim(&producer()).is_ok());
        drop(first);
        assert!(tickets.draw(office).unwrap().claim(&ci).is_ok());
    }

    #[test]
    fn on_loopback_a_taker_has_their_places_and_the_address_is_not_counted() {
        let here = "127.0.0.1".parse().unwrap();
        let (tickets, ci) = (tickets(4, 2, 1), producer());
        let mut drawn: Vec<_> = (0..3).map(|_| tickets.draw(here).unwrap()).collect();
        let claimed = drawn.iter_mut().map(|ticket| ticket.claim(&ci).is_ok()).collect::<Vec<_>>();
        assert_eq!(claimed, [true, true, false]);
        assert!(tickets.draw(here).unwrap().claim(&producer()).is_ok(), "others have theirs");
        drop(drawn);
        let left = tickets.drawn.lock();
        assert!(left.all == 0 && left.users.is_empty() && left.addresses.is_empty());
    }
}
