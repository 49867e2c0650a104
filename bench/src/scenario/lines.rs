//! A producer writes lines to a log, each in a command of its own, at a steady rate; members look at it. The server lets a
//! line wait a moment for others: how many fewer frames than lines come, and what that costs in time.

use anyhow::Result;

use super::{AT_ONCE, MEMBERS, Plan};
use crate::{
    crowd::{Comers, Crowd},
    peer::{Peer, Server},
    publisher::{Load, Publisher},
    report::{Figure, Target, Unit},
};

/// Lines per second.
const RATES: [u32; 3] = [100, 300, 1000];
const RECEIVERS: usize = 10;

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for rate in RATES {
        let named = |name: &str, unit| Figure::new("lines", format!("{name}, by lines/s"), rate as usize, unit);
        let mut fewer = named("fewer frames than lines", Unit::Percent).target(Target::AtLeast(80.0));
        let mut p50 = named("p50", Unit::Millis);
        let mut p99 = named("p99", Unit::Millis);
        let mut lost = named("lost", Unit::Percent).target(Target::AtMost(0.0));
        for _ in 0..plan.rounds() {
            let server = plan.start(Peer::Watchbell, MEMBERS).await?;
            let mut comers = Comers::to_one_room(RECEIVERS, AT_ONCE);
            comers.then.push(server.looking(0)?);
            let crowd = Crowd::open(&server, &comers, Server::marks().1).await?;
            let load = Load { rate: f64::from(rate), during: plan.load() };
            let measured = Publisher::of_lines(&server).await?.measure(&server, &crowd, RECEIVERS, load).await?;
            let frames = crowd.tally().frames() as f64;
            fewer.add(Peer::Watchbell, 100.0 * (1.0 - frames / measured.delivered.max(1) as f64));
            p50.add(Peer::Watchbell, measured.p50_ms);
            p99.add(Peer::Watchbell, measured.p99_ms);
            lost.add(Peer::Watchbell, measured.lost() * 100.0);
            crowd.leave().await;
        }
        figures.extend([fewer, p50, p99, lost]);
    }
    Ok(figures)
}
