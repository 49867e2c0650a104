//! A notification service that a test plays: it records what it is asked to show, and clicks.

// The interface decides how its methods look.
#![allow(clippy::unused_self, clippy::needless_pass_by_value, clippy::used_underscore_binding)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use zbus::{
    Connection, interface,
    object_server::SignalEmitter,
    zvariant::{OwnedValue, Value},
};

use super::session::Desktop;
use crate::server::eventually;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A popup as the service was asked to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Popup {
    /// The service's number of it.
    pub id: u32,
    /// The number of the popup whose place it takes; 0 for none.
    pub replaces: u32,
    /// The app's name.
    pub app: String,
    /// Its first line.
    pub summary: String,
    /// The rest.
    pub body: String,
    /// Names and labels in turn.
    pub actions: Vec<String>,
    /// 0 low, 1 normal, 2 critical.
    pub urgency: u8,
}

/// The service. It owns its name until it is dropped.
pub struct FakePopups {
    bus: Connection,
    shown: Arc<Mutex<Vec<Popup>>>,
}

impl FakePopups {
    /// Becomes the desktop's notification service.
    pub async fn start(desktop: &Desktop) -> Self {
        let bus = desktop.bus().await;
        let shown = Arc::<Mutex<Vec<Popup>>>::default();
        let service = Service { shown: Arc::clone(&shown), last: 0 };
        bus.object_server().at(PATH, service).await.expect("the path is free");
        bus.request_name(NAME).await.expect("the name is free");
        Self { bus, shown }
    }

    /// Every popup so far.
    pub fn shown(&self) -> Vec<Popup> {
        self.shown.lock().expect("not poisoned").clone()
    }

    /// Waits until there are that many, and gives all.
    pub async fn wait_for(&self, count: usize) -> Vec<Popup> {
        eventually("a popup", async || self.shown().len() >= count).await;
        self.shown()
    }

    /// The person clicks an action, `default` being the popup itself, and does so until it shows an effect: in its first
    /// milliseconds, before anybody could, an app does not listen yet.
    pub async fn click(&self, id: u32, action: &str, has_effect: impl AsyncFn() -> bool) {
        let emitter = SignalEmitter::new(&self.bus, PATH).expect("is a path");
        eventually("the click has an effect", async || {
            Service::action_invoked(&emitter, id, action).await.expect("the bus takes it");
            has_effect().await
        })
        .await;
        Service::notification_closed(&emitter, id, 2).await.expect("the bus takes it");
    }
}

struct Service {
    shown: Arc<Mutex<Vec<Popup>>>,
    last: u32,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Service {
    #[allow(clippy::too_many_arguments)] // the interface's own
    fn notify(
        &mut self,
        app: String,
        replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        self.last += 1;
        let id = if replaces == 0 { self.last } else { replaces };
        let urgency = match hints.get("urgency").map(|value| Value::from(value.clone())) {
            Some(Value::U8(urgency)) => urgency,
            _ => 1,
        };
        let popup = Popup { id, replaces, app, summary, body, actions, urgency };
        self.shown.lock().expect("not poisoned").push(popup);
        id
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body"].map(str::to_owned).to_vec()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("Lookout".into(), "Watchbell".into(), "1.0".into(), "1.2".into())
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}
