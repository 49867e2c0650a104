//! Who publishes at a rate, and what comes of it.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::time::{sleep, timeout};

use crate::{
    clock,
    connection::Connection,
    crowd::Crowd,
    machine,
    peer::{Seat, Server, Template},
};

/// The least pause between two writes: tokio's timer tells no shorter times apart.
const TICK: Duration = Duration::from_millis(1);
/// What is sent in one write at most, so that one hiccup of the generator is not a burst of a second.
const AT_ONCE: u64 = 256;
/// How long nothing may come before the rest counts as lost.
const QUIET: Duration = Duration::from_secs(1);

/// A connection that publishes the same values again and again.
pub struct Publisher {
    connection: Connection,
    templates: Vec<Template>,
    next: usize,
}

/// What to publish.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Events per second.
    pub rate: f64,
    /// For how long.
    pub during: Duration,
}

/// What came of a load.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Deliveries that were due.
    pub expected: u64,
    /// Deliveries that came.
    pub delivered: u64,
    /// Deliveries per second.
    pub per_second: f64,
    /// Latency, median, milliseconds.
    pub p50_ms: f64,
    /// Latency, 99th percentile, milliseconds.
    pub p99_ms: f64,
    /// CPU time of the server per delivery, microseconds.
    pub cpu_us: f64,
    /// How busy the load generator's core was with it, 0 to 1.
    pub generator: f64,
    /// How busy the server's core was with it, 0 to 1.
    pub server: f64,
}

impl Measured {
    /// The share of deliveries that did not come.
    pub fn lost(&self) -> f64 {
        1.0 - self.delivered as f64 / self.expected.max(1) as f64
    }
}

impl Publisher {
    /// Connects as the first member, and prepares to publish `keys` values to each of the first `rooms` rooms.
    pub async fn open(server: &Server, rooms: usize, keys: usize) -> Result<Self> {
        let mut connection = Connection::upgrade(server, Seat { room: 0, place: 0 }).await?;
        let (steps, templates) = server.publications(rooms, keys)?;
        for step in steps {
            connection.say(&step, |_| {}).await?;
        }
        Ok(Self { connection, templates, next: 0 })
    }

    /// Connects as the first member, and prepares to publish lines of the log, each by itself.
    pub async fn of_lines(server: &Server) -> Result<Self> {
        let connection = Connection::upgrade(server, Seat { room: 0, place: 0 }).await?;
        Ok(Self { connection, templates: vec![server.line(0)?], next: 0 })
    }

    /// Publishes; every event reaches `receivers` of the crowd.
    pub async fn measure(
        &mut self,
        server: &Rc<Server>,
        crowd: &Crowd,
        receivers: usize,
        load: Load,
    ) -> Result<Measured> {
        let warm_up = Load { during: load.during.mul_f64(0.25), ..load };
        crowd.begin();
        let sent = self.publish(warm_up).await?;
        crowd.settle(sent * receivers as u64, QUIET).await?;

        crowd.begin();
        let (cpu, own, began) = (server.cpu()?, machine::own_cpu()?, Instant::now());
        let sent = self.publish(load).await?;
        let busy = (machine::own_cpu()?.saturating_sub(own), server.cpu()?.saturating_sub(cpu), began.elapsed());
        let expected = sent * receivers as u64;
        let until_then = crowd.tally().delivered();
        crowd.settle(expected, QUIET).await?;
        crowd.check()?;
        let cpu = server.cpu()?.saturating_sub(cpu);
        let tally = crowd.tally();
        Ok(Measured {
            expected,
            delivered: tally.delivered(),
            per_second: until_then as f64 / busy.2.as_secs_f64(),
            p50_ms: tally.latency_ms(0.5),
            p99_ms: tally.latency_ms(0.99),
            cpu_us: cpu.as_secs_f64() * 1e6 / tally.delivered().max(1) as f64,
            generator: busy.0.as_secs_f64() / busy.2.as_secs_f64(),
            server: busy.1.as_secs_f64() / busy.2.as_secs_f64(),
        })
    }

    /// Publishes at the rate; how many. A server that takes no more gets fewer.
    pub async fn publish(&mut self, load: Load) -> Result<u64> {
        let (began, mut sent, mut frames) = (Instant::now(), 0_u64, Vec::new());
        while began.elapsed() < load.during {
            let due = (began.elapsed().as_secs_f64() * load.rate) as u64 + 1;
            if due > sent {
                let count = (due - sent).min(AT_ONCE);
                frames.clear();
                for _ in 0..count {
                    let count = self.templates.len();
                    self.templates[self.next % count].put(&mut frames, clock::now());
                    self.next += 1;
                }
                self.connection.send(&frames).await?;
                sent += count;
            }
            self.listen().await?;
            let next = Duration::from_secs_f64(sent as f64 / load.rate).saturating_sub(began.elapsed());
            sleep(next.max(TICK)).await;
        }
        Ok(sent)
    }

    /// Takes what the server says to the publisher, without waiting for it: pings, and refusals, which fail.
    async fn listen(&mut self) -> Result<()> {
        let mut refusal = None;
        let mut hear = |text: &[u8], _| refusal = refusal.take().or_else(|| refused(text));
        while let Ok(turn) = timeout(Duration::ZERO, self.connection.turn(&mut hear)).await {
            turn?;
        }
        match refusal {
            Some(refusal) => anyhow::bail!("the publisher was refused: {refusal}"),
            None => Ok(()),
        }
    }
}

fn refused(text: &[u8]) -> Option<String> {
    text.starts_with(b"{\"error\":").then(|| String::from_utf8_lossy(text).into_owned())
}
