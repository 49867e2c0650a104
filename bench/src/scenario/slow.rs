//! Receivers that take nothing while a thousand events per second happen: what each costs in resident memory beyond an
//! idle one, and when one that must not miss what happens is let go.
//!
//! What the load itself takes is there before they come. They read until all are there and nothing happens any more, so
//! that nothing waits for them, and then never again; but they go on saying that they are there, for one that is silent as
//! well would be closed for that.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{interval, sleep},
};
use watchbell_protocol::CloseCode;

use super::{MEMBERS, Plan, connect::quiet};
use crate::{
    connection::Connection,
    peer::{Peer, Seat, Server, Step},
    publisher::{Load, Publisher},
    report::{Figure, Target, Unit},
    watch::Watch,
};

const READERS: usize = 200;
/// Events per second.
const RATE: f64 = 1000.0;
/// Values that are published in turn: as many as may wait for one receiver, and more.
const KEYS: [usize; 2] = [500, 1000];
/// Those who publish durable events, each waiting for the answer.
const PUBLISHERS: usize = 50;
/// What one that takes nothing may cost.
const MOST: f64 = 64.0 * 1024.0;
/// How often somebody was too slow, by the server's own count: each is, or something else was measured.
const FELL_BEHIND: &str = "watchbell_fell_behind_total";
/// A receiver says that it is there this often.
const ALIVE: Duration = Duration::from_secs(5);
/// One that must not miss what happens is let go after 30 s; so long that may take with all that is before and around.
const LET_GO: f64 = 35.0;
/// This long it is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for keys in KEYS {
        figures.extend(latest(plan, keys).await?);
    }
    figures.extend(durable(plan).await?);
    Ok(figures)
}

/// Values of which only the newest counts: the receiver may be late for as long as it likes.
async fn latest(plan: &Plan, keys: usize) -> Result<Vec<Figure>> {
    let server = plan.start(Peer::Watchbell, MEMBERS).await?;
    let mut publisher = Publisher::open(&server, 1, keys).await?;
    publisher.publish(Load { rate: RATE, during: plan.load() }).await?;
    let readers = Readers::come(&server).await?;
    let watch = Watch::start(&server);
    let (name, mut seconds) = (format!("RSS beyond idle, Latest with {keys} keys, after events"), 0);
    let mut figures = Vec::new();
    for more in if plan.quick { [2, 2, 4] } else { [10, 10, 20] } {
        publisher.publish(Load { rate: RATE, during: Duration::from_secs(more) }).await?;
        seconds += more;
        let events = (seconds as f64 * RATE) as usize;
        let mut figure = Figure::new("slow", name.as_str(), events, Unit::Bytes).target(Target::AtMost(MOST));
        figure.add(Peer::Watchbell, readers.each(watch.peak()));
        let gone = server.number(&too_slow()).await?;
        if gone > 0.0 {
            figure.note(format!("{gone} of {READERS} were let go: their last board was owed to them"));
        }
        figures.push(figure);
    }
    at_least(&server, FELL_BEHIND, READERS as f64).await?;
    Ok(figures)
}

/// Events that must not be missed: the receiver goes back to the journal, and is let go when it takes nothing of that.
async fn durable(plan: &Plan) -> Result<Vec<Figure>> {
    let server = plan.start(Peer::Watchbell, MEMBERS).await?;
    let publishers = Publishers::start(&server);
    sleep(plan.load()).await;
    publishers.stop().await?;
    let readers = Readers::come(&server).await?;
    let (watch, publishers, began) = (Watch::start(&server), Publishers::start(&server), Instant::now());
    let (during, mut gone) = (if plan.quick { Duration::from_secs(5) } else { PATIENCE }, None);
    while began.elapsed() < during && gone.is_none() {
        sleep(Duration::from_millis(200)).await;
        let closed = server.number(&too_slow()).await?;
        gone = (closed >= READERS as f64).then(|| began.elapsed());
    }
    let (published, took) = (publishers.stop().await?, began.elapsed());
    at_least(&server, FELL_BEHIND, READERS as f64).await?;
    let named = |name: &str, unit| Figure::new("slow", name, READERS, unit);
    let mut memory = named("RSS beyond idle, Durable", Unit::Bytes).target(Target::AtMost(MOST));
    memory.add(Peer::Watchbell, readers.each(watch.peak()));
    memory.note(format!("{:.0} events per second", published as f64 / took.as_secs_f64()));
    let mut let_go = named("let go, Durable", Unit::Seconds).target(Target::AtMost(LET_GO));
    match gone {
        Some(after) => let_go.add(Peer::Watchbell, after.as_secs_f64()),
        None if plan.quick => let_go.note("not waited for"),
        None => let_go.note(format!("not all were let go within {} s", PATIENCE.as_secs())),
    }
    Ok(vec![memory, let_go])
}

/// How the server counts those that it lets go.
fn too_slow() -> String {
    format!("watchbell_connections_ended_total{{code=\"{}\"}}", CloseCode::TooSlow.number())
}

/// Fails unless a number of the server's is at least this: otherwise something else was measured.
async fn at_least(server: &Server, name: &str, least: f64) -> Result<()> {
    let number = server.number(name).await?;
    ensure!(number >= least, "{name} is {number}, and {least} would be the least");
    Ok(())
}

/// Those who publish durable events, all together at the rate.
struct Publishers {
    tasks: JoinSet<Result<u64>>,
    go_on: Rc<Cell<bool>>,
}

impl Publishers {
    fn start(server: &Rc<Server>) -> Self {
        let (mut tasks, go_on) = (JoinSet::new(), Rc::new(Cell::new(true)));
        for place in 0..PUBLISHERS {
            tasks.spawn_local(publish(server.clone(), place, go_on.clone()));
        }
        Self { tasks, go_on }
    }

    /// How many events they published.
    async fn stop(mut self) -> Result<u64> {
        self.go_on.set(false);
        let mut published = 0;
        while let Some(ended) = self.tasks.join_next().await {
            published += ended??;
        }
        Ok(published)
    }
}

/// Publishes its share until it is told to stop; how many.
async fn publish(server: Rc<Server>, place: usize, goes_on: Rc<Cell<bool>>) -> Result<u64> {
    let mut connection = Connection::upgrade(&server, Seat { room: 0, place }).await?;
    let (mut ticks, mut published) = (interval(Duration::from_secs_f64(PUBLISHERS as f64 / RATE)), 0);
    while goes_on.get() {
        ticks.tick().await;
        connection.say(&Step { send: server.post(0)?, answer: Step::COMMAND, times: 1 }, |_| {}).await?;
        published += 1;
    }
    connection.bye().await?;
    Ok(published)
}

/// Those who take nothing.
struct Readers {
    _tasks: JoinSet<Result<()>>,
    /// What the server had resident when they were idle.
    idle: u64,
}

impl Readers {
    /// Lets them come and idle for a moment; from then on they take nothing.
    async fn come(server: &Server) -> Result<Self> {
        let (mut tasks, deaf) = (JoinSet::new(), watch::Sender::new(()));
        for place in 0..READERS {
            let connection = Connection::open_narrow(server, Seat { room: 0, place }).await?;
            tasks.spawn_local(attend(connection, deaf.subscribe()));
        }
        sleep(Duration::from_secs(1)).await;
        quiet(server).await?;
        deaf.send_replace(());
        Ok(Self { _tasks: tasks, idle: server.rss()? })
    }

    /// What each of them costs beyond an idle one.
    fn each(&self, resident: u64) -> f64 {
        resident.saturating_sub(self.idle) as f64 / READERS as f64
    }
}

/// Reads until it is deaf, and then only says that it is there.
async fn attend(mut connection: Connection, mut deaf: watch::Receiver<()>) -> Result<()> {
    loop {
        tokio::select! {
            turn = connection.turn(|_, _| {}) => turn?,
            _ = deaf.changed() => break,
        }
    }
    loop {
        connection.pong().await?;
        sleep(ALIVE).await;
    }
}
