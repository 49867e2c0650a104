//! A thousand clients connect and are live: for Watchbell with their tokens checked, two rooms joined and the project's
//! state received. First 64 at once, as fast as it goes: cold is the first time after the server's start, warm the second.
//! Then one after the other at a steady rate, which is how long somebody waits on an ordinary day.

use std::{rc::Rc, time::Duration};

use anyhow::Result;
use hdrhistogram::Histogram;

use super::{AT_ONCE, Plan};
use crate::{
    crowd::{Comers, Coming, Crowd},
    peer::{Peer, Server},
    report::{Figure, Target, Unit},
};

const CONNECTIONS: usize = 1000;
/// Members of the project: its state, which everybody gets, grows with them.
const SIZES: [usize; 3] = [20, 50, 200];
/// The size that the targets are for.
const TEAM: usize = 50;
/// Those who come one after the other: so many per second, whoever is live by then.
const PER_SECOND: f64 = 200.0;
/// How long one of them may wait, milliseconds: 99 of 100 wait less.
const IN_TIME: f64 = 100.0;

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let named = |name: &str, size, unit| Figure::new("connect", name, size, unit);
    let mut figures = Vec::new();
    let mut steady = Waits::new(&format!("one after the other, {PER_SECOND}/s"), CONNECTIONS);
    steady.p99 = steady.p99.target(Target::AtMost(IN_TIME));
    for size in SIZES {
        let mut warm = named("CPU per connect + join, warm, by members", size, Unit::Micros);
        let mut cold = named("CPU per connect + join, cold, by members", size, Unit::Micros);
        let mut rate = named("connects, warm, by members", size, Unit::PerSecond);
        let mut waits = Waits::new("64 at once, by members", size);
        if size == TEAM {
            warm = warm.target(Target::AtMost(150.0));
        }
        for _ in 0..plan.rounds() {
            // The others know no members: one size says it all.
            for peer in Peer::ALL.into_iter().filter(|peer| *peer == Peer::Watchbell || size == TEAM) {
                let server = plan.start(peer, size).await?;
                cold.add(peer, once(&server, AT_ONCE).await?.cpu_us);
                let again = once(&server, AT_ONCE).await?;
                warm.add(peer, again.cpu_us);
                rate.add(peer, again.per_second);
                waits.add(peer, &again.waits);
                if size == TEAM {
                    steady.add(peer, &once(&server, Coming::PerSecond(PER_SECOND)).await?.waits);
                }
            }
        }
        figures.extend([cold, warm, rate]);
        figures.extend(waits.figures());
    }
    figures.extend(steady.figures());
    Ok(figures)
}

/// From before the TCP connect until the answer to the last join.
struct Waits {
    p50: Figure,
    p99: Figure,
}

impl Waits {
    fn new(coming: &str, size: usize) -> Self {
        let named =
            |share: &str| Figure::new("connect", format!("connect → joined, {share}, {coming}"), size, Unit::Millis);
        Self { p50: named("p50"), p99: named("p99") }
    }

    fn add(&mut self, peer: Peer, waits: &Histogram<u64>) {
        self.p50.add(peer, waits.value_at_quantile(0.5) as f64 / 1000.0);
        self.p99.add(peer, waits.value_at_quantile(0.99) as f64 / 1000.0);
    }

    fn figures(self) -> [Figure; 2] {
        [self.p50, self.p99]
    }
}

struct Once {
    cpu_us: f64,
    per_second: f64,
    /// How long each waited, microseconds.
    waits: Histogram<u64>,
}

async fn once(server: &Rc<Server>, coming: Coming) -> Result<Once> {
    let before = server.cpu()?;
    let crowd = Crowd::open(server, &Comers::to_one_room(CONNECTIONS, coming), Server::marks().0).await?;
    let (cpu, took): (Duration, Duration) = (server.cpu()?.saturating_sub(before), crowd.took);
    let mut waits = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    for joined in crowd.joined() {
        waits.saturating_record(joined.took.as_micros() as u64);
    }
    crowd.leave().await;
    // What the server does about those who left belongs to nobody's connect.
    quiet(server).await?;
    Ok(Once {
        cpu_us: cpu.as_secs_f64() * 1e6 / CONNECTIONS as f64,
        per_second: CONNECTIONS as f64 / took.as_secs_f64(),
        waits,
    })
}

/// Waits until the server has nothing to do any more.
pub(super) async fn quiet(server: &Server) -> Result<()> {
    const LOOK: Duration = Duration::from_millis(100);
    for _ in 0..100 {
        let before = server.cpu()?;
        tokio::time::sleep(LOOK).await;
        if server.cpu()?.saturating_sub(before) < LOOK / 20 {
            return Ok(());
        }
    }
    eprintln!("a server was not at rest after 10 s; going on");
    Ok(())
}
