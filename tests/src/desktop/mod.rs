//! The desktop app in a real window: a display, a bus and a home of its own, driven by `WebDriver`.
//!
//! [`session`] is the desktop, [`popups`] the notification service that a test plays, [`window`] the app.

pub mod popups;
pub mod session;
pub mod window;
