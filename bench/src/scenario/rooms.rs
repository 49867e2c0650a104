//! Many rooms with four members each: what a delivery costs when hardly anything can be shared between receivers.

use anyhow::Result;

use super::{AT_ONCE, MEMBERS, Plan, connect::quiet};
use crate::{
    crowd::{Comers, Crowd},
    peer::{Peer, Seat, Server, Shape},
    publisher::{Load, Publisher},
    report::{Figure, Target, Unit},
};

const SIZES: [usize; 3] = [50, 200, 500];
const PER_ROOM: usize = 4;
/// Events per second in each room.
const RATE: f64 = 2.0;
/// Longer than elsewhere: nowhere else is CPU divided by so few deliveries, and what a server does every second or two
/// would count once more or less, as it happens.
const LONGER: u32 = 2;

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for rooms in SIZES {
        let named = |name: &str, unit| Figure::new("rooms", format!("{name}, rooms of 4"), rooms, unit);
        let mut cpu = named("CPU per delivery", Unit::Micros)
            .target(Target::TimesAtMost(1.15, Peer::Bare))
            .target(Target::TimesAtMost(0.7, Peer::SocketIo));
        let mut p99 = named("p99", Unit::Millis);
        let mut lost = named("lost", Unit::Percent).target(Target::AtMost(0.0));
        for _ in 0..plan.rounds() {
            for peer in Peer::ALL {
                let server = plan.start_with(peer, Shape::small_rooms(MEMBERS, rooms, PER_ROOM)).await?;
                let mut publisher = Publisher::open(&server, rooms, 1).await?;
                let seats = (0..rooms).flat_map(|room| (0..PER_ROOM).map(move |place| Seat { room, place }));
                let comers = Comers { seats: seats.collect(), since: Vec::new(), coming: AT_ONCE, then: Vec::new() };
                let crowd = Crowd::open(&server, &comers, Server::marks().0).await?;
                // What the server does about those who came is no delivery's.
                quiet(&server).await?;
                let load = Load { rate: RATE * rooms as f64, during: plan.load() * LONGER };
                let measured = publisher.measure(&server, &crowd, PER_ROOM, load).await?;
                cpu.add(peer, measured.cpu_us);
                p99.add(peer, measured.p99_ms);
                lost.add(peer, measured.lost() * 100.0);
                crowd.leave().await;
            }
        }
        figures.extend([cpu, p99, lost]);
    }
    Ok(figures)
}
