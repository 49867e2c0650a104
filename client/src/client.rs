//! The façade: what programs call. Every method is a line or a few into the part that does the work.

mod streams;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use watchbell_protocol::{
    AnalysisId, Answer, Command, CommandId, Delivery, List, NotificationId, ProjectId, Room, Seq, WireError,
    command::{AnalysisCancel, NotificationClear, NotificationReadAll, NotificationReadCmd, PresenceUpdate},
    event::{Analysis, Status, Viewing},
    http::Account,
};

use crate::{
    address::{self, AddressError},
    cache::{Cache, CacheError},
    changes::{Changes, Events},
    driver::{self, Nudge, Shared, Want},
    options::{Credentials, Follow, Options, SessionStore},
    outbox::{self, SendError},
    view::{
        Connection, ConnectionState, IssueFilter, IssuePage, NotificationFilter, NotificationPage, ProjectRow,
        ProjectView,
    },
};

/// How often the outbox is looked at while somebody waits for it.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A client of one server under one account. Clones share everything; it ends with [`Client::shutdown`], or when the
/// last clone is dropped.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    driver: parking_lot::Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

/// Why a client could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Another running client has this cache.
    #[error("{} is in use by another running Watchbell", .0.display())]
    InUse(PathBuf),
    /// The cache was opened and then could not be read.
    #[error(transparent)]
    Unreadable(CacheError),
    /// The cache's folder or file cannot be made or written. (A damaged cache is moved aside and begun anew instead.)
    #[error("the cache {} cannot be opened: {reason}", path.display())]
    Cache {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Why a request has no answer to give.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It was not even queued.
    #[error(transparent)]
    NotSent(#[from] SendError),
    /// The server said no, for good.
    #[error("{0}")]
    Refused(WireError),
    /// The connection broke while a command that is not kept was on its way.
    #[error("the connection broke before it was known whether the server took it")]
    Unsure,
    /// The client was shut down first. A durable command stays in the outbox of a cache that is a file.
    #[error("the client was shut down before the server answered")]
    ShutDown,
}

/// A command on its way. Dropping it does not take the command back.
#[derive(Debug)]
pub struct Pending {
    /// The command's id; a created thing takes it.
    pub id: CommandId,
    answer: oneshot::Receiver<Result<Answer, WireError>>,
}

impl Pending {
    /// Waits for the answer, over as many connections as it takes.
    pub async fn answer(self) -> Result<Answer, RequestError> {
        match self.answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(RequestError::Refused(error)),
            Err(_) => Err(RequestError::ShutDown),
        }
    }
}

impl Client {
    /// Opens the cache and starts to connect. It returns as soon as the cache can be asked, with or without a network.
    pub async fn open(
        options: Options,
        credentials: Credentials,
        store: Arc<dyn SessionStore>,
    ) -> Result<Self, OpenError> {
        address::check(&options.server)?;
        let cache = Cache::open(&options.cache).await?;
        let waiting = cache.waiting().await.map_err(OpenError::Unreadable)?;
        let saved_at = cache.saved_at().await.map_err(OpenError::Unreadable)?;
        let shared = Arc::new(Shared::new(cache, waiting, saved_at));
        let driver = driver::spawn(Arc::clone(&shared), options, credentials, store);
        Ok(Self { inner: Arc::new(Inner { shared, driver: parking_lot::Mutex::new(Some(driver)) }) })
    }

    /// Ends the client: says goodbye to the server, writes what is to be written, closes the cache. Waiting commands
    /// stay in a cache that is a file. Calling it twice is fine.
    pub async fn shutdown(&self) {
        self.shared().stop.cancel();
        let driver = self.inner.driver.lock().take();
        if let Some(driver) = driver
            && let Err(error) = driver.await
        {
            tracing::error!(%error, "the client's driver ended badly");
        }
    }

    fn shared(&self) -> &Shared {
        &self.inner.shared
    }
}

/// Listening.
impl Client {
    /// What changes from now on. A slow listener gets the newest values; it never misses that something changed.
    pub fn changes(&self) -> Changes {
        self.shared().listeners.listen()
    }

    /// The events themselves, durable and latest, as they are applied, and the lines of streams that are looked at
    /// ([`Client::look`]). Bounded: a slow receiver is told that it missed some, and so is one whose room was rebuilt from
    /// the state.
    pub fn events(&self) -> Events {
        Events::new(self.shared().events.subscribe())
    }

    /// How the client stands with the server.
    pub fn connection(&self) -> Connection {
        self.shared().connection.borrow().clone()
    }

    /// The same, to wait on.
    pub fn watch_connection(&self) -> watch::Receiver<Connection> {
        self.shared().connection.subscribe()
    }

    /// Waits until everything that is followed is up to date. `Err` says why that will not come by itself.
    pub async fn live(&self) -> Result<(), String> {
        let mut connection = self.watch_connection();
        // Right after `connect` the state is still the one from before it.
        let settled = |connection: &Connection| is_settled(&connection.state) && !self.shared().is_connect_pending();
        let state = connection.wait_for(settled).await;
        match state.map(|connection| connection.state.clone()) {
            Ok(ConnectionState::Live { .. }) => Ok(()),
            Ok(ConnectionState::SignInNeeded { reason }) => Err(reason),
            Ok(ConnectionState::Disconnected { reason, .. }) => {
                Err(reason.unwrap_or_else(|| "disconnected".to_owned()))
            }
            Ok(_) | Err(_) => Err("the client was shut down".to_owned()),
        }
    }

    /// Waits until no command waits to be sent or answered.
    pub async fn drained(&self) {
        let mut connection = self.watch_connection();
        // The outbox itself is asked, because the number in the connection comes a moment later. An error means that
        // the client was shut down: nothing more will be sent.
        while self.shared().cache.waiting().await.is_ok_and(|waiting| waiting > 0) {
            // A command that came and went between two looks changes no number, so it is looked again anyway.
            if let Ok(Err(_)) = timeout(LOOK_AGAIN, connection.changed()).await {
                return;
            }
        }
    }
}

fn is_settled(state: &ConnectionState) -> bool {
    matches!(
        state,
        ConnectionState::Live { .. } | ConnectionState::SignInNeeded { .. } | ConnectionState::Disconnected { .. }
    )
}

/// Steering the connection. None of these blocks; what they ask for shows in [`Client::connection`].
impl Client {
    /// Connects again after [`Client::disconnect`], or after a sign-in was found wanting.
    pub fn connect(&self) {
        self.shared().connect_asked();
        self.shared().order(|orders| orders.want = Some(Want::Connect));
    }

    /// Disconnects, and stays so.
    pub fn disconnect(&self) {
        self.shared().order(|orders| orders.want = Some(Want::Disconnect));
    }

    /// Makes the next attempt now.
    pub fn retry_now(&self) {
        self.shared().order(|orders| orders.nudge = orders.nudge.max(Some(Nudge::Retry)));
    }

    /// The machine woke: whatever the socket says, it is replaced. A jump of the clock is noticed without this.
    pub fn woke(&self) {
        self.shared().order(|orders| orders.nudge = Some(Nudge::Woke));
    }

    /// The machine's network is another one: a connection that does not answer within [`crate::Timing::proof`] is
    /// replaced, and whoever waits tries at once. A change of the way to the server is noticed without this.
    pub fn network_changed(&self) {
        self.shared().order(|orders| orders.nudge = orders.nudge.max(Some(Nudge::NetworkChanged)));
    }

    /// Whether a window has the focus: notifications are toasts then, and popups otherwise. Whoever comes back to the
    /// window does not want to wait: the next attempt is made now.
    pub fn set_focus(&self, focused: bool) {
        let was_focused = self.shared().focused.swap(focused, std::sync::atomic::Ordering::Relaxed);
        if focused && !was_focused {
            self.retry_now();
        }
    }

    /// Which rooms to be in from now on.
    pub fn follow(&self, follow: Follow) {
        self.shared().order(|orders| orders.follow = Some(follow));
    }
}

/// Saying something.
impl Client {
    /// Queues a durable command: it is on disk when this returns, shows in queries at once, and is sent until the server
    /// has answered. A refusal comes as [`crate::change::Change::Refused`].
    pub async fn send(&self, room: Option<Room>, command: impl Into<Command>) -> Result<CommandId, SendError> {
        let id = CommandId::fresh();
        self.queue(id, room, command.into()).await?;
        Ok(id)
    }

    /// Like [`Client::send`], and the answer can be waited for.
    pub async fn begin(&self, room: Option<Room>, command: impl Into<Command>) -> Result<Pending, SendError> {
        let id = CommandId::fresh();
        let answer = self.shared().wait_for_answer(id);
        if let Err(error) = self.queue(id, room, command.into()).await {
            self.shared().forget_waiter(id);
            return Err(error);
        }
        Ok(Pending { id, answer })
    }

    /// Sends a durable command and waits for its answer, over as many connections as it takes.
    pub async fn request(&self, room: Option<Room>, command: impl Into<Command>) -> Result<Answer, RequestError> {
        self.begin(room, command).await?.answer().await
    }

    /// Says something that is true at this moment only. The latest value per thing is kept and said again after a
    /// reconnect, because the server's boards do not survive its restart.
    pub fn momentary(&self, room: Option<Room>, command: impl Into<Command>) {
        let command = command.into();
        debug_assert_eq!(command.delivery(), Delivery::Momentary, "{} is not momentary", command.name());
        self.shared().order(|orders| orders.momentary.put(room, command));
    }

    /// How this device's member stands, and what they look at.
    pub fn set_presence(&self, status: Status, viewing: Option<Viewing>) {
        self.momentary(None, PresenceUpdate { status, viewing });
    }

    /// Marks notifications as read.
    pub async fn mark_read(&self, ids: Vec<NotificationId>) -> Result<(), SendError> {
        for ids in ids.chunks(List::<NotificationId, { watchbell_protocol::limits::IDS }>::MAX) {
            let ids = List::try_from(ids.to_vec()).map_err(|error| SendError::Invalid(error.to_string()))?;
            self.send(self.own_room().await?, NotificationReadCmd { ids }).await?;
        }
        Ok(())
    }

    /// Marks all notifications up to and including this one as read.
    pub async fn mark_all_read(&self, through: Seq) -> Result<(), SendError> {
        self.send(self.own_room().await?, NotificationReadAll { through }).await.map(drop)
    }

    /// Clears all notifications up to and including this one.
    pub async fn clear_all(&self, through: Seq) -> Result<(), SendError> {
        self.send(self.own_room().await?, NotificationClear { through }).await.map(drop)
    }

    /// Asks to stop an analysis.
    pub async fn cancel_analysis(&self, analysis: AnalysisId) -> Result<(), SendError> {
        let known = self.shared().cache.analysis(analysis).await?;
        let room = known.map(|analysis| Room::Project(analysis.project));
        if room.is_none() {
            return Err(SendError::Invalid("this analysis is not known here".to_owned()));
        }
        self.send(room, AnalysisCancel { analysis }).await.map(drop)
    }

    async fn own_room(&self) -> Result<Option<Room>, SendError> {
        match self.shared().cache.account().await? {
            Some(account) => Ok(Some(Room::User(account.id))),
            None => Err(SendError::Invalid("nobody has signed in here yet".to_owned())),
        }
    }

    async fn queue(&self, id: CommandId, room: Option<Room>, command: Command) -> Result<(), SendError> {
        outbox::enqueue(&self.shared().cache, id, room, &command).await?;
        self.shared().order(|orders| orders.queued(&command));
        Ok(())
    }
}

/// Asking the cache. Every answer already holds what this device has asked for and the server has not yet confirmed.
impl Client {
    /// The projects, by name.
    pub async fn projects(&self) -> Result<Vec<ProjectRow>, CacheError> {
        self.shared().cache.projects().await
    }

    /// What the overview of a project shows; `None` for one that is not known here.
    pub async fn project(&self, project: ProjectId) -> Result<Option<ProjectView>, CacheError> {
        self.shared().cache.project(project).await
    }

    /// An analysis without its issues.
    pub async fn analysis(&self, analysis: AnalysisId) -> Result<Option<Analysis>, CacheError> {
        self.shared().cache.analysis(analysis).await
    }

    /// A page of an analysis's issues; at most 1,000 rows.
    pub async fn issues(
        &self,
        analysis: AnalysisId,
        filter: &IssueFilter,
        offset: u32,
        limit: u32,
    ) -> Result<IssuePage, CacheError> {
        self.shared().cache.issues(analysis, filter, offset, limit).await
    }

    /// A page of notifications.
    pub async fn notifications(&self, filter: &NotificationFilter) -> Result<NotificationPage, CacheError> {
        self.shared().cache.notifications(filter).await
    }

    /// Unread notifications in all.
    pub async fn unread(&self) -> Result<u32, CacheError> {
        self.shared().cache.unread().await
    }

    /// Who is signed in, as last heard; `None` before the first connection, and for an API token.
    pub async fn account(&self) -> Result<Option<Account>, CacheError> {
        self.shared().cache.account().await
    }

    /// The server's name, as last heard.
    pub async fn server_name(&self) -> Result<Option<String>, CacheError> {
        self.shared().cache.server_name().await
    }
}
