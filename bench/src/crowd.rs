//! Many connections that receive: each a task of the one thread, all counting into one tally.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::JoinSet,
    time::{sleep, sleep_until},
};
use watchbell_protocol::Position;

use crate::{
    connection::{Connection, Joined},
    peer::{Seat, Server, Step},
    tally::Tally,
};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Connections that receive until this is dropped.
pub struct Crowd {
    tasks: JoinSet<()>,
    tally: Rc<RefCell<Tally>>,
    shared: Rc<Shared>,
    /// How long it took until the last of them was live.
    pub took: Duration,
}

#[derive(Default)]
struct Shared {
    live: Cell<usize>,
    ended: Cell<usize>,
    traffic: Cell<u64>,
    joined: RefCell<Vec<(usize, Joined)>>,
    /// Why the first connection broke.
    broken: RefCell<Option<anyhow::Error>>,
}

/// Who comes.
#[derive(Debug, Clone)]
pub struct Comers {
    /// Their seats.
    pub seats: Vec<Seat>,
    /// Where each is already, if it was here before: as many as seats, or none.
    pub since: Vec<[Option<Position>; 2]>,
    /// When each connects.
    pub coming: Coming,
    /// What each says behind its joins.
    pub then: Vec<Step>,
}

/// When comers connect.
#[derive(Debug, Clone, Copy)]
pub enum Coming {
    /// So many at the same time: the next one as soon as one is live.
    AtOnce(usize),
    /// So many per second, one after the other, whoever is live by then.
    PerSecond(f64),
}

impl Comers {
    /// That many to the first room, for the first time.
    pub fn to_one_room(count: usize, coming: Coming) -> Self {
        let seats = (0..count).map(|place| Seat { room: 0, place }).collect();
        Self { seats, since: Vec::new(), coming, then: Vec::new() }
    }
}

/// Where they wait until they may connect.
enum Door {
    Places(Semaphore),
    Clock { opened: tokio::time::Instant, pause: Duration },
}

impl Door {
    fn open(coming: Coming) -> Self {
        match coming {
            Coming::AtOnce(places) => Self::Places(Semaphore::new(places)),
            Coming::PerSecond(rate) => {
                Self::Clock { opened: tokio::time::Instant::now(), pause: Duration::from_secs_f64(1.0 / rate) }
            }
        }
    }

    /// Waits until the comer of this number may connect; gives the place that it takes until it is live, if they count.
    async fn enter(&self, number: usize) -> Result<Option<SemaphorePermit<'_>>> {
        match self {
            Self::Places(places) => places.acquire().await.map(Some).context("the places are never closed"),
            Self::Clock { opened, pause } => {
                sleep_until(*opened + pause.mul_f64(number as f64)).await;
                Ok(None)
            }
        }
    }
}

impl Crowd {
    /// Lets them come and waits until all are live.
    pub async fn open(server: &Rc<Server>, comers: &Comers, mark: &'static str) -> Result<Self> {
        let tally = Rc::new(RefCell::new(Tally::new(mark)?));
        let (shared, door) = (Rc::new(Shared::default()), Rc::new(Door::open(comers.coming)));
        let (mut tasks, all, began) = (JoinSet::new(), Rc::new(comers.clone()), Instant::now());
        for number in 0..comers.seats.len() {
            let (server, all, door) = (server.clone(), all.clone(), door.clone());
            let (shared, tally) = (shared.clone(), tally.clone());
            tasks.spawn_local(async move {
                let Err(error) = come(&server, &all, number, &door, &shared, &tally).await;
                shared.ended.set(shared.ended.get() + 1);
                shared.broken.borrow_mut().get_or_insert(error);
            });
        }
        let mut crowd = Self { tasks, tally, shared, took: Duration::ZERO };
        while crowd.shared.live.get() < comers.seats.len() {
            crowd.check()?;
            sleep(LOOK).await;
        }
        crowd.took = began.elapsed();
        Ok(crowd)
    }

    /// Fails if a connection broke.
    pub fn check(&self) -> Result<()> {
        match self.shared.broken.borrow_mut().take() {
            Some(error) => bail!("{} of {} connections broke: {error:#}", self.shared.ended.get(), self.tasks.len()),
            None => Ok(()),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The tally.
    pub fn tally(&self) -> std::cell::Ref<'_, Tally> {
        self.tally.borrow()
    }

    /// Bytes that all sockets got and sent since everybody connected.
    pub fn traffic(&self) -> u64 {
        self.shared.traffic.get()
    }

    /// Counts from now on.
    pub fn begin(&self) {
        self.tally.borrow_mut().begin();
    }

    /// Waits until that many were delivered, or until nothing comes any more for `quiet`.
    pub async fn settle(&self, expected: u64, quiet: Duration) -> Result<()> {
        let (mut known, mut since) = (self.tally().delivered(), Instant::now());
        while known < expected && since.elapsed() < quiet {
            self.check()?;
            sleep(LOOK).await;
            let now = self.tally().delivered();
            if now != known {
                (known, since) = (now, Instant::now());
            }
        }
        Ok(())
    }

    /// What each heard while it joined, in the order of the seats.
    pub fn joined(&self) -> Vec<Joined> {
        let mut joined = self.shared.joined.take();
        joined.sort_by_key(|(number, _)| *number);
        joined.into_iter().map(|(_, joined)| joined).collect()
    }

    /// Ends all connections and waits until they are gone from this side.
    pub async fn leave(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Connects, joins, and receives until the connection breaks.
async fn come(
    server: &Server,
    all: &Comers,
    number: usize,
    door: &Door,
    shared: &Shared,
    tally: &RefCell<Tally>,
) -> Result<std::convert::Infallible> {
    let since = all.since.get(number).copied().unwrap_or_default();
    let place = door.enter(number).await?;
    let (mut connection, joined) = Connection::open(server, all.seats[number], since).await?;
    for step in &all.then {
        connection.say(step, |_| {}).await?;
    }
    drop(place);
    connection.take_traffic();
    shared.joined.borrow_mut().push((number, joined));
    shared.live.set(shared.live.get() + 1);
    loop {
        connection.turn(|text, now| tally.borrow_mut().take(text, now)).await?;
        shared.traffic.set(shared.traffic.get() + connection.take_traffic());
    }
}
