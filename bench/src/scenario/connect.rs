//! A thousand clients connect, 64 at once, and are live: for Watchbell with its token checked, two rooms joined and the
//! project's state received. Cold is the first time after the server's start, warm the second.

use std::{rc::Rc, time::Duration};

use anyhow::Result;

use super::{AT_ONCE, Plan};
use crate::{
    crowd::{Comers, Crowd},
    peer::{Peer, Server},
    report::{Figure, Target, Unit},
};

const CONNECTIONS: usize = 1000;
/// Members of the project: its state, which everybody gets, grows with them.
const SIZES: [usize; 3] = [20, 50, 200];
/// The size that the targets are for.
const TEAM: usize = 50;

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let named = |name: &str, size, unit| Figure::new("connect", name, size, unit);
    let mut figures = Vec::new();
    for size in SIZES {
        let mut warm = named("CPU per connect + join, warm, by members", size, Unit::Micros);
        let mut cold = named("CPU per connect + join, cold, by members", size, Unit::Micros);
        let mut rate = named("connects, warm, by members", size, Unit::PerSecond);
        if size == TEAM {
            warm = warm.target(Target::AtMost(150.0));
        }
        for _ in 0..plan.rounds() {
            // The others know no members: one size says it all.
            for peer in Peer::ALL.into_iter().filter(|peer| *peer == Peer::Watchbell || size == TEAM) {
                let server = plan.start(peer, size).await?;
                cold.add(peer, once(&server).await?.cpu_us);
                let again = once(&server).await?;
                warm.add(peer, again.cpu_us);
                rate.add(peer, again.per_second);
            }
        }
        figures.extend([cold, warm, rate]);
    }
    Ok(figures)
}

struct Once {
    cpu_us: f64,
    per_second: f64,
}

async fn once(server: &Rc<Server>) -> Result<Once> {
    let before = server.cpu()?;
    let crowd = Crowd::open(server, &Comers::to_one_room(CONNECTIONS, AT_ONCE), Server::marks().0).await?;
    let (cpu, took): (Duration, Duration) = (server.cpu()?.saturating_sub(before), crowd.took);
    crowd.leave().await;
    // What the server does about those who left belongs to nobody's connect.
    quiet(server).await?;
    Ok(Once {
        cpu_us: cpu.as_secs_f64() * 1e6 / CONNECTIONS as f64,
        per_second: CONNECTIONS as f64 / took.as_secs_f64(),
    })
}

/// Waits until the server has nothing to do any more.
pub(super) async fn quiet(server: &Server) -> Result<()> {
    const LOOK: Duration = Duration::from_millis(100);
    for _ in 0..100 {
        let before = server.cpu()?;
        tokio::time::sleep(LOOK).await;
        if server.cpu()?.saturating_sub(before) < LOOK / 20 {
            break;
        }
    }
    Ok(())
}
