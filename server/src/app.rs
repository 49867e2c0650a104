//! The parts that everything shares, built once, and how they run and stop.

use std::{ops::Deref, path::Path, sync::Arc, time::Duration};

use tokio::{net::TcpListener, runtime::Handle, time::timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    auth::{Auth, keys::Keys},
    background::Background,
    bus::{FanOut, Follower},
    clock::Clock,
    config::Config,
    domain::{Holder, LeaseChange, lease::Leases, memberships::Memberships, presence::Presences},
    hub::Hub,
    ingest::{Ingest, Momentary, Writer},
    limits::Limits,
    listener::Door,
    metrics::Metrics,
    poll::Lines,
    router::router,
    serve::serve,
    store::{self, Store},
    timing::Timing,
    tls::Tls,
    ws::{catch_up::pages::Pages, flushers::Flushers, registry::Connections},
};

/// Clients come back after a restart spread over this long for each of them: a few at once, many not all together.
const SPREAD: Duration = Duration::from_millis(2);

/// The shared parts; a cheap handle.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] consists of.
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The rhythms.
    pub timing: Timing,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Store,
    /// Who somebody is.
    pub auth: Auth,
    /// The rooms.
    pub hub: Arc<Hub>,
    /// The way in for durable commands.
    pub ingest: Ingest,
    /// The way in for momentary commands.
    pub momentary: Momentary,
    /// Who is here.
    pub presences: Arc<Presences>,
    /// What many read at once.
    pub pages: Arc<Pages>,
    /// The certificate, if the server speaks TLS.
    pub tls: Option<Arc<Tls>>,
    /// What is counted and measured.
    pub metrics: Metrics,
    /// What clients may take.
    pub limits: Limits,
    /// Who writes what rooms put.
    pub flushers: Flushers,
    /// The connections.
    pub connections: Arc<Connections>,
    /// Those of them that poll.
    pub lines: Arc<Lines>,
    /// The tasks of the connections.
    pub connection_tasks: TaskTracker,
    /// Cancelled when the server begins to stop.
    pub stopping: CancellationToken,
    /// Ends the loops and the flushers, when no connection is left, then the writer; the fan-out ends with the writer.
    halt: Halt,
    tasks: TaskTracker,
}

/// What ends the tasks, also when the app is dropped without having been stopped.
struct Halt {
    loops: DropGuard,
    writer: DropGuard,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Opens the database in the configured folder, builds the parts and starts what works by itself.
    pub async fn open(config: Config, timing: Timing) -> anyhow::Result<Self> {
        let folder: &Path = &config.server.data_dir;
        let keys = Keys::read(folder)?;
        let store = Store::open(&folder.join(store::FILE_NAME)).await?;
        let auth = Auth::new(&keys, &config.auth, store.clone())?;
        let tls = Tls::open(&config.tls)?.map(Arc::new);
        let clock = Clock;
        let hub = Arc::new(Hub::new(store.epoch()).batching((&config.streams).into()));
        let presences = Arc::new(Presences::new(timing.presence_grace));
        let leases = Arc::new(leases(&store, clock, timing.lease).await?);
        let connections = Arc::new(Connections::default());
        let pages = Arc::new(Pages::default());

        let metrics = if config.metrics.listen.0.is_some() { Metrics::on()? } else { Metrics::off() };

        let tasks = TaskTracker::new();
        let (loops, writes) = (CancellationToken::new(), CancellationToken::new());
        let last = store::journal::last_id(&mut *store.look().await?).await?;
        let memberships = Arc::new(Memberships::default());
        let fan_out = FanOut {
            hub: hub.clone(),
            presences: presences.clone(),
            memberships: memberships.clone(),
            clock,
            took: metrics.fan_out.clone(),
        };
        let (bus, fan_out) = Follower::new(store.clone(), fan_out, last, timing.follow_every);
        let (ingest, writing) = Writer::new(store.clone(), leases.clone(), bus, clock, &config, &metrics);
        tasks.spawn(fan_out.run());
        tasks.spawn(writing.run(writes.clone()));
        let background = Background {
            timing,
            clock,
            store: store.clone(),
            hub: hub.clone(),
            ingest: ingest.clone(),
            leases: leases.clone(),
            presences: presences.clone(),
            memberships: memberships.clone(),
            pages: pages.clone(),
            connections: connections.clone(),
        };
        background.start(&tasks, &loops);
        let flushers = Flushers::new(Handle::current().metrics().num_workers());
        flushers.start(&tasks, &loops);

        let momentary =
            Momentary::new(store.clone(), hub.clone(), leases, presences.clone(), memberships, clock, &metrics);
        Ok(Self(Arc::new(Parts {
            tls,
            metrics,
            limits: Limits::new(&config.limits),
            config,
            timing,
            clock,
            store,
            auth,
            hub,
            ingest,
            momentary,
            presences,
            pages,
            flushers,
            connections,
            lines: Arc::default(),
            connection_tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            halt: Halt { loops: loops.drop_guard(), writer: writes.drop_guard() },
            tasks,
        })))
    }

    /// Says farewell to everybody, writes what waits, and closes the database.
    async fn stop(&self) {
        let count = u32::try_from(self.connections.count()).unwrap_or(u32::MAX);
        let spread = SPREAD.saturating_mul(count);
        // Lines wait for others only while there may be others.
        self.hub.flush_streams(self.clock.moment() + self.timing.farewell);
        self.connections.stop(spread);
        self.connection_tasks.close();
        if timeout(self.timing.farewell, self.connection_tasks.wait()).await.is_err() {
            tracing::warn!(connections = self.connections.count(), "some connections took no farewell");
        }
        self.halt.loops.token().cancel();
        self.ingest.seen(self.presences.everybody(), self.clock.now()).await;
        self.halt.writer.token().cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
    }
}

/// Serves on `listener` until `shutdown`; then stops within seconds, everything acknowledged on the disk.
pub async fn run(app: App, listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
    let door = Door::new(listener, app.tls.clone());
    let mut serve = std::pin::pin!(serve(door, router(app.clone()), app.timing, app.stopping.clone()));
    tokio::select! {
        () = &mut serve => {}
        () = shutdown.cancelled() => {}
    }
    app.stopping.cancel();
    // Requests that are still under way get as long as the connections; clients that only idle don't hold this up.
    let (_, ()) = tokio::join!(timeout(app.timing.farewell, serve), app.stop());
    Ok(())
}

/// A whole lease, from now on, for every analysis that has not ended.
async fn leases(store: &Store, clock: Clock, length: Duration) -> anyhow::Result<Leases> {
    let leases = Leases::new(length);
    let now = clock.moment();
    for stored in store::analysis::open(&mut *store.look().await?).await? {
        let (analysis, room) = (stored.analysis.id, watchbell_protocol::Room::Project(stored.analysis.project));
        leases.apply(LeaseChange::Taken { analysis, room, holder: Holder::from_column(stored.holder) }, now);
    }
    Ok(leases)
}
