//! What this member is looking at, told to the others at most once a second.
//!
//! Deliberately absent: being online or away. The client says "online" on every connect.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use watchbell_protocol::event::{Status, Viewing};

use crate::session::Session;

/// The shortest time between two.
const PACE: Duration = Duration::from_secs(1);

/// Tells what `viewing` holds whenever it changes, until `stop`.
pub async fn run(session: Arc<Session>, mut viewing: watch::Receiver<Option<Viewing>>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = viewing.changed() => if changed.is_err() { return },
        }
        let now = viewing.borrow_and_update().clone();
        if let Ok(client) = session.client() {
            client.set_presence(Status::Online, now);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PACE) => {}
        }
    }
}
