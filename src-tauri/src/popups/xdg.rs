//! Popups over D-Bus (Linux, BSD).
//!
//! A popup lives as long as the connection that showed it: when the handle is dropped, GNOME closes it. So the handle is
//! kept until the person answers or the service closes the popup.

use std::{sync::Mutex, time::Duration};

use notify_rust::{Hint, Notification, NotificationHandle, NotificationResponse};

use super::{
    APP_NAME, MARK_READ, Reply,
    message::{Message, Urgency, escape_markup},
};

/// A service that takes longer is taken for stuck.
const DEADLINE: Duration = Duration::from_secs(3);

/// A popup on the screen.
pub struct Live(NotificationHandle);

/// The notification service as it names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Name and version, such as "dunst 1.9.0".
    pub name: String,
    /// Whether it reads the body as markup.
    markup: bool,
}

/// Asks the service who it is. The error is a sentence for people.
pub async fn service() -> Result<Service, String> {
    let ask = async {
        let bus = zbus::Connection::session().await?;
        let notifications = zbus::Proxy::new(
            &bus,
            "org.freedesktop.Notifications",
            "/org/freedesktop/Notifications",
            "org.freedesktop.Notifications",
        )
        .await?;
        let (name, _vendor, version, _spec): (String, String, String, String) =
            notifications.call("GetServerInformation", &()).await?;
        let capabilities: Vec<String> = notifications.call("GetCapabilities", &()).await?;
        let markup = capabilities.iter().any(|capability| capability == "body-markup");
        zbus::Result::Ok(Service { name: format!("{name} {version}").trim().to_owned(), markup })
    };
    match tokio::time::timeout(DEADLINE, ask).await {
        Ok(Ok(service)) => Ok(service),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no notification service");
            Err("No notification service is running in this desktop session.".into())
        }
        Err(_) => Err("The notification service does not answer.".into()),
    }
}

/// Shows `message`, in place of the popup `replaces` if there is one.
pub async fn show(message: &Message, service: &Service, replaces: Option<u32>) -> Result<Live, String> {
    let body = if service.markup { escape_markup(&message.body) } else { message.body.clone() };
    let mut popup = Notification::new();
    popup
        .appname(APP_NAME)
        .summary(&message.summary)
        .body(&body)
        .icon("watchbell-desktop")
        .hint(Hint::DesktopEntry(APP_NAME.into()))
        .urgency(match message.urgency {
            Urgency::Low => notify_rust::Urgency::Low,
            Urgency::Normal => notify_rust::Urgency::Normal,
            Urgency::Critical => notify_rust::Urgency::Critical,
        })
        .action("default", "Open"); // without it a click on the body says nothing
    if message.notification.is_some() {
        popup.action(MARK_READ, "Mark read");
    }
    if let Some(id) = replaces {
        popup.id(id);
    }
    match tokio::time::timeout(DEADLINE, popup.show_async()).await {
        Ok(Ok(handle)) => Ok(Live(handle)),
        Ok(Err(error)) => Err(format!("The notification service refused: {error}.")),
        Err(_) => Err("The notification service does not answer.".into()),
    }
}

impl Live {
    /// The service's number of the popup, with which a later one can replace it.
    #[allow(clippy::unnecessary_wraps)] // other systems have none
    pub fn id(&self) -> Option<u32> {
        Some(self.0.id())
    }

    /// Waits until the person or the service ends the popup.
    pub async fn reply(self) -> Reply {
        let heard = Mutex::new(Reply::Closed);
        self.0
            .wait_for_action_async(|response| {
                let reply = match response {
                    NotificationResponse::Default => Reply::Open,
                    NotificationResponse::Action(action) if action == MARK_READ => Reply::MarkRead,
                    _ => Reply::Closed,
                };
                *heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = reply;
            })
            .await;
        heard.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
