//! What has to happen before anything else: the renderer's environment and the log.
//!
//! Deliberately absent: reading the environment anywhere else. `WATCHBELL_LOG` and `WATCHBELL_LOG_FORMAT` are ours; the
//! rest (`XDG_*`, `DBUS_SESSION_BUS_ADDRESS`, `DISPLAY`) belongs to the libraries that read it.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// What is logged when `WATCHBELL_LOG` says nothing.
const DEFAULT_FILTER: &str = "info,zbus=warn";

/// On some Linux drivers `WebKitGTK` shows an empty window unless this variable is set before GTK starts.
#[cfg(target_os = "linux")]
const DMABUF: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// Sees to it that `WEBKIT_DISABLE_DMABUF_RENDERER` is set, unless somebody has decided on it already.
///
/// Changing the environment of a running process is `unsafe` (another thread may read it), so this process replaces
/// itself by itself with the variable set. The process id, the arguments and the open files stay the same, and because
/// the variable is set then, it happens once. Call it first in `main`: nothing that runs before is kept.
#[cfg(target_os = "linux")]
pub fn choose_renderer() {
    use std::os::unix::process::CommandExt as _;

    if std::env::var_os(DMABUF).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut again = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // `exec` comes back only if it failed. The app then starts without the variable, which most drivers do not need.
    let error = again.args(arguments).env(DMABUF, "1").exec();
    eprintln!("watchbell: {DMABUF} could not be set: {error}");
}

/// Other systems have another renderer.
#[cfg(not(target_os = "linux"))]
pub fn choose_renderer() {}

/// Logs to the standard error output: as lines, or as JSON with `WATCHBELL_LOG_FORMAT=json`.
pub fn start_log() {
    let filter = EnvFilter::try_from_env("WATCHBELL_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // A line that cannot be written (the terminal it was started from is closed) is lost; told on standard error as
    // well, it would be a panic.
    let log = log.log_internal_errors(false);
    let started = if std::env::var("WATCHBELL_LOG_FORMAT").is_ok_and(|format| format == "json") {
        log.json().flatten_event(true).try_init()
    } else {
        log.try_init()
    };
    if let Err(error) = started {
        eprintln!("watchbell: no log: {error}");
    }
}

/// Quits as from the menu when the system or a terminal asks the process to end.
#[cfg(unix)]
pub fn quit_on_signal(app: tauri::AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};

    tauri::async_runtime::spawn(async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            tracing::warn!("signals cannot be heard: a signal ends the app without a goodbye");
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        app.exit(0);
    });
}

/// Windows ends apps through their windows.
#[cfg(not(unix))]
pub fn quit_on_signal(_: tauri::AppHandle) {}
