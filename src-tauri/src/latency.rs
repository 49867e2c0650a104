//! How long things take until a person can see them, measured where they are seen and written to the log.
//!
//! Target `watchbell::latency`, level debug. The times of two machines differ by their clocks; on one machine they are
//! exact.

use std::time::{SystemTime, UNIX_EPOCH};

use watchbell_protocol::UnixMillis;

/// This computer's clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A progress value measured at `measured_at` is on the screen.
pub fn painted(measured_at: UnixMillis) {
    let progress_to_screen_ms = now().0.saturating_sub(measured_at.0);
    tracing::debug!(target: "watchbell::latency", progress_to_screen_ms, "progress painted");
}

/// The notification service took a popup about something made at `made_at`.
pub fn popup_shown(made_at: Option<UnixMillis>) {
    if let Some(made_at) = made_at {
        let notification_to_popup_ms = now().0.saturating_sub(made_at.0);
        tracing::debug!(target: "watchbell::latency", notification_to_popup_ms, "popup shown");
    }
}
