//! Thousands come and go, and the server's memory comes back: what was resident before is measured after a warm-up, for
//! the first connections make pools and tables that stay, and compared when everybody has left. Beside it stands what a
//! server has that nobody has ever come to, so that what the warm-up hides is seen as well.
//!
//! First everybody is there at once, idle and busy; then there is churn for as long as was asked for.

mod visitor;

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    crowd::{Comers, Coming, Crowd},
    peer::{Peer, Programs, Seat, Server, Shape},
    publisher::{Load, Publisher},
    watch::Watch,
};

/// Members of the two projects: the idle are in the first, the busy in the second.
const MEMBERS: usize = 200;
/// Connections that come at the same time.
const AT_ONCE: Coming = Coming::AtOnce(64);
/// Connections of the warm-up.
const WARM_UP: usize = 1000;
/// Visitors at a time while there is churn.
const VISITORS: usize = 64;
/// How long the busy are busy together.
const TOGETHER: Duration = Duration::from_secs(20);
/// Memory has come back as far as it will when it has not fallen for this long: longer than the server waits before it
/// gives back.
const SETTLED: Duration = Duration::from_secs(15);
/// And no longer than this is waited for it.
const LONGEST: Duration = Duration::from_mins(1);
/// How often memory is read.
const LOOK: Duration = Duration::from_millis(500);
/// What may stay, against the base line.
const MORE: f64 = 1.2;

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long the churn lasts.
    pub churn: Duration,
    /// Idle connections of the first phase.
    pub connections: usize,
    /// Busy connections of the first phase.
    pub busy: usize,
}

/// Runs both phases; fails if memory does not come back after one of them.
pub async fn run(programs: &Programs, options: Options) -> Result<()> {
    let shape = Shape::small_rooms(MEMBERS, 2, MEMBERS);
    let server = Rc::new(Server::start(Peer::Watchbell, programs, shape).await?);
    let fresh = server.rss()?;
    println!("just started: {}", mib(fresh));
    together(&server, WARM_UP, WARM_UP / 10, TOGETHER / 4).await?;
    churn(&server, TOGETHER / 4).await?;
    let base = lowest(&server).await?;
    println!("base line, after a warm-up with {WARM_UP} connections that all left: {}", mib(base));
    let before = Before { fresh, base };

    let watch = Watch::start(&server);
    together(&server, options.connections, options.busy, TOGETHER).await?;
    let peak = watch.peak();
    let what = format!("{} idle and {} busy connections", options.connections, options.busy);
    let first = verdict(&what, &server, before, peak).await?;

    let watch = Watch::start(&server);
    let visits = churn(&server, options.churn).await?;
    let peak = watch.peak();
    let second = verdict(&format!("{visits} visits"), &server, before, peak).await?;
    ensure!(first && second, "the server keeps memory of those who left");
    Ok(())
}

/// Many idle and some busy, at the same time.
async fn together(server: &Rc<Server>, connections: usize, busy: usize, during: Duration) -> Result<()> {
    let idle = Crowd::open(server, &Comers::to_one_room(connections, AT_ONCE), Server::marks().1).await?;
    let mut working = JoinSet::new();
    let until = Instant::now() + during;
    for place in 0..busy {
        working.spawn_local(visitor::busy(server.clone(), Seat { room: 1, place }, place, until));
    }
    while let Some(ended) = working.join_next().await {
        ended??;
    }
    idle.check()?;
    idle.leave().await;
    Ok(())
}

/// Visitors of all kinds, one after the other on each of some places, while events go on; how many came.
async fn churn(server: &Rc<Server>, during: Duration) -> Result<usize> {
    let until = Instant::now() + during;
    let mut publisher = Publisher::open(server, 1, 8).await?;
    let resident = Crowd::open(server, &Comers::to_one_room(8, AT_ONCE), Server::marks().0).await?;
    let visits = Rc::new(Cell::new(0));
    let mut places = JoinSet::new();
    for place in 0..VISITORS {
        let (server, visits) = (server.clone(), visits.clone());
        places.spawn_local(async move {
            while Instant::now() < until {
                let number = visits.replace(visits.get() + 1);
                visitor::visit(&server, Seat { room: 0, place }, number).await?;
            }
            anyhow::Ok(())
        });
    }
    publisher.measure(server, &resident, resident.len(), Load { rate: 100.0, during: during.mul_f64(0.8) }).await?;
    while let Some(ended) = places.join_next().await {
        ended??;
    }
    resident.leave().await;
    Ok(visits.get())
}

/// What was resident before, bytes.
#[derive(Debug, Clone, Copy)]
struct Before {
    /// When nobody had ever come.
    fresh: u64,
    /// After the warm-up.
    base: u64,
}

/// Says what memory did; whether it came back to the base line. How much more it is than of a fresh server is only said:
/// what stays is pools and tables, and the larger part of so small a number.
async fn verdict(what: &str, server: &Server, before: Before, peak: u64) -> Result<bool> {
    let Before { fresh, base } = before;
    let end = lowest(server).await?;
    let ratio = end as f64 / base as f64;
    println!(
        "{what}: base line {}, peak {}, end {}: {ratio:.2} of the base line, {}; {:.2} of a fresh \
         server",
        mib(base),
        mib(peak),
        mib(end),
        if ratio <= MORE { "good" } else { "TOO MUCH" },
        end as f64 / fresh as f64,
    );
    Ok(ratio <= MORE)
}

/// The lowest that the memory comes to, until it falls no further.
async fn lowest(server: &Server) -> Result<u64> {
    let began = Instant::now();
    let (mut lowest, mut since) = (server.rss()?, began);
    while since.elapsed() < SETTLED && began.elapsed() < LONGEST {
        sleep(LOOK).await;
        let now = server.rss()?;
        if now < lowest {
            (lowest, since) = (now, Instant::now());
        }
    }
    Ok(lowest)
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0)
}
