//! From the client's changes to everyone in the shell: the window, the popups, the tray.
//!
//! One loop; everything that can wake it is in its `select!`.

use std::sync::Arc;

use tauri::AppHandle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use watchbell_client::{
    Changes, Client,
    change::{Change, Shown},
    view::ConnectionState,
};

use crate::{
    bridge::Bridge,
    popups::{Heard, Popups},
    session::Session,
    view::AppChange,
    window,
};

/// What the loop tells.
pub struct Relay {
    pub app: AppHandle,
    pub session: Arc<Session>,
    pub bridge: Bridge,
    pub popups: Popups,
    /// The unread count, for the tray.
    pub unread: watch::Sender<u32>,
}

impl Relay {
    /// Runs until `stop`. `clients` says which client to listen to.
    pub async fn run(
        self,
        mut clients: mpsc::Receiver<Option<(Client, Changes)>>,
        mut heard: mpsc::Receiver<Heard>,
        stop: CancellationToken,
    ) {
        let mut changes: Option<Changes> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(client) = clients.recv() => changes = self.listen_to(client).await,
                Some(heard) = heard.recv() => self.popup_was(heard).await,
                batch = next(&mut changes) => match batch {
                    None => changes = None,
                    Some(batch) => {
                        for change in batch {
                            self.tell(change).await;
                        }
                    }
                },
            }
        }
    }

    async fn listen_to(&self, client: Option<(Client, Changes)>) -> Option<Changes> {
        let Some((client, changes)) = client else {
            self.unread.send_replace(0);
            return None;
        };
        client.set_focus(window::has_focus(&self.app));
        self.unread.send_replace(client.unread().await.unwrap_or_default());
        Some(changes)
    }

    async fn tell(&self, change: Change) {
        match &change {
            Change::Arrived { notification, shown: Shown::Popup, .. } => self.popups.show(notification.clone()).await,
            Change::Summary { count, unread, shown: Shown::Popup } => self.popups.summary(*count, *unread).await,
            Change::Notifications { unread } => {
                self.unread.send_replace(*unread);
            }
            Change::Connection { connection } if matches!(connection.state, ConnectionState::SignInNeeded { .. }) => {
                // Beside this loop: the session ends the client, which this loop listens to.
                let session = Arc::clone(&self.session);
                tokio::spawn(async move { session.end_if_refused().await });
            }
            _ => {}
        }
        self.bridge.send(AppChange::Client(Box::new(change))).await;
    }

    async fn popup_was(&self, heard: Heard) {
        match heard {
            Heard::State(state) => self.session.popups_are(state).await,
            Heard::Open(target) => {
                window::bring_to_front(&self.app);
                self.bridge.send(AppChange::Open(target)).await;
            }
            Heard::MarkRead(id) => {
                let Ok(client) = self.session.client() else { return }; // signed out since
                if let Err(error) = client.mark_read(vec![id]).await {
                    tracing::warn!(%error, "the notification could not be marked as read");
                }
            }
        }
    }
}

/// The next batch; never, while there is no client.
async fn next(changes: &mut Option<Changes>) -> Option<Vec<Change>> {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}
