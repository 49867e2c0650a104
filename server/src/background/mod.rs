//! What the server does by itself, from time to time. One loop per file, each ended by the same token.

mod caches;
mod leases;
mod pages;
mod presence;
mod prune;
mod revocations;
mod streams;

use std::{sync::Arc, time::Duration};

use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock,
    domain::{lease::Leases, memberships::Memberships, presence::Presences},
    hub::Hub,
    ingest::Ingest,
    store::Store,
    timing::Timing,
    ws::{catch_up::pages::Pages, registry::Connections},
};

/// What the loops work with.
#[derive(Clone)]
pub struct Background {
    /// The rhythms.
    pub timing: Timing,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Store,
    /// The rooms.
    pub hub: Arc<Hub>,
    /// The way in.
    pub ingest: Ingest,
    /// The leases.
    pub leases: Arc<Leases>,
    /// Who is here.
    pub presences: Arc<Presences>,
    /// The memberships that momentary commands go by.
    pub memberships: Arc<Memberships>,
    /// What many read at once.
    pub pages: Arc<Pages>,
    /// The connections.
    pub connections: Arc<Connections>,
}

impl Background {
    /// Starts every loop; they end with `stop`.
    pub fn start(self, tasks: &TaskTracker, stop: &CancellationToken) {
        tasks.spawn(stop.clone().run_until_cancelled_owned(caches::run(self.clone())));
        tasks.spawn(stop.clone().run_until_cancelled_owned(leases::run(self.clone())));
        tasks.spawn(stop.clone().run_until_cancelled_owned(pages::run(self.clone())));
        tasks.spawn(stop.clone().run_until_cancelled_owned(presence::run(self.clone())));
        tasks.spawn(stop.clone().run_until_cancelled_owned(prune::run(self.clone())));
        tasks.spawn(stop.clone().run_until_cancelled_owned(revocations::run(self.clone())));
        tasks.spawn(stop.clone().run_until_cancelled_owned(streams::run(self)));
    }
}

/// Ticks that are not made up for when they were missed.
fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
