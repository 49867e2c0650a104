//! Popups of macOS and Windows.
//!
//! There the handle's rule is the other way round: on macOS nothing is sent until somebody waits for the answer. Waiting
//! blocks, so each popup has a thread; the actor bounds how many.

use notify_rust::{Notification, NotificationResponse};
use tokio::sync::oneshot;

use super::{
    APP_NAME, MARK_READ, Reply,
    message::{Message, Urgency},
};

/// A popup on the screen.
pub struct Live(oneshot::Receiver<Reply>);

/// The notification service as it names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
}

/// The system's own.
#[allow(clippy::unused_async)]
pub async fn service() -> Result<Service, String> {
    Ok(Service { name: if cfg!(windows) { "Windows notifications" } else { "macOS notifications" }.into() })
}

/// Shows `message`. These systems cannot replace a popup; they group them by app.
pub async fn show(message: &Message, _service: &Service, _replaces: Option<u32>) -> Result<Live, String> {
    let mut popup = Notification::new();
    popup.appname(APP_NAME).summary(&message.summary).body(&message.body).action("default", "Open");
    #[cfg(windows)]
    popup.app_id("dev.watchbell.desktop").urgency(match message.urgency {
        Urgency::Low => notify_rust::Urgency::Low,
        Urgency::Normal => notify_rust::Urgency::Normal,
        Urgency::Critical => notify_rust::Urgency::Critical,
    });
    #[cfg(not(windows))]
    let _: Urgency = message.urgency; // macOS knows none without a signed entitlement
    if message.notification.is_some() {
        popup.action(MARK_READ, "Mark read");
    }
    let (shown, was_shown) = oneshot::channel();
    let (answer, reply) = oneshot::channel();
    tokio::task::spawn_blocking(move || match popup.show() {
        Ok(handle) => {
            let _ = shown.send(Ok(()));
            let _ = handle.wait_for_response(move |response: &NotificationResponse| {
                let _ = answer.send(match response {
                    NotificationResponse::Default => Reply::Open,
                    NotificationResponse::Action(action) if action == MARK_READ => Reply::MarkRead,
                    _ => Reply::Closed,
                });
            });
        }
        Err(error) => {
            let _ = shown.send(Err(format!("The system refused the popup: {error}.")));
        }
    });
    was_shown.await.unwrap_or_else(|_| Err("The system did not take the popup.".into()))?;
    Ok(Live(reply))
}

impl Live {
    /// These systems give popups no number.
    pub fn id(&self) -> Option<u32> {
        None
    }

    /// Waits until the person or the system ends the popup.
    pub async fn reply(self) -> Reply {
        self.0.await.unwrap_or(Reply::Closed)
    }
}
