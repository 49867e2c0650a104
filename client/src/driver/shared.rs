//! What the façade and the driver share. The façade only leaves orders here; the driver does the work.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast, oneshot, watch};
use tokio_util::sync::CancellationToken;
use watchbell_protocol::{AnalysisId, Answer, Command, CommandId, Room, UnixMillis, WireError, command::ReportItem};

use super::{append::Append, momentary::Momentary};
use crate::{
    cache::Cache,
    changes::{Heard, Listeners},
    options::{Follow, Streams},
    view::{Connection, ConnectionState},
};

/// Events a slow receiver may be behind before it is told that it missed some.
const EVENTS: usize = 1024;

/// What the person wants of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Connect,
    Disconnect,
}

/// A reason not to wait for the next attempt; the greater one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nudge {
    /// Somebody wants it now.
    Retry,
    /// The network is another one; what is open has to prove itself.
    NetworkChanged,
    /// The socket is worth nothing any more, whatever it says.
    Woke,
}

/// What the façade asks of the driver: the newest wish of each kind, so that it never grows.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) want: Option<Want>,
    pub(crate) nudge: Option<Nudge>,
    pub(crate) follow: Option<Follow>,
    pub(crate) streams: BTreeMap<Room, Streams>,
    /// The one whose turn it is.
    pub(crate) append: Option<Append>,
    pub(crate) momentary: Momentary,
    /// Something was put into the outbox …
    pub(crate) pump: bool,
    /// … that changes how notifications look …
    pub(crate) notifications: bool,
    /// … or that asks to stop an analysis; the newest is enough, a person stops one at a time …
    pub(crate) cancelled: Option<AnalysisId>,
    /// … or that ends one, whose lease needs no more renewing.
    pub(crate) ended: BTreeSet<AnalysisId>,
}

impl Orders {
    /// A durable command was queued.
    pub(crate) fn queued(&mut self, command: &Command) {
        self.pump = true;
        match command {
            Command::NotificationReadCmd(_) | Command::NotificationReadAll(_) | Command::NotificationClear(_) => {
                self.notifications = true;
            }
            Command::AnalysisCancel(cancel) => self.cancelled = Some(cancel.analysis),
            Command::AnalysisReport(report) if report.items.iter().any(|item| matches!(item, ReportItem::End(_))) => {
                self.momentary.forget_analysis(report.analysis);
                self.ended.insert(report.analysis);
            }
            _ => {}
        }
    }
}

/// What the façade and the driver share.
pub(crate) struct Shared {
    pub(crate) cache: Cache,
    pub(crate) listeners: Listeners,
    pub(crate) events: broadcast::Sender<Heard>,
    pub(crate) connection: watch::Sender<Connection>,
    pub(crate) focused: AtomicBool,
    /// Somebody asked to connect, and the state does not show it yet.
    connect_pending: AtomicBool,
    pub(crate) stop: CancellationToken,
    orders: Mutex<Orders>,
    /// Held by whoever appends: the others wait, so that lines stay in order and none gather here.
    pub(crate) append_turn: tokio::sync::Mutex<()>,
    pub(super) ordered: Notify,
    waiters: Mutex<HashMap<CommandId, oneshot::Sender<Result<Answer, WireError>>>>,
}

impl Shared {
    pub(crate) fn new(cache: Cache, waiting: u32, saved_at: Option<UnixMillis>) -> Self {
        let state = ConnectionState::Connecting { offline_since: None };
        Self {
            cache,
            listeners: Listeners::default(),
            events: broadcast::Sender::new(EVENTS),
            connection: watch::Sender::new(Connection { state, transport: None, latency_ms: None, waiting, saved_at }),
            focused: AtomicBool::new(false),
            connect_pending: AtomicBool::new(false),
            stop: CancellationToken::new(),
            orders: Mutex::default(),
            append_turn: tokio::sync::Mutex::default(),
            ordered: Notify::new(),
            waiters: Mutex::default(),
        }
    }

    pub(crate) fn connect_asked(&self) {
        self.connect_pending.store(true, Ordering::Release);
    }

    pub(crate) fn is_connect_pending(&self) -> bool {
        self.connect_pending.load(Ordering::Acquire)
    }

    /// The state shows what came of it; whoever waits looks again.
    pub(super) fn connect_done(&self) {
        self.connect_pending.store(false, Ordering::Release);
        self.connection.send_modify(|_| {});
    }

    /// Leaves an order.
    pub(crate) fn order(&self, write: impl FnOnce(&mut Orders)) {
        write(&mut self.orders.lock());
        self.ordered.notify_one();
    }

    /// Waits for the answer to a command that is about to be queued.
    pub(crate) fn wait_for_answer(&self, id: CommandId) -> oneshot::Receiver<Result<Answer, WireError>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiters = self.waiters.lock();
        // Callers that gave up leave their end behind.
        waiters.retain(|_, waiter| !waiter.is_closed());
        waiters.insert(id, sender);
        receiver
    }

    pub(crate) fn forget_waiter(&self, id: CommandId) {
        self.waiters.lock().remove(&id);
    }

    /// Hands an answer to whoever waits for it; says whether anybody did.
    pub(super) fn answered(&self, id: CommandId, result: Result<Answer, WireError>) -> bool {
        let waiter = self.waiters.lock().remove(&id);
        waiter.is_some_and(|waiter| waiter.send(result).is_ok())
    }

    /// Takes all orders.
    pub(super) fn take_orders(&self) -> Orders {
        std::mem::take(&mut *self.orders.lock())
    }

    /// Nobody will be answered any more.
    pub(super) fn close(&self) {
        self.waiters.lock().clear();
        self.listeners.close();
    }
}
