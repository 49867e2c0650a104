//! What the screens ask. Every answer is of one moment and already holds this device's own waiting commands.

mod issues;
mod notifications;
pub(super) mod overlay;
mod projects;
