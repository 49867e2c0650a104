//! Notices that the machine's network is another one: the address that it would use to reach the server changed.
//!
//! The system is asked for its route, and no library watches the interfaces, because that is the question that matters: by
//! which of our addresses would a packet to this server leave? So a VPN, another route, another WLAN and a cable pulled out
//! are seen, and an interface that this server is not reached by is not. It is the same on every system. It costs a few
//! system calls every 3 s and sends nothing: "connecting" a UDP socket only makes the system choose a route.
//!
//! Not seen is another network in which we have the same address, unless there was none in between at one of the looks. A
//! connection that did not survive that answers no ping, and is replaced when it has been silent for too long.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{UdpSocket, lookup_host},
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

/// Addresses of a server that are looked at; more tell nothing more.
const ADDRESSES: usize = 4;

/// Watches the way to the server.
pub(super) struct Network {
    changes: mpsc::Receiver<()>,
    _task: AbortOnDropHandle<()>,
}

impl Network {
    pub(super) fn watch(server: &Url, every: Duration) -> Self {
        // One place: several changes that nobody has looked at yet are one.
        let (sender, changes) = mpsc::channel(1);
        let task = tokio::spawn(watch(server.clone(), every, sender));
        Self { changes, _task: AbortOnDropHandle::new(task) }
    }

    /// Waits until the network is another one.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

async fn watch(server: Url, every: Duration, changes: mpsc::Sender<()>) {
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut addresses, mut ways) = (Vec::new(), Ways::default());
    loop {
        tick.tick().await;
        if addresses.is_empty() {
            addresses = resolve(&server).await;
        }
        if ways.changed(local(&addresses).await) && changes.try_send(()).is_ok() {
            tracing::info!("the network changed");
            // Elsewhere the name may mean other addresses.
            addresses.clear();
            ways = Ways::default();
        }
        if changes.is_closed() {
            return;
        }
    }
}

/// The server's addresses; none while its name cannot be looked up.
async fn resolve(server: &Url) -> Vec<SocketAddr> {
    let (Some(host), Some(port)) = (server.host_str(), server.port_or_known_default()) else { return Vec::new() };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    lookup_host((host, port)).await.map(|found| found.take(ADDRESSES).collect()).unwrap_or_default()
}

/// From which of our addresses each of these would be reached.
async fn local(addresses: &[SocketAddr]) -> Vec<Option<IpAddr>> {
    let mut local = Vec::with_capacity(addresses.len());
    for address in addresses {
        local.push(way(*address).await);
    }
    local
}

async fn way(address: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(address).await.ok()?;
    socket.local_addr().ok().map(|local| local.ip())
}

/// Pure: the ways as last seen.
#[derive(Debug, Default)]
struct Ways(Vec<Option<IpAddr>>);

impl Ways {
    /// Whether these are other ways than before. To have none is no news to act on: what comes after it is.
    fn changed(&mut self, now: Vec<Option<IpAddr>>) -> bool {
        if now.iter().all(Option::is_none) {
            if !self.0.is_empty() {
                // Whatever comes back, what was open may be dead.
                self.0.fill(None);
            }
            return false;
        }
        let before = std::mem::replace(&mut self.0, now);
        !before.is_empty() && before != self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address that is there.
    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn another_address_is_a_change_and_the_first_look_is_none() {
        let mut ways = Ways::default();
        let (home, office, vpn) = (ip("192.0.2.7"), ip("198.51.100.7"), ip("2001:db8::7"));
        for (now, changed) in [
            (vec![home, None], false),
            (vec![home, None], false),
            (vec![office, None], true),
            (vec![office, None], false),
            (vec![office, vpn], true),
            (vec![None, None], false),
            (vec![None, None], false),
            (vec![office, vpn], true),
            (vec![office, vpn], false),
        ] {
            assert_eq!(ways.changed(now.clone()), changed, "{now:?}");
        }
    }

    #[test]
    fn without_any_network_at_the_start_the_first_one_is_no_change() {
        let mut ways = Ways::default();
        assert!(!ways.changed(vec![None]));
        assert!(!ways.changed(vec![ip("192.0.2.7")]));
    }

    #[tokio::test]
    async fn the_way_to_this_machine_is_this_machine() {
        let server: Url = "http://127.0.0.1:7077".parse().unwrap();
        let addresses = resolve(&server).await;
        assert_eq!(local(&addresses).await, [ip("127.0.0.1")]);
        let bracketed: Url = "https://[::1]:7077".parse().unwrap();
        assert_eq!(resolve(&bracketed).await, ["[::1]:7077".parse().unwrap()]);
    }
}
