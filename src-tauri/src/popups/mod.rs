//! Popups of the operating system: one actor that shows them, keeps them alive, and hears the clicks.
//!
//! Deliberately absent: the decision what is shown as a popup; the client made it and noted it before it said so. Without
//! a notification service the app works, and says that popups are off.

mod message;
#[cfg(not(all(unix, not(target_os = "macos"))))]
#[path = "native.rs"]
mod system;
#[cfg(all(unix, not(target_os = "macos")))]
#[path = "xdg.rs"]
mod system;

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use watchbell_protocol::{NotificationId, event::Notification};

use self::message::Message;
use crate::{
    latency,
    view::{OpenTarget, PopupState},
};

/// The app's name on every popup.
const APP_NAME: &str = "Watchbell";
/// The name of the action "Mark read".
const MARK_READ: &str = "mark_read";
/// Popups on the screen at once; each holds a connection to the bus. What comes beyond is summarised in one.
const LIVE: usize = 5;
/// An unanswered popup is let go after this long; the notification is in the app's list.
const LIFE: Duration = Duration::from_hours(1);
/// Requests that may wait for the actor.
const WAITING: usize = 64;

/// How a popup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    /// Its body was clicked.
    Open,
    /// "Mark read" was clicked.
    MarkRead,
    /// It went away.
    Closed,
}

/// What the rest of the app hears from the popups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Whether popups are shown.
    State(PopupState),
    /// Show this.
    Open(OpenTarget),
    /// Mark this as read.
    MarkRead(NotificationId),
}

/// Everything that can wake the actor but replies and its own clock.
enum Request {
    Show(Box<Notification>),
    Summary { count: u32, unread: u32 },
    Test(oneshot::Sender<String>),
}

/// The way to the actor.
#[derive(Clone)]
pub struct Popups(mpsc::Sender<Request>);

impl Popups {
    /// Starts the actor; it ends with `stop`.
    pub fn start(heard: mpsc::Sender<Heard>, stop: CancellationToken) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let actor = Actor { heard, live: JoinSet::new(), state: PopupState::Unknown, summary: Summary::default() };
        tauri::async_runtime::spawn(actor.run(receiver, stop));
        Self(sender)
    }

    /// Shows one notification.
    pub async fn show(&self, notification: Notification) {
        let _ = self.0.send(Request::Show(Box::new(notification))).await; // the actor ends only with the app
    }

    /// Shows that `count` notifications came, in one popup; `unread` are unread in all.
    pub async fn summary(&self, count: u32, unread: u32) {
        let _ = self.0.send(Request::Summary { count, unread }).await;
    }

    /// Shows a test popup; the answer says in a sentence what really happened.
    pub async fn test(&self) -> String {
        let (answer, told) = oneshot::channel();
        let _ = self.0.send(Request::Test(answer)).await;
        told.await.unwrap_or_else(|_| "Watchbell is quitting.".into())
    }
}

/// The one popup that only counts.
#[derive(Default)]
struct Summary {
    count: u32,
    unread: u32,
    /// The service's number of it, and the task that waits for its answer; absent until it was shown.
    popup: Option<(Option<u32>, AbortHandle)>,
}

struct Actor {
    heard: mpsc::Sender<Heard>,
    /// One task per popup on the screen.
    live: JoinSet<(Message, Reply)>,
    state: PopupState,
    /// What came together, or while [`LIVE`] popups were on the screen.
    summary: Summary,
}

impl Actor {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return, // dropping the tasks closes their popups
                Some(ended) = self.live.join_next() => {
                    if let Ok((message, reply)) = ended { self.replied(&message, reply).await }
                }
                request = requests.recv() => match request {
                    None => return,
                    Some(Request::Show(notification)) => self.show(*notification).await,
                    Some(Request::Summary { count, unread }) => self.summarise(count, unread).await,
                    Some(Request::Test(answer)) => {
                        let _ = answer.send(self.test().await); // the window may have gone
                    }
                },
            }
        }
    }

    async fn show(&mut self, notification: Notification) {
        if self.live.len() < LIVE {
            let _ = self.put_up(Message::of(&notification), None).await; // the state tells the window
        } else {
            self.summarise(1, 0).await;
        }
    }

    /// Counts on in the summary that is on the screen, or puts up a new one.
    async fn summarise(&mut self, count: u32, unread: u32) {
        let before = self.summary.popup.take().filter(|(_, wait)| !wait.is_finished());
        if before.is_none() {
            self.summary = Summary::default(); // the last one was seen: count anew
        }
        self.summary.count = self.summary.count.saturating_add(count);
        self.summary.unread = self.summary.unread.max(unread);
        let message = Message::summary(self.summary.count, self.summary.unread);
        let replaces = before.as_ref().and_then(|(id, _)| *id);
        self.summary.popup = self.put_up(message, replaces).await.ok();
        if let Some((_, wait)) = before {
            wait.abort(); // the new task waits for the popup that took its place
        }
    }

    async fn test(&mut self) -> String {
        match self.put_up(Message::test(), None).await {
            Ok(_) => match &self.state {
                PopupState::On { service } => format!("{service} took the popup."),
                PopupState::Off { .. } | PopupState::Unknown => "The popup was taken.".into(),
            },
            Err(reason) => reason,
        }
    }

    /// Shows `message`, waits for its answer in a task, and says whether popups are on.
    async fn put_up(&mut self, message: Message, replaces: Option<u32>) -> Result<(Option<u32>, AbortHandle), String> {
        match ask_system(&message, replaces).await {
            Ok((service, live)) => {
                latency::popup_shown(message.made_at);
                self.become_state(PopupState::On { service: service.name }).await;
                let id = live.id();
                let wait = self.live.spawn(async move {
                    let reply = tokio::time::timeout(LIFE, live.reply()).await.unwrap_or(Reply::Closed);
                    (message, reply)
                });
                Ok((id, wait))
            }
            Err(reason) => {
                tracing::warn!(%reason, "a popup was not shown");
                self.become_state(PopupState::Off { reason: reason.clone() }).await;
                Err(reason)
            }
        }
    }

    async fn replied(&mut self, message: &Message, reply: Reply) {
        match (reply, message.notification) {
            (Reply::Open, notification) => {
                self.tell(Heard::Open(message.target.clone())).await;
                if let Some(id) = notification {
                    self.tell(Heard::MarkRead(id)).await; // who opened it has read it
                }
            }
            (Reply::MarkRead, Some(id)) => self.tell(Heard::MarkRead(id)).await,
            (Reply::MarkRead, None) | (Reply::Closed, _) => {}
        }
    }

    async fn become_state(&mut self, state: PopupState) {
        if self.state != state {
            self.state = state.clone();
            self.tell(Heard::State(state)).await;
        }
    }

    async fn tell(&self, heard: Heard) {
        let _ = self.heard.send(heard).await; // nobody listens once the app quits
    }
}

async fn ask_system(message: &Message, replaces: Option<u32>) -> Result<(system::Service, system::Live), String> {
    let service = system::service().await?;
    let live = system::show(message, &service, replaces).await?;
    Ok((service, live))
}
