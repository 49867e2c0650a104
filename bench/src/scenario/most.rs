//! How many deliveries per second a server makes to 500 receivers, 99 of 100 within 100 ms and next to nothing lost: the
//! rate is raised until that no longer holds.

use std::{rc::Rc, time::Duration};

use anyhow::Result;

use super::{AT_ONCE, MEMBERS, Plan};
use crate::{
    crowd::{Comers, Crowd},
    peer::{Peer, Server},
    publisher::{Load, Measured, Publisher},
    report::{Figure, Target, Unit},
};

const RECEIVERS: usize = 500;
/// Values in turn: more than are on their way to a receiver within the time that counts, at any rate below 5,000/s.
const KEYS: usize = 500;
/// The latency that 99 of 100 deliveries must stay below, milliseconds.
const IN_TIME: f64 = 100.0;
/// The share of deliveries that may be lost, or replaced by newer values.
const LOST: f64 = 0.01;
/// The first rate, events per second.
const FIRST: f64 = 250.0;
/// The rate rises by this factor …
const STEP: f64 = 1.4;
/// … and no further than this: the generator is the limit long before.
const LAST: f64 = 20_000.0;
/// How busy the generator's core is when it counts as the limit.
const BUSY: f64 = 0.9;

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let mut most = Figure::new("fanout", "most deliveries, p99 ≤ 100 ms", RECEIVERS, Unit::PerSecond)
        .target(Target::TimesAtLeast(5.0, Peer::SocketIo));
    let mut cpu = Figure::new("fanout", "CPU per delivery at that rate", RECEIVERS, Unit::Micros)
        .target(Target::TimesAtMost(1.15, Peer::Bare));
    let rounds = if plan.quick { 1 } else { 2 };
    for _ in 0..rounds {
        for peer in Peer::ALL {
            let server = plan.start(peer, MEMBERS).await?;
            let best = raise(&server, plan.load() / 2).await?;
            most.add(peer, best.per_second);
            cpu.add(peer, best.cpu_us);
            if best.generator > BUSY {
                most.note(format!(
                    "the load generator was the limit for {peer:?}: its core was busy to {:.0} %, the server's to {:.0} %",
                    best.generator * 100.0,
                    best.server * 100.0
                ));
            }
        }
    }
    Ok(vec![most, cpu])
}

/// The best of all rates that hold.
async fn raise(server: &Rc<Server>, during: Duration) -> Result<Measured> {
    let mut publisher = Publisher::open(server, 1, KEYS).await?;
    let crowd = Crowd::open(server, &Comers::to_one_room(RECEIVERS, AT_ONCE), Server::marks().0).await?;
    let mut rate = FIRST;
    let mut best: Option<Measured> = None;
    let holds = |measured: &Measured| measured.p99_ms <= IN_TIME && measured.lost() <= LOST;
    loop {
        let mut now = publisher.measure(server, &crowd, RECEIVERS, Load { rate, during }).await?;
        if !holds(&now) {
            // Once more: it may have been the machine.
            now = publisher.measure(server, &crowd, RECEIVERS, Load { rate, during }).await?;
        }
        let holds = holds(&now);
        if holds && best.is_none_or(|best| best.per_second < now.per_second) {
            best = Some(now);
        }
        if !holds || rate >= LAST || best.is_some_and(|best| now.per_second < best.per_second * 0.9) {
            crowd.leave().await;
            // A server that holds not even the first rate makes what it made there.
            return Ok(best.unwrap_or(now));
        }
        rate *= STEP;
    }
}
