//! The desktop app in a real window: a display, a bus and a home of its own, driven by `WebDriver`.
//!
//! [`session`] is the desktop, [`popups`] and [`tray`] the services that a test plays, [`window`] the app.

pub mod popups;
pub mod session;
pub mod tray;
pub mod window;
