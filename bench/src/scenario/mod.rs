//! What is measured: one file per scenario. Each asks the same of every peer, one after the other, in rounds, and gives
//! figures.

mod connect;
mod fanout;
mod idle;
mod journal;
mod lines;
mod memory;
mod most;
mod rooms;
mod slow;
mod storm;

use std::{rc::Rc, time::Duration};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::{
    crowd::Coming,
    peer::{Peer, Programs, Server, Shape},
    report::Figure,
};

/// Members of the project in which everything happens.
const MEMBERS: usize = 200;
/// Connections that come at the same time.
const AT_ONCE: Coming = Coming::AtOnce(64);

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// What a connection costs until it is live, and how many come per second.
    Connect,
    /// What an idle connection costs in memory.
    Memory,
    /// What an idle connection costs on the network.
    Idle,
    /// What a receiver that takes nothing costs in memory.
    Slow,
    /// What a delivery costs, how long it takes, and how many get through.
    Fanout,
    /// The same with many small rooms.
    Rooms,
    /// In how much fewer frames the lines of a log come.
    Lines,
    /// How many durable events are acknowledged, beside what the disk can do.
    Journal,
    /// Everybody comes back after a crash.
    Storm,
}

/// How a run goes.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the peers are.
    pub programs: Programs,
    /// Minutes instead of half an hour: fewer rounds, shorter, smaller.
    pub quick: bool,
    /// Connections that come back in a storm.
    pub storm: usize,
}

impl Plan {
    /// How often everything is measured in turn; the median counts.
    fn rounds(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }

    /// How long one load lasts, of most scenarios.
    fn load(&self) -> Duration {
        Duration::from_secs(if self.quick { 2 } else { 4 })
    }

    /// Starts a peer with one project.
    async fn start(&self, peer: Peer, members: usize) -> Result<Rc<Server>> {
        self.start_with(peer, Shape::one_room(members)).await
    }

    async fn start_with(&self, peer: Peer, shape: Shape) -> Result<Rc<Server>> {
        Ok(Rc::new(Server::start(peer, &self.programs, shape).await.with_context(|| format!("{peer:?}"))?))
    }
}

impl Scenario {
    /// Measures.
    pub async fn run(self, plan: &Plan) -> Result<Vec<Figure>> {
        match self {
            Self::Connect => connect::run(plan).await,
            Self::Memory => memory::run(plan).await,
            Self::Idle => idle::run(plan).await,
            Self::Slow => slow::run(plan).await,
            Self::Fanout => {
                let mut figures = fanout::run(plan).await?;
                figures.extend(most::run(plan).await?);
                Ok(figures)
            }
            Self::Rooms => rooms::run(plan).await,
            Self::Lines => lines::run(plan).await,
            Self::Journal => journal::run(plan).await,
            Self::Storm => storm::run(plan).await,
        }
    }
}
