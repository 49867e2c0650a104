//! From a socket to a request: one task for each client, with bounds on how many and how long.
//!
//! A client that has not yet become a WebSocket costs a place of few, of which one network has a share, from the moment it
//! connects, and has to say what it wants in time, and to take what it gets. Deliberately absent: what is done then; that is the router's.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use parking_lot::Mutex;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::add_extension::AddExtension;

use crate::{
    auth::throttle::network,
    listener::{Arrival, Door, Peer, Stream},
    timing::Timing,
};

/// Clients that are not (or not yet) a WebSocket at a time.
const CLIENTS: usize = 4096;
/// Of these, clients of one network. Loopback has no share: it may be a proxy before everybody.
const CLIENTS_PER_NETWORK: usize = 256;

/// Serves until `stopping`, and then the requests that are under way.
pub async fn serve(mut door: Door, router: Router, timing: Timing, stopping: CancellationToken) {
    let places = Places::default();
    let clients = TaskTracker::new();
    loop {
        let arrival = tokio::select! {
            next = door.accept() => next,
            () = stopping.cancelled() => break,
        };
        // Refused before anything is read or kept for it.
        let Some(place) = places.take(arrival.peer.ip()) else { continue };
        let (router, stopping) = (router.clone(), stopping.clone());
        clients.spawn(async move {
            let peer = arrival.peer;
            if let Some(stream) = open(arrival, timing, &stopping).await {
                client(stream, peer, router, timing.head, stopping).await;
            }
            drop(place);
        });
    }
    clients.close();
    clients.wait().await;
}

/// What a client says, if it says so as it should, and in time.
async fn open(arrival: Arrival, timing: Timing, stopping: &CancellationToken) -> Option<Stream> {
    let peer = arrival.peer;
    match stopping.run_until_cancelled(timeout(timing.head, arrival.open(timing.stalled))).await? {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS"),
        Err(_) => tracing::debug!(%peer, "no TLS in time"),
    }
    None
}

/// One client, until it goes, becomes a WebSocket, or says or takes nothing for too long.
async fn client(stream: Stream, peer: SocketAddr, router: Router, head: Duration, stopping: CancellationToken) {
    let service = TowerToHyperService::new(AddExtension::new(router, ConnectInfo(Peer(peer))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "the client broke off, or took too long");
    }
}

/// Who is being served.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A client's place; free again when dropped.
struct Place {
    places: Places,
    network: IpAddr,
}

impl Places {
    fn take(&self, address: IpAddr) -> Option<Place> {
        let network = network(address);
        let mut taken = self.0.lock();
        let here = taken.by_network.get(&network).copied().unwrap_or(0);
        if taken.all >= CLIENTS || (here >= CLIENTS_PER_NETWORK && !network.is_loopback()) {
            return None;
        }
        taken.all += 1;
        taken.by_network.insert(network, here + 1);
        Some(Place { places: self.clone(), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock();
        taken.all -= 1;
        if let Some(here) = taken.by_network.get_mut(&self.network) {
            *here -= 1;
            if *here == 0 {
                taken.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_share_and_a_place_is_free_again() {
        let places = Places::default();
        let [one, other, here] = ["2001:db8::1", "2001:db8:0:1::1", "127.0.0.1"].map(|ip| ip.parse().unwrap());
        let mut taken: Vec<_> = (0..CLIENTS_PER_NETWORK).map(|_| places.take(one).unwrap()).collect();
        assert!(places.take("2001:db8::2".parse().unwrap()).is_none(), "the same /64");
        assert!(places.take(other).is_some());
        taken.pop();
        taken.push(places.take(one).unwrap());
        taken.extend((0..CLIENTS - CLIENTS_PER_NETWORK).map(|_| places.take(here).unwrap()));
        assert!(places.take(other).is_none(), "all are taken");
        drop(taken);
        assert!(places.0.lock().by_network.is_empty());
    }
}
