//! The parts of the shell, built once, and how they end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tauri::{AppHandle, Manager as _, async_runtime};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use watchbell_protocol::event::Viewing;

use crate::{
    bridge::{self, Bridge},
    popups::Popups,
    presence,
    relay::Relay,
    session::Session,
    settings::SettingsFile,
    tray::{self, Tray},
};

/// What the popups and the session may say before the relay hears it.
const WAITING: usize = 64;

/// Everything that commands need.
pub struct Shell {
    pub session: Arc<Session>,
    pub bridge: Bridge,
    pub popups: Popups,
    pub viewing: watch::Sender<Option<Viewing>>,
    /// Whether a tray shows the way back to a hidden window.
    pub in_tray: bool,
    stop: CancellationToken,
    ending: AtomicBool,
}

impl Shell {
    /// Builds the parts and starts their tasks. The window may ask before they have begun; it waits then.
    pub fn start(app: &AppHandle) -> Result<Self, Box<dyn std::error::Error>> {
        let stop = CancellationToken::new();
        let (bridge, inbox) = bridge::bridge();
        let (listen, clients) = mpsc::channel(WAITING);
        let (say, heard) = mpsc::channel(WAITING);
        let (viewing, views) = watch::channel(None);
        let (unread, counts) = watch::channel(0);

        let settings = SettingsFile::open(&app.path().app_config_dir()?)?;
        let caches = app.path().app_local_data_dir()?.join("caches");
        let session = Session::new(settings, caches, bridge.clone(), listen);
        let popups = Popups::start(say, stop.clone());
        let relay = Relay {
            app: app.clone(),
            session: Arc::clone(&session),
            bridge: bridge.clone(),
            popups: popups.clone(),
            unread,
        };

        let asked = Arc::clone(&session);
        let snapshot = move || {
            let session = Arc::clone(&asked);
            async move { session.snapshot().await }
        };
        async_runtime::spawn(bridge::run(inbox, snapshot, stop.clone()));
        async_runtime::spawn(relay.run(clients, heard, stop.clone()));
        async_runtime::spawn(presence::run(Arc::clone(&session), views, stop.clone()));
        let in_tray = start_tray(app, counts, stop.clone());
        let restored = Arc::clone(&session);
        async_runtime::spawn(async move { restored.restore().await });
        Ok(Self { session, bridge, popups, viewing, in_tray, stop, ending: AtomicBool::new(false) })
    }

    /// The window got or lost the focus.
    pub fn focus(&self, focused: bool) {
        if let Ok(client) = self.session.client() {
            client.set_focus(focused);
        }
    }

    /// Ends the client and the tasks, then the app. `true` the first time: the app has to wait until this is done.
    pub fn begin_end(&self, app: &AppHandle) -> bool {
        if self.ending.swap(true, Ordering::SeqCst) {
            return false;
        }
        let (session, stop, app) = (Arc::clone(&self.session), self.stop.clone(), app.clone());
        async_runtime::spawn(async move {
            session.shutdown().await;
            stop.cancel();
            app.exit(0);
        });
        true
    }
}

/// Puts the tray up, if there is a place for it.
fn start_tray(app: &AppHandle, mut counts: watch::Receiver<u32>, stop: CancellationToken) -> bool {
    if !async_runtime::block_on(tray::has_host()) {
        tracing::info!("no tray on this desktop: closing the window quits");
        return false;
    }
    let tray = match Tray::put_up(app, |app| app.exit(0)) {
        Ok(tray) => tray,
        Err(error) => {
            tracing::warn!(%error, "the tray could not be put up: closing the window quits");
            return false;
        }
    };
    async_runtime::spawn(async move {
        loop {
            let count = *counts.borrow_and_update();
            tray.show_unread(count);
            tokio::select! {
                () = stop.cancelled() => return,
                changed = counts.changed() => if changed.is_err() { return },
            }
        }
    });
    true
}
