//! The desktop app in a real window: a display, a bus and a home of its own, driven by `WebDriver`.
//!
//! [`session`] is the desktop, [`popups`] and [`tray`] the services that a test plays, [`window`] the app.

use std::{env, path::PathBuf};

pub mod popups;
pub mod session;
pub mod tray;
pub mod window;

/// Where a picture of this name goes: into the folder `WATCHBELL_PICTURES`, for eyes. Nowhere when it is not set.
fn picture_file(name: &str) -> Option<PathBuf> {
    env::var_os("WATCHBELL_PICTURES").map(|folder| PathBuf::from(folder).join(name).with_extension("png"))
}
