//! Commands per second: of a connection, of a member or token by all their connections, of an address.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, MonotonicClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};

use super::{Rates, Taker, household, rates::quota};
use crate::config;

/// What everybody shares.
pub struct Commands {
    connection: Quota,
    user: Rates<Taker>,
    address: Rates<IpAddr>,
}

/// By the clock of the system: the default one is measured against the processor's each time it is made.
type OwnRate = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<Instant>>;

/// What one connection may send: its own share, and its part of what its member and its address have.
pub struct Share {
    own: OwnRate,
    all: Arc<Commands>,
    taker: Taker,
    address: IpAddr,
}

impl Commands {
    /// As configured.
    pub fn new(config: &config::Limits) -> Self {
        Self {
            connection: quota(config.commands_per_second, config.commands_burst),
            user: Rates::new(config.user_commands_per_second, config.user_commands_burst),
            address: Rates::new(config.address_commands_per_second, config.address_commands_burst),
        }
    }

    /// Takes a command without a connection, or says how long until there is one.
    pub fn take(&self, taker: Taker, address: IpAddr) -> Result<(), Duration> {
        self.user.take(&taker)?;
        household(address).map_or(Ok(()), |household| self.address.take(&household))
    }

    /// The share of a connection that was just let in.
    pub fn share(self: &Arc<Self>, taker: Taker, address: IpAddr) -> Share {
        let own = RateLimiter::direct_with_clock(self.connection, MonotonicClock);
        Share { own, all: self.clone(), taker, address }
    }
}

impl Share {
    /// Takes a command, or says how long until there is one.
    pub fn take(&self) -> Result<(), Duration> {
        self.own.check().map_err(|not_until| not_until.wait_time_from(MonotonicClock.now()))?;
        self.all.take(self.taker, self.address)
    }
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::UserId;

    use super::*;

    fn commands(own: u32, user: u32, address: u32) -> Arc<Commands> {
        Arc::new(Commands::new(&config::Limits {
            commands_per_second: 1,
            commands_burst: own,
            user_commands_per_second: 1,
            user_commands_burst: user,
            address_commands_per_second: 1,
            address_commands_burst: address,
            ..config::Limits::default()
        }))
    }

    /// How many it gives at once, up to 20.
    fn given(share: &Share) -> usize {
        (0..20).take_while(|_| share.take().is_ok()).count()
    }

    #[test]
    fn connections_of_a_member_share_and_so_do_members_of_a_network() {
        let [ada, bob, eve] = [(); 3].map(|()| Taker::User(UserId::fresh()));
        let [home, home_too, office] = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map(|ip| ip.parse().unwrap());
        let commands = commands(3, 5, 7);
        assert_eq!(given(&commands.share(ada, home)), 3, "its own share");
        assert_eq!(given(&commands.share(ada, office)), 2, "what the member has left");
        assert_eq!(given(&commands.share(bob, home)), 3);
        assert_eq!(given(&commands.share(eve, home_too)), 1, "what the network has left");
    }

    #[test]
    fn on_loopback_a_member_has_their_share_and_the_address_has_none() {
        let commands = commands(10, 5, 1);
        for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"].map(|ip| ip.parse().unwrap()) {
            let ada = Taker::User(UserId::fresh());
            assert_eq!(given(&commands.share(ada, here)), 5, "{here}");
            assert!(commands.take(ada, here).is_err(), "{here}: by whatever way");
        }
    }
}
