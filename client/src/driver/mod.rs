//! The only socket and the only clock: turns what happens into inputs of the pure machines and does what they say.
//!
//! One task owns everything; what can wake it is [`Wake`]. Frames are applied one after the other, and while one is
//! being applied no other is read, so a slow disk slows the sender instead of filling memory.

mod append;
mod clock;
mod effects;
mod frames;
mod momentary;
mod network;
mod renewal;
mod shared;
mod tell;

use std::{future::pending, sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::sleep_until};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use watchbell_protocol::{CloseCode, Event, UnixMillis, UserId, http::SignedIn};

use self::{append::Appending, clock::Clock, momentary::Momentary, network::Network};
pub(crate) use append::{Append, Undone};
pub(crate) use shared::{Nudge, Shared, Want};

use crate::{
    cache::{CacheError, Touched},
    http::SignInError,
    options::{Credentials, Options, SessionStore},
    outbox::window::Window,
    popup::Policy,
    session::{Input, Kind, Moment, OpenFailure, Session, rooms::Rooms},
    transport::{Inbound, Link},
};

/// How often what is too old is let go of.
const PRUNE_EVERY: Duration = Duration::from_hours(24);

/// Starts the driver; it ends when `shared.stop` is cancelled.
pub(crate) fn spawn(
    shared: Arc<Shared>,
    options: Options,
    credentials: Credentials,
    store: Arc<dyn SessionStore>,
) -> JoinHandle<()> {
    tokio::spawn(Driver::new(shared, options, credentials, store).run())
}

/// Everything that can wake the driver.
enum Wake {
    Stop,
    Ordered,
    Opened(Result<Link, OpenFailure>),
    Tried(Result<Link, OpenFailure>),
    NetworkChanged,
    Renewed(Result<SignedIn, SignInError>),
    Inbound(Inbound),
    Tick,
}

struct Driver {
    shared: Arc<Shared>,
    options: Options,
    store: Arc<dyn SessionStore>,
    clock: Clock,
    network: Network,

    access_token: String,
    refresh_token: Option<String>,
    opening: Option<AbortOnDropHandle<Result<Link, OpenFailure>>>,
    /// A WebSocket that is tried beside a connection by long-poll …
    trying: Option<AbortOnDropHandle<Result<Link, OpenFailure>>>,
    /// … and what came of it, until the session has said whether it is wanted.
    tried: Option<Link>,
    renewing: Option<AbortOnDropHandle<Result<SignedIn, SignInError>>>,
    link: Option<Link>,
    farewells: TaskTracker,

    session: Session,
    rooms: Rooms,
    window: Window,
    momentary: Momentary,
    appending: Option<Appending>,
    popups: Policy,
    /// The member, as the server's `connected` says; nobody for an API token.
    me: Option<UserId>,

    ping: Ping,
    /// The last sign of life.
    heard_at: UnixMillis,
    /// Something in the outbox may be ready to be sent.
    pump: bool,
    /// The way out was full: try again then.
    congested_until: Option<Duration>,
    prune_at: Duration,
    news: News,
}

/// How long a cache that failed is left alone.
const CACHE_PAUSE: Duration = Duration::from_secs(1);

/// The ping that is on its way, and how long the last one took.
#[derive(Debug, Default)]
struct Ping {
    number: u64,
    sent: Option<Duration>,
    latency: Option<Duration>,
}

/// What the listeners were not told yet.
#[derive(Default)]
struct News {
    touched: Touched,
    /// Not before this.
    tell_at: Duration,
    /// The number of waiting commands has to be counted again.
    recount: bool,
    /// The state that is told next shows what came of a wish to connect.
    connect_asked: bool,
}

impl Driver {
    fn new(shared: Arc<Shared>, options: Options, credentials: Credentials, store: Arc<dyn SessionStore>) -> Self {
        let (kind, access_token, refresh_token) = match credentials {
            Credentials::Refresh(token) => (Kind::Member, String::new(), Some(token)),
            Credentials::Token(token) => (Kind::Fixed, token, None),
        };
        let mut momentary = Momentary::default();
        if options.presence {
            let here = watchbell_protocol::command::PresenceUpdate {
                status: watchbell_protocol::event::Status::Online,
                viewing: None,
            };
            momentary.put(None, here.into());
        }
        Self {
            session: Session::new(kind, options.timing.clone()),
            rooms: Rooms::new(options.follow),
            window: Window::new(options.timing.command_pause),
            momentary,
            appending: None,
            popups: Policy::default(),
            me: None,
            network: Network::watch(&options.server, options.timing.network_check),
            shared,
            options,
            store,
            clock: Clock::start(),
            access_token,
            refresh_token,
            opening: None,
            trying: None,
            tried: None,
            renewing: None,
            link: None,
            farewells: TaskTracker::new(),
            ping: Ping::default(),
            heard_at: UnixMillis(0),
            pump: false,
            congested_until: None,
            prune_at: Duration::ZERO,
            news: News::default(),
        }
    }

    async fn run(mut self) {
        self.input(Input::Connect);
        loop {
            self.turn().await;
            match self.wake().await {
                Wake::Stop => break,
                Wake::Ordered => self.take_orders().await,
                Wake::Opened(Ok(link)) => {
                    self.opening = None;
                    self.link = Some(link);
                }
                Wake::Opened(Err(failure)) => {
                    self.opening = None;
                    tracing::debug!(?failure, "no connection");
                    self.input(Input::OpenFailed(failure));
                }
                Wake::Tried(result) => self.tried(result),
                Wake::NetworkChanged => self.input(Input::NetworkChanged),
                Wake::Renewed(result) => {
                    self.renewing = None;
                    self.renewed(result).await;
                }
                Wake::Inbound(inbound) => self.inbound(inbound).await,
                Wake::Tick => {}
            }
        }
        self.end().await;
    }

    async fn wake(&mut self) -> Wake {
        let deadline = self.clock.instant(self.deadline());
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => Wake::Stop,
            () = self.shared.ordered.notified() => Wake::Ordered,
            result = finished(&mut self.opening) => Wake::Opened(result.unwrap_or_else(|| {
                Err(OpenFailure::Network("connecting failed unexpectedly".to_owned()))
            })),
            result = finished(&mut self.trying) => Wake::Tried(result.unwrap_or_else(|| {
                Err(OpenFailure::Network("trying failed unexpectedly".to_owned()))
            })),
            () = self.network.changed() => Wake::NetworkChanged,
            result = finished(&mut self.renewing) => Wake::Renewed(result.unwrap_or_else(|| {
                let (host, reason) = (crate::http::host(&self.options.server), "renewing failed unexpectedly".to_owned());
                Err(SignInError::Unreachable { host, reason })
            })),
            inbound = inbound(&mut self.link) => Wake::Inbound(inbound),
            () = sleep_until(deadline) => Wake::Tick,
        }
    }

    /// What is due after every wake, whatever it was: so nothing starves behind a busy socket.
    async fn turn(&mut self) {
        self.input(Input::Tick);
        let now = self.clock.now();
        let done = async {
            if self.session.is_open() {
                self.join_rooms(now).await?;
                self.look_at_streams(now).await?;
                self.send_waiting(now).await?;
                self.say_momentary(now);
                self.send_append(now);
            }
            if self.prune_at <= now.mono {
                self.prune_at = now.mono + PRUNE_EVERY;
                self.shared.cache.prune(now.wall).await?;
            }
            self.tell(now).await
        };
        if let Err(error) = done.await {
            self.cache_failed(&error);
        }
    }

    /// When the next `Tick` is due.
    fn deadline(&self) -> Duration {
        let now = self.clock.now();
        let open = self.session.is_open();
        let parts = [
            Some(self.session.deadline(now)),
            Some(self.prune_at),
            self.rooms.deadline().filter(|_| open),
            self.window.deadline(now.mono).filter(|_| open),
            self.congested_until.filter(|_| open),
            self.popups.due(),
            (!self.news.touched.is_empty()).then_some(self.news.tell_at),
        ];
        parts.into_iter().flatten().min().unwrap_or(now.mono)
    }

    /// Gives the session machine an input and does what it says.
    fn input(&mut self, input: Input) {
        let at = self.clock.now();
        for effect in self.session.handle(input, at) {
            self.perform(effect, at);
        }
    }

    /// The cache could not be read or written: nothing was advanced, so a new connection goes on from there.
    fn cache_failed(&mut self, error: &CacheError) {
        tracing::error!(%error, "the cache failed");
        // What could not be told is due at once again: without a pause a cache that stays broken would keep a core busy.
        self.news.tell_at = self.clock.now().mono + CACHE_PAUSE;
        self.input(Input::Broken(error.to_string()));
    }

    async fn end(mut self) {
        if let Some(link) = self.link.take() {
            link.close(CloseCode::Normal).await;
        }
        self.opening = None;
        self.trying = None;
        self.renewing = None;
        self.farewells.close();
        self.farewells.wait().await;
        self.shared.close();
        self.shared.cache.close().await;
    }

    fn moment(&self) -> Moment {
        self.clock.now()
    }
}

/// What of an event receivers may hear: nothing of what this build does not know.
fn is_known(event: &Event) -> bool {
    !matches!(event, Event::Unknown)
}

/// The result of a task, `None` if it panicked; never without a task.
async fn finished<T>(task: &mut Option<AbortOnDropHandle<T>>) -> Option<T> {
    match task {
        Some(task) => task.await.ok(),
        None => pending().await,
    }
}

async fn inbound(link: &mut Option<Link>) -> Inbound {
    match link {
        Some(link) => link.next().await,
        None => pending().await,
    }
}
