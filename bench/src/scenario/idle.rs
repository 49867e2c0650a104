//! What an idle connection that joined costs on the network: the bytes that its socket gets and sends per second, with
//! everything that keeps it alive. What is around them (the heads of TCP and IP) is not in it.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{AT_ONCE, MEMBERS, Plan, connect::quiet};
use crate::{
    crowd::{Comers, Crowd},
    peer::{Peer, Server},
    report::{Figure, Target, Unit},
};

const SIZES: [usize; 3] = [100, 300, 1000];
/// The size for those whose bytes cannot depend on it.
const OTHERS: usize = 300;
/// Within this time everybody was told who is here.
const TOLD: Duration = Duration::from_secs(2);
/// Watchbell pings every 25 s and tells the heads of rooms every 40 s: the shortest time that is a whole number of both …
const WHOLE: Duration = Duration::from_secs(200);
/// … and one that has the heads once.
const QUICK: Duration = Duration::from_secs(40);

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let figure = |size| Figure::new("idle", "bytes per idle connection in 2 rooms", size, Unit::BytesPerSecond);
    let mut figures: Vec<Figure> = SIZES.into_iter().map(|size| figure(size).target(Target::AtMost(20.0))).collect();
    let during = if plan.quick { QUICK } else { WHOLE };
    // All at the same time: none has anything to do.
    let mut crowds = Vec::new();
    for (at, size) in SIZES.into_iter().enumerate() {
        for peer in Peer::ALL.into_iter().filter(|peer| *peer == Peer::Watchbell || size == OTHERS) {
            let server = plan.start(peer, MEMBERS).await?;
            let crowd = Crowd::open(&server, &Comers::to_one_room(size, AT_ONCE), Server::marks().0).await?;
            quiet(&server).await?;
            crowds.push((at, server, crowd));
        }
    }
    sleep(TOLD).await;
    let before: Vec<u64> = crowds.iter().map(|(_, _, crowd)| crowd.traffic()).collect();
    sleep(during).await;
    for ((at, server, crowd), before) in crowds.into_iter().zip(before) {
        crowd.check()?;
        let bytes = (crowd.traffic() - before) as f64 / crowd.len() as f64;
        figures[at].add(server.peer, bytes / during.as_secs_f64());
        crowd.leave().await;
    }
    Ok(figures)
}
