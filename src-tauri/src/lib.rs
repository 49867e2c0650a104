//! The desktop shell: a thin layer between the client and one window.
//!
//! `commands` is what the window asks, `bridge` what it is told, `session` who is signed in, `relay` what a change does
//! to popups and tray. Deliberately absent: any truth of its own. What is so is in the client's cache; the webview can
//! be reloaded at any moment without losing anything.

mod bridge;
mod commands;
mod error;
mod keyring;
mod latency;
mod popups;
mod presence;
mod relay;
mod session;
mod settings;
mod shell;
mod startup;
mod terminal;
mod tray;
pub mod view;
mod window;

use tauri::{App, AppHandle, Context, Manager as _, RunEvent, Wry};
use tauri_plugin_window_state::StateFlags;

use crate::shell::Shell;

/// Runs the app until it is quit. `context` is what `tauri::generate_context!()` embedded in the binary.
pub fn run(context: Context<Wry>) {
    terminal::answer(&context.config().identifier);
    startup::choose_renderer();
    startup::start_log();
    let built = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| window::bring_to_front(app)))
        .plugin(tauri_plugin_window_state::Builder::new().with_state_flags(remembered()).build())
        .invoke_handler(tauri::generate_handler![
            commands::subscribe,
            commands::sign_in,
            commands::sign_out,
            commands::look_for_keyring,
            commands::connect,
            commands::disconnect,
            commands::retry_now,
            commands::project,
            commands::issues,
            commands::notifications,
            commands::mark_read,
            commands::mark_all_read,
            commands::clear_all,
            commands::cancel_analysis,
            commands::set_viewing,
            commands::test_popup,
            commands::open_url,
            commands::painted,
        ])
        .setup(set_up)
        .on_window_event(|window, event| {
            if let Some(shell) = window.try_state::<Shell>() {
                window::on_event(window, event, shell.in_tray, |focused| shell.focus(focused));
            }
        })
        .build(context);
    match built {
        Ok(app) => app.run(on_run_event),
        Err(error) => {
            tracing::error!(%error, "Watchbell could not start");
            std::process::exit(1);
        }
    }
}

fn set_up(app: &mut App) -> Result<(), Box<dyn std::error::Error>> {
    let shell = Shell::start(app.handle())?;
    app.manage(shell);
    startup::quit_on_signal(app.handle().clone());
    Ok(())
}

fn on_run_event(app: &AppHandle, event: RunEvent) {
    if let RunEvent::ExitRequested { api, .. } = event
        && app.state::<Shell>().begin_end(app)
    {
        api.prevent_exit();
    }
}

/// What the window has again at the next start. Whether it was visible is not: it always is.
fn remembered() -> StateFlags {
    StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED | StateFlags::FULLSCREEN
}
