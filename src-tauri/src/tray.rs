//! The tray: unread count, open, quit. Everything is in the menu, because a Linux tray knows no click and no tooltip.
//!
//! Deliberately absent: a tray that nobody shows. Without a host for it closing the window would hide the app for good.

use tauri::{
    AppHandle, Wry,
    menu::{MenuBuilder, MenuItem},
    tray::{TrayIcon, TrayIconBuilder},
};

use crate::window;

/// The tray with its menu.
pub struct Tray {
    icon: TrayIcon,
    unread: MenuItem<Wry>,
}

impl Tray {
    /// Puts the icon up. `quit` is called for "Quit".
    pub fn put_up(app: &AppHandle, quit: impl Fn(&AppHandle) + Send + Sync + 'static) -> tauri::Result<Self> {
        let unread = MenuItem::with_id(app, "unread", title(0), true, None::<&str>)?;
        let open = MenuItem::with_id(app, "open", "Open Watchbell", true, None::<&str>)?;
        let end = MenuItem::with_id(app, "quit", "Quit", true, None::<&str>)?;
        let menu = MenuBuilder::new(app).item(&unread).separator().item(&open).item(&end).build()?;
        let mut icon = TrayIconBuilder::with_id("main").tooltip("Watchbell").menu(&menu);
        if let Some(image) = app.default_window_icon() {
            icon = icon.icon(image.clone());
        }
        let icon = icon
            .on_menu_event(move |app, event| match event.id().as_ref() {
                "quit" => quit(app),
                _ => window::bring_to_front(app),
            })
            .build(app)?;
        Ok(Self { icon, unread })
    }

    /// Says how many notifications are unread.
    pub fn show_unread(&self, count: u32) {
        let badge = (count > 0).then(|| count.to_string());
        let shown = self
            .unread
            .set_text(title(count))
            .and_then(|()| self.icon.set_title(badge))
            .and_then(|()| self.icon.set_tooltip(Some(format!("Watchbell: {}", title(count)))));
        if let Err(error) = shown {
            tracing::warn!(%error, "the tray could not be updated");
        }
    }
}

fn title(unread: u32) -> String {
    match unread {
        0 => "Nothing unread".into(),
        1 => "1 unread notification".into(),
        count => format!("{count} unread notifications"),
    }
}

/// Whether this desktop shows tray icons.
#[cfg(target_os = "linux")]
pub async fn has_host() -> bool {
    let ask = async {
        let bus = zbus::Connection::session().await?;
        let watcher = zbus::names::BusName::from_static_str("org.kde.StatusNotifierWatcher")?;
        zbus::fdo::DBusProxy::new(&bus).await?.name_has_owner(watcher).await.map_err(zbus::Error::from)
    };
    matches!(tokio::time::timeout(std::time::Duration::from_secs(2), ask).await, Ok(Ok(true)))
}

/// Windows and macOS always do.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::unused_async)]
pub async fn has_host() -> bool {
    true
}
