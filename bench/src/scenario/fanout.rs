//! One publishes, many receive, at rates that everybody can keep up with: what a delivery costs the server, and how
//! long it takes.

use anyhow::Result;

use super::{AT_ONCE, MEMBERS, Plan};
use crate::{
    crowd::{Comers, Crowd},
    peer::{Peer, Server},
    publisher::{Load, Measured, Publisher},
    report::{Figure, Target, Unit},
};

/// Receivers, and events per second.
const CASES: [(usize, f64); 4] = [(100, 100.0), (500, 100.0), (500, 20.0), (1000, 10.0)];
/// Values that are published in turn: of a value that is replaced before it was sent, a receiver gets the newest only.
pub(super) const KEYS: usize = 64;

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let mut cases: Vec<Case> = CASES.into_iter().map(|(receivers, rate)| Case::new(receivers, rate)).collect();
    for _ in 0..plan.rounds() {
        for peer in Peer::ALL {
            let server = plan.start(peer, MEMBERS).await?;
            let mut publisher = Publisher::open(&server, 1, KEYS).await?;
            for case in &mut cases {
                let comers = Comers::to_one_room(case.receivers, AT_ONCE);
                let crowd = Crowd::open(&server, &comers, Server::marks().0).await?;
                let load = Load { rate: case.rate, during: plan.load() };
                let measured = publisher.measure(&server, &crowd, crowd.len(), load).await?;
                case.add(peer, &measured);
                crowd.leave().await;
            }
        }
    }
    Ok(cases.into_iter().flat_map(Case::figures).collect())
}

/// A number of receivers and a rate.
struct Case {
    receivers: usize,
    rate: f64,
    cpu: Figure,
    p50: Figure,
    p99: Figure,
    lost: Figure,
}

impl Case {
    fn new(receivers: usize, rate: f64) -> Self {
        let named =
            |name: &str, unit| Figure::new("fanout", format!("{name}, {rate}/s, by receivers"), receivers, unit);
        let mut p99 = named("p99", Unit::Millis);
        if (receivers, rate as u32) == (500, 100) {
            p99 = p99.target(Target::TimesAtMost(0.6, Peer::SocketIo));
        }
        let cpu = named("CPU per delivery", Unit::Micros)
            .target(Target::TimesAtMost(1.15, Peer::Bare))
            .target(Target::TimesAtMost(0.7, Peer::SocketIo));
        let lost = named("lost", Unit::Percent).target(Target::AtMost(0.0));
        Self { receivers, rate, cpu, p50: named("p50", Unit::Millis), p99, lost }
    }

    fn add(&mut self, peer: Peer, measured: &Measured) {
        self.cpu.add(peer, measured.cpu_us);
        self.p50.add(peer, measured.p50_ms);
        self.p99.add(peer, measured.p99_ms);
        self.lost.add(peer, measured.lost() * 100.0);
    }

    fn figures(self) -> [Figure; 4] {
        [self.cpu, self.p50, self.p99, self.lost]
    }
}
