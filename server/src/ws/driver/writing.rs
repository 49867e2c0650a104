//! Writes what waits, and notices a receiver that takes nothing.

use std::time::Duration;

use tokio::time::sleep_until;
use watchbell_protocol::CloseCode;

use crate::{
    App,
    clock::Moment,
    ws::{
        link::{Gone, Sink},
        outbox::{Batch, Outbox},
    },
};

/// About how much goes out in one write. A receiver that takes nothing holds as much beside what waits.
const WRITE_BYTES: usize = 16 * 1024;
/// After this long a write is late, and what is not worth keeping for so slow a receiver goes.
const LATE: Duration = Duration::from_secs(1);

/// Writes until the connection is closed, broken, or takes nothing for `stalled` of what must not be lost; gives the code
/// in the first and the last case.
pub(super) async fn write(app: &App, outbox: &Outbox, mut sink: impl Sink) -> Option<CloseCode> {
    loop {
        outbox.ready().await;
        let batch = outbox.take(WRITE_BYTES);
        let (close, is_last) = (batch.close, batch.is_last);
        let began = app.clock.moment();
        match in_time(app, outbox, &mut sink, batch, began).await {
            Ok(()) if is_last => return close,
            Ok(()) => app.metrics.deliveries.write.record(app.clock.moment() - began),
            Err(Unwritten::Gone) => return None,
            Err(Unwritten::TooSlow) => {
                tracing::info!(code = CloseCode::TooSlow.number(), "a receiver took nothing for too long");
                return Some(CloseCode::TooSlow);
            }
        }
    }
}

/// Why a batch was not written.
enum Unwritten {
    Gone,
    TooSlow,
}

/// Writes a batch. As long as only momentary values wait, the receiver may take its time: it loses nothing that it would
/// miss.
async fn in_time(
    app: &App,
    outbox: &Outbox,
    sink: &mut impl Sink,
    batch: Batch,
    began: Moment,
) -> Result<(), Unwritten> {
    let is_owed = batch.is_owed;
    let mut owed_since = is_owed.then_some(began);
    let mut written = std::pin::pin!(sink.write(batch));
    let late = LATE.min(app.timing.stalled / 4);
    let mut look_again = began + late;
    loop {
        tokio::select! {
            done = &mut written => {
                outbox.progressed();
                return done.map_err(|Gone| Unwritten::Gone);
            }
            () = sleep_until(look_again) => {
                outbox.late();
                let now = app.clock.moment();
                owed_since = if is_owed || outbox.is_owed() { owed_since.or(Some(now)) } else { None };
                if owed_since.is_some_and(|since| since + app.timing.stalled <= now) {
                    return Err(Unwritten::TooSlow);
                }
                look_again = now + late;
            }
        }
    }
}
