//! The desktop binary: the embedded UI and configuration, handed to `watchbell-app`.

// On Windows a console window would open beside the app.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() {
    watchbell_app::run(tauri::generate_context!());
}
