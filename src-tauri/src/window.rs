//! The one window: bringing it to the front, and what closing it means.

use tauri::{AppHandle, Manager as _, Window, WindowEvent};

/// The window's label in `tauri.conf.json`.
pub const MAIN: &str = "main";

/// Shows the window and gives it the focus, wherever it was.
pub fn bring_to_front(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    let shown = window.show().and_then(|()| window.unminimize()).and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::warn!(%error, "the window could not be brought to the front");
    }
}

/// Whether the window has the focus.
pub fn has_focus(app: &AppHandle) -> bool {
    app.get_webview_window(MAIN).is_some_and(|window| window.is_focused().unwrap_or(false))
}

/// Closing the window hides it while a tray shows the way back; without a tray it ends the app.
pub fn on_event(window: &Window, event: &WindowEvent, in_tray: bool, on_focus: impl FnOnce(bool)) {
    match event {
        WindowEvent::Focused(focused) => on_focus(*focused),
        WindowEvent::CloseRequested { api, .. } if in_tray => {
            api.prevent_close();
            if let Err(error) = window.hide() {
                tracing::warn!(%error, "the window could not be hidden");
            }
            on_focus(false);
        }
        _ => {}
    }
}
