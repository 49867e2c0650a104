//! A tray that a test plays: it takes icons and knows where their menus are.

// The interface decides how its methods look.
#![allow(clippy::unused_self, clippy::needless_pass_by_value, clippy::used_underscore_binding)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use zbus::{
    Connection, Proxy, interface,
    message::Header,
    zvariant::{OwnedObjectPath, OwnedValue, Value},
};

use super::session::Desktop;
use crate::server::eventually;

const NAME: &str = "org.kde.StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

/// An icon: the program's name on the bus, and the icon's path there.
type Icon = (String, String);

/// An entry of a menu: its number, and what is written on it.
type Entry = (i32, String);

/// The tray. It is there until it is dropped.
pub struct FakeTray {
    bus: Connection,
    icons: Arc<Mutex<Vec<Icon>>>,
}

impl FakeTray {
    /// Becomes the desktop's tray.
    pub async fn start(desktop: &Desktop) -> Self {
        let bus = desktop.bus().await;
        let icons = Arc::<Mutex<Vec<Icon>>>::default();
        let watcher = Watcher { icons: Arc::clone(&icons) };
        bus.object_server().at("/StatusNotifierWatcher", watcher).await.expect("the path is free");
        bus.request_name(NAME).await.expect("the name is free");
        Self { bus, icons }
    }

    /// What is written on the menu of the only icon.
    pub async fn menu(&self) -> Vec<String> {
        self.entries().await.into_iter().map(|(_, label)| label).collect()
    }

    /// Clicks an entry of the menu.
    pub async fn click(&self, label: &str) {
        let entries = self.entries().await;
        let (id, _) =
            entries.iter().find(|(_, entry)| entry == label).unwrap_or_else(|| panic!("{label} in {entries:?}"));
        let event = (*id, "clicked", Value::from(0), 0_u32);
        self.menu_of_icon().await.call::<_, _, ()>("Event", &event).await.expect("the menu takes it");
    }

    async fn entries(&self) -> Vec<Entry> {
        type Layout = (u32, (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>));
        let menu = self.menu_of_icon().await;
        let answer = menu.call_method("GetLayout", &(0, -1, Vec::<String>::new())).await.expect("the menu answers");
        let body = answer.body();
        let (_, (_, _, children)): Layout = body.deserialize::<Layout>().expect("is a layout");
        children.iter().filter_map(|child| entry(child)).collect()
    }

    async fn menu_of_icon(&self) -> Proxy<'_> {
        eventually("an icon in the tray", async || !self.icons().is_empty()).await;
        let (owner, path) = self.icons()[0].clone();
        let item = Proxy::new(&self.bus, owner.clone(), path, ITEM).await.expect("is an icon");
        let menu: OwnedObjectPath = item.get_property("Menu").await.expect("has a menu");
        Proxy::new(&self.bus, owner, menu, MENU).await.expect("is a menu")
    }

    fn icons(&self) -> Vec<Icon> {
        self.icons.lock().expect("not poisoned").clone()
    }
}

/// An entry out of what a menu answers: `(id, properties, children)`.
fn entry(child: &Value<'_>) -> Option<Entry> {
    let Value::Structure(fields) = child else { return None };
    let [Value::I32(id), Value::Dict(properties), ..] = fields.fields() else { return None };
    let label: Option<String> = properties.get(&"label").ok()?;
    Some((*id, label?.replace('_', "")))
}

struct Watcher {
    icons: Arc<Mutex<Vec<Icon>>>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    /// `item` is a path on the caller's connection, or a name with the icon at the usual path.
    fn register_status_notifier_item(&mut self, item: String, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let icon = if item.starts_with('/') { (sender, item) } else { (item, "/StatusNotifierItem".to_owned()) };
        self.icons.lock().expect("not poisoned").push(icon);
    }

    fn register_status_notifier_host(&self, _host: String) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.icons.lock().expect("not poisoned").iter().map(|(owner, path)| format!("{owner}{path}")).collect()
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}
