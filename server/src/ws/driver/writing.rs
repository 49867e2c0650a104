//! Writes what is the connection's own to write (`outbox/turn`), and notices a receiver that takes nothing.

use std::{future::Future, pin::Pin, time::Duration};

use futures_util::FutureExt as _;
use tokio::time::sleep_until;
use watchbell_protocol::{CloseCode, ConnectionId};

use crate::{
    App,
    clock::Clock,
    ws::{
        link::{Gone, Moved, Sink},
        outbox::Outbox,
    },
};

/// A receiver that is late is looked at this often: whether it is to be let go.
const LOOK: Duration = Duration::from_secs(1);

/// Writes until the connection is closed, broken, or takes nothing for `stalled` of what must not be lost; gives the code
/// in the first and the last case.
pub(super) async fn write(
    app: &App,
    connection: ConnectionId,
    outbox: &Outbox,
    mut sink: impl Sink,
) -> Option<CloseCode> {
    let patience = Patience::of(&sink, app.timing.stalled);
    loop {
        let batch = outbox.next().await;
        let (close, is_last, is_owed) = (batch.close, batch.is_last, batch.is_owed);
        let moved = Moved::default();
        let mut written = std::pin::pin!(sink.write(batch, &moved));
        // Most of the time it is done at once: then no clock is read, and no timer made.
        let done = if let Some(done) = written.as_mut().now_or_never() {
            done.map_err(|Gone| Unwritten::Gone)
        } else {
            let began = app.clock.moment();
            // Boxed, as everything that is rarely at work.
            let done = Box::pin(in_time(app.clock, patience, outbox, is_owed, &moved, written)).await;
            app.metrics.deliveries.write.record(app.clock.moment() - began);
            done
        };
        match done {
            Ok(()) if is_last => return close,
            Ok(()) => outbox.wrote(),
            Err(Unwritten::Gone) => return None,
            Err(Unwritten::TooSlow) => {
                tracing::info!(connection.id = %connection, "a receiver took nothing for too long");
                return Some(CloseCode::TooSlow);
            }
        }
    }
}

/// How long a write may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Until it is late.
    late: Duration,
    /// Until one that takes nothing of what must not be lost is let go.
    stalled: Duration,
}

impl Patience {
    fn of<S: Sink>(_: &S, stalled: Duration) -> Self {
        Self { late: S::LATE.min(stalled / 4), stalled }
    }
}

/// Why a batch was not written.
#[derive(Debug, PartialEq, Eq)]
enum Unwritten {
    Gone,
    TooSlow,
}

/// Goes on with a write that was not done at once. As long as only momentary values wait, the receiver may take its time:
/// it loses nothing that it would miss. Otherwise it has to take something, be it a part of a frame, every `stalled`.
async fn in_time(
    clock: Clock,
    Patience { late, stalled }: Patience,
    outbox: &Outbox,
    is_owed: bool,
    moved: &Moved,
    mut written: Pin<&mut impl Future<Output = Result<(), Gone>>>,
) -> Result<(), Unwritten> {
    let began = clock.moment();
    let mut owed_since = is_owed.then_some(began);
    let mut look_again = began + late;
    loop {
        tokio::select! {
            biased;
            done = &mut written => return done.map_err(|Gone| Unwritten::Gone),
            () = sleep_until(look_again) => {
                outbox.late();
                let now = clock.moment();
                if moved.take() {
                    owed_since = None;
                }
                owed_since = if is_owed || outbox.is_owed() { owed_since.or(Some(now)) } else { None };
                if owed_since.is_some_and(|since| since + stalled <= now) {
                    return Err(Unwritten::TooSlow);
                }
                look_again = now + LOOK.min(stalled / 4);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{Instant, sleep};
    use watchbell_protocol::{Class, ProjectId, Room};

    use super::*;
    use crate::{metrics::Deliveries, store::journal::Mark, ws::outbox::Batch};

    const STALLED: Duration = Duration::from_secs(30);

    /// Takes a part every so often, so many times, and then the rest; or nothing any more.
    struct Slow {
        every: Duration,
        parts: u32,
        takes_the_rest: bool,
    }

    impl Sink for Slow {
        const LATE: Duration = Duration::from_millis(250);

        async fn write(&mut self, _: Batch, moved: &Moved) -> Result<(), Gone> {
            for _ in 0..self.parts {
                sleep(self.every).await;
                moved.note();
            }
            if self.takes_the_rest { Ok(()) } else { pending().await }
        }
    }

    /// How a batch of one durable event, or of one value, ends with such a receiver, and after how many seconds.
    async fn write_to(mut sink: Slow, class: Class) -> (Option<Result<(), Unwritten>>, u64) {
        let (outbox, room, began) = (Outbox::new(Deliveries::off()), Room::Project(ProjectId::fresh()), Instant::now());
        let _ = match class {
            Class::Durable => outbox.event(room, Mark::default(), "event".into()),
            _ => outbox.diff(room, "value".into()),
        };
        let batch = outbox.take(usize::MAX);
        let (is_owed, moved, patience) = (batch.is_owed, Moved::default(), Patience::of(&sink, STALLED));
        let written = std::pin::pin!(sink.write(batch, &moved));
        let ended = in_time(Clock, patience, &outbox, is_owed, &moved, written);
        let ended = tokio::time::timeout(Duration::from_mins(10), ended).await.ok();
        (ended, began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_part_now_and_then_is_not_stalled_however_long_the_whole_takes() {
        let sink = Slow { every: Duration::from_secs(25), parts: 8, takes_the_rest: true };
        assert_eq!(write_to(sink, Class::Durable).await, (Some(Ok(())), 200));
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_more_of_a_durable_event_is_let_go_after_half_a_minute() {
        let sink = Slow { every: Duration::from_secs(25), parts: 2, takes_the_rest: false };
        let (ended, after) = write_to(sink, Class::Durable).await;
        assert_eq!(ended, Some(Err(Unwritten::TooSlow)));
        assert!((80..=82).contains(&after), "{after}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_no_values_may_do_so_for_ever() {
        let sink = Slow { every: Duration::ZERO, parts: 0, takes_the_rest: false };
        assert_eq!(write_to(sink, Class::Latest).await, (None, 600));
    }
}
