//! A hundred publish durable events, each waiting for the acknowledgement, which comes when the event is on the disk,
//! before the next: how many per second, and how long until one is acknowledged and delivered.
//!
//! Beside it what the disk can do: the very rows that the server wrote go into an empty database with the same tables
//! and settings, in transactions as large as the server's were, from one connection that does nothing else.

mod plain;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::{AT_ONCE, MEMBERS, Plan};
use crate::{
    connection::Connection,
    crowd::{Comers, Crowd},
    peer::{Peer, Seat, Server, Shape, Step},
    report::{Figure, Target, Unit},
};

const SIZES: [usize; 3] = [1, 10, 100];
/// Who receives.
const RECEIVERS: usize = 10;
/// How many transactions the server has committed, by its own count.
const COMMITS: &str = "watchbell_commit_jobs_count";

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for publishers in SIZES {
        let named = |name: &str, unit| Figure::new("journal", format!("{name}, by publishers"), publishers, unit);
        let mut rate = named("durable events acknowledged", Unit::PerSecond);
        let mut acknowledged = named("published → acknowledged, p50", Unit::Millis);
        let mut delivered = named("published → delivered, p99", Unit::Millis);
        let mut cpu = named("CPU per durable event", Unit::Micros);
        let mut disk = named("the same rows in plain batches", Unit::PerSecond);
        for _ in 0..plan.rounds() {
            let server = Server::start(Peer::Watchbell, &plan.programs, Shape::one_room(MEMBERS)).await?;
            let (server, came) = publish(server, publishers, plan.load()).await?;
            rate.add(Peer::Watchbell, came.per_second);
            acknowledged.add(Peer::Watchbell, came.acknowledged_ms);
            delivered.add(Peer::Watchbell, came.delivered_ms);
            cpu.add(Peer::Watchbell, came.cpu_us);
            disk.add(Peer::Watchbell, plain::rate(server, came.commits).await?);
            rate.note(format!("{:.1} events per transaction", came.events / came.commits.max(1.0)));
        }
        if let (Some(disk), 100) = (disk.value(Peer::Watchbell), publishers) {
            rate = rate.target(Target::AtLeast(0.5 * disk));
            rate.note("the target is half of what the same rows take in plain batches");
        }
        figures.extend([rate, acknowledged, delivered, cpu, disk]);
    }
    Ok(figures)
}

/// What came of it.
struct Came {
    per_second: f64,
    acknowledged_ms: f64,
    delivered_ms: f64,
    cpu_us: f64,
    events: f64,
    commits: f64,
}

/// What the publishers share.
struct Shared {
    until: Instant,
    acknowledged: Cell<u64>,
    latency: RefCell<Histogram<u64>>,
}

async fn publish(server: Server, publishers: usize, during: Duration) -> Result<(Server, Came)> {
    let server = Rc::new(server);
    let crowd = Crowd::open(&server, &Comers::to_one_room(RECEIVERS, AT_ONCE), Server::marks().1).await?;
    let mut connections = Vec::with_capacity(publishers);
    for place in 0..publishers {
        connections.push(Connection::upgrade(&server, Seat { room: 0, place }).await?);
    }
    let commits = server.number(COMMITS).await?;
    crowd.begin();
    let shared = Rc::new(Shared {
        until: Instant::now() + during,
        acknowledged: Cell::new(0),
        latency: RefCell::new(Histogram::new_with_bounds(1, 60_000_000, 3)?),
    });
    let (cpu, began, mut publishing) = (server.cpu()?, Instant::now(), JoinSet::new());
    for connection in connections {
        publishing.spawn_local(one_by_one(connection, server.clone(), shared.clone()));
    }
    while let Some(ended) = publishing.join_next().await {
        ended??;
    }
    let (cpu, took, events) = (server.cpu()?.saturating_sub(cpu), began.elapsed(), shared.acknowledged.get());
    crowd.settle(events * RECEIVERS as u64, Duration::from_secs(2)).await?;
    let commits = server.number(COMMITS).await? - commits;
    let came = Came {
        per_second: events as f64 / took.as_secs_f64(),
        acknowledged_ms: shared.latency.borrow().value_at_quantile(0.5) as f64 / 1000.0,
        delivered_ms: crowd.tally().latency_ms(0.99),
        cpu_us: cpu.as_secs_f64() * 1e6 / events.max(1) as f64,
        events: events as f64,
        commits,
    };
    crowd.leave().await;
    Ok((Rc::into_inner(server).context("whoever left holds nothing")?, came))
}

/// One event after the other.
async fn one_by_one(mut connection: Connection, server: Rc<Server>, shared: Rc<Shared>) -> Result<()> {
    while Instant::now() < shared.until {
        let step = Step { send: server.post(0)?, answer: Step::COMMAND, times: 1 };
        let sent = Instant::now();
        connection.say(&step, |_| {}).await?;
        shared.latency.borrow_mut().saturating_record(sent.elapsed().as_micros() as u64);
        shared.acknowledged.set(shared.acknowledged.get() + 1);
    }
    Ok(())
}
