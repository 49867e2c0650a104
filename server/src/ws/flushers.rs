//! A few tasks that write what rooms put into outboxes: to wake a task for each of hundreds of receivers costs more than all
//! else that is ours in a delivery. One for each thread of the runtime; a connection belongs to one of them.
//!
//! Deliberately absent: waiting for a socket. What one does not take at once is left to its connection's own task.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    task::{unconstrained, yield_now},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::outbox::Outbox;

/// So many outboxes are flushed before others get the thread: about a quarter of a millisecond.
const AT_ONCE: usize = 64;
/// Room for so many outboxes stays, however many there once were.
const KEPT: usize = 1024;

/// The tasks.
#[derive(Debug)]
pub struct Flushers {
    all: Box<[Arc<Flusher>]>,
    next: AtomicUsize,
}

/// One of them, and the outboxes that it will come to; each is there once at most, so never more than connections.
#[derive(Debug, Default)]
pub struct Flusher {
    enrolled: Mutex<Vec<Weak<Outbox>>>,
    rung: Notify,
}

impl Flushers {
    /// So many of them, at least one.
    pub fn new(count: usize) -> Self {
        let all = (0..count.max(1)).map(|_| Arc::default()).collect();
        Self { all, next: AtomicUsize::new(0) }
    }

    /// Starts them; they end with `stop`.
    pub fn start(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        for flusher in &self.all {
            let flusher = flusher.clone();
            // Unconstrained, for it gives way by itself: a socket would otherwise seem to be full as soon as the task has
            // done its share.
            let run = unconstrained(async move { flusher.run().await });
            tasks.spawn(stop.clone().run_until_cancelled_owned(run));
        }
    }

    /// The one of the next connection.
    pub fn next(&self) -> Arc<Flusher> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.all[next % self.all.len()].clone()
    }
}

impl Flusher {
    /// It will flush this outbox.
    pub fn enroll(&self, outbox: Weak<Outbox>) {
        let was_empty = {
            let mut enrolled = self.enrolled.lock();
            enrolled.push(outbox);
            enrolled.len() == 1
        };
        // Otherwise it was told already.
        if was_empty {
            self.rung.notify_one();
        }
    }

    /// Takes the outboxes that wait for it.
    #[cfg(test)]
    pub(super) fn take(&self) -> Vec<Weak<Outbox>> {
        std::mem::take(&mut *self.enrolled.lock())
    }

    async fn run(&self) {
        let (mut outboxes, mut flushed) = (Vec::new(), 0_usize);
        loop {
            std::mem::swap(&mut *self.enrolled.lock(), &mut outboxes);
            if outboxes.is_empty() {
                self.rung.notified().await;
            }
            for outbox in outboxes.drain(..) {
                if let Some(outbox) = outbox.upgrade() {
                    flush(&outbox);
                }
                flushed += 1;
                if flushed == AT_ONCE {
                    flushed = 0;
                    yield_now().await;
                }
            }
            outboxes.shrink_to(KEPT);
        }
    }
}

/// A defect that ends the writing to one connection must not end that to all others. That one falls silent, so its other
/// side comes back.
fn flush(outbox: &Outbox) {
    if catch_unwind(AssertUnwindSafe(|| outbox.flush())).is_err() {
        tracing::error!("a connection can no longer be written to");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::time::timeout;
    use watchbell_protocol::{ProjectId, Room};

    use super::*;
    use crate::{
        metrics::Deliveries,
        store::journal::Mark,
        ws::{
            link::{Begun, Direct},
            outbox::{Batch, Express, Out},
        },
    };

    /// Takes everything, and says so once that is enough.
    #[derive(Default)]
    struct Taking {
        outs: Mutex<Vec<Out>>,
        enough: Notify,
    }

    /// The same, and at each write there is more.
    struct Caught(Taking, Weak<Outbox>);

    impl Direct for Caught {
        fn begin(&self, batch: Batch) -> Begun {
            put(&self.1.upgrade().unwrap());
            self.0.begin(batch)
        }
    }

    /// Breaks.
    struct Broken;

    impl Direct for Broken {
        fn begin(&self, _: Batch) -> Begun {
            panic!("for the test")
        }
    }

    fn put(outbox: &Outbox) {
        let room = Room::Project(ProjectId::fresh());
        let _ = outbox.event(room, Mark::default(), "event".into());
    }

    fn outbox(flusher: Arc<Flusher>, direct: impl FnOnce(&Weak<Outbox>) -> Arc<dyn Direct>) -> Arc<Outbox> {
        Arc::new_cyclic(|outbox| {
            let express = Express { outbox: outbox.clone(), direct: direct(outbox), flusher };
            Outbox::new(Deliveries::off()).by(express)
        })
    }

    impl Direct for Taking {
        fn begin(&self, batch: Batch) -> Begun {
            let mut outs = self.outs.lock();
            outs.extend(batch.outs);
            if outs.len() >= AT_ONCE * 5 {
                self.enough.notify_one();
            }
            Begun::Done
        }
    }

    #[tokio::test]
    async fn what_rooms_put_into_many_outboxes_is_written_and_the_tasks_end_when_they_shall() {
        let (flushers, tasks, stop) = (Flushers::new(3), TaskTracker::new(), CancellationToken::new());
        flushers.start(&tasks, &stop);
        let taking = Arc::new(Taking::default());
        let outboxes: Vec<_> = (0..AT_ONCE * 5)
            .map(|_| outbox(flushers.next(), |_| taking.clone()))
            .inspect(|outbox| put(outbox))
            .collect();
        timeout(Duration::from_secs(10), taking.enough.notified()).await.expect("all is written");
        assert_eq!(taking.outs.lock().len(), outboxes.len());
        stop.cancel();
        tasks.close();
        timeout(Duration::from_secs(10), tasks.wait()).await.expect("they end");
    }

    #[tokio::test]
    async fn a_flusher_that_is_never_done_gives_way() {
        let flusher = Arc::new(Flusher::default());
        let outbox = outbox(flusher.clone(), |outbox| Arc::new(Caught(Taking::default(), outbox.clone())));
        put(&outbox);
        assert!(flusher.run().now_or_never().is_none());
    }

    #[test]
    fn a_write_that_breaks_ends_none_but_its_own() {
        let (flusher, taking) = (Arc::new(Flusher::default()), Arc::new(Taking::default()));
        let (broken, other) =
            (outbox(flusher.clone(), |_| Arc::new(Broken)), outbox(flusher.clone(), |_| taking.clone()));
        put(&broken);
        put(&other);
        assert!(flusher.run().now_or_never().is_none(), "it goes on");
        assert_eq!(taking.outs.lock().len(), 1);
    }

    #[test]
    fn a_flusher_that_thousands_enrolled_with_is_small_again() {
        let flusher = Flusher::default();
        let mut run = Box::pin(flusher.run());
        for _ in 0..2 {
            (0..KEPT * 5).for_each(|_| flusher.enroll(Weak::new()));
            for _ in 0..=KEPT * 5 / AT_ONCE {
                assert!(run.as_mut().now_or_never().is_none());
            }
            assert!(flusher.enrolled.lock().capacity() <= KEPT);
        }
    }

    #[test]
    fn an_outbox_that_is_gone_holds_up_nobody() {
        let flusher = Flusher::default();
        flusher.enroll(Weak::new());
        assert!(flusher.run().now_or_never().is_none(), "it waits for the next one");
        assert!(flusher.enrolled.lock().is_empty());
    }
}
