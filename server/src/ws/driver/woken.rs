//! A future that is polled only when it was woken itself, though it shares a task with others. A connection is one task:
//! without this every delivery would also ask its reader, the clock and everything else that may wake it.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// Such a future.
pub(super) struct Woken<F> {
    future: F,
    own: Arc<Own>,
    waker: Waker,
}

/// What wakes it: it notes so, and wakes the task.
#[derive(Debug)]
struct Own {
    is_woken: AtomicBool,
    task: AtomicWaker,
}

impl<F: Future + Unpin> Woken<F> {
    /// It is polled once without having been woken.
    pub(super) fn new(future: F) -> Self {
        let own = Arc::new(Own { is_woken: AtomicBool::new(true), task: AtomicWaker::new() });
        Self { future, waker: own.clone().into(), own }
    }
}

impl Wake for Own {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<F: Future + Unpin> Future for Woken<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        // Registered before the look: who wakes it in between wakes the task again.
        this.own.task.register(cx.waker());
        if !this.own.is_woken.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        Pin::new(&mut this.future).poll(&mut Context::from_waker(&this.waker))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use tokio::{
        sync::Notify,
        time::{sleep, timeout},
    };

    use super::*;

    /// Waits, and counts how often it was polled.
    async fn counted(polls: &AtomicUsize, wait: impl Future<Output = ()>) {
        let mut wait = std::pin::pin!(wait);
        poll_fn(|cx| {
            polls.fetch_add(1, Ordering::Relaxed);
            wait.as_mut().poll(cx)
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_is_polled_only_when_it_was_woken_itself() {
        let [quiet, busy] = &[(); 2].map(|()| AtomicUsize::new(0));
        let end = Notify::new();
        let waits = std::pin::pin!(counted(quiet, end.notified()));
        let works = std::pin::pin!(async {
            for _ in 0..10 {
                counted(busy, sleep(Duration::from_secs(1))).await;
            }
            end.notify_one();
        });
        tokio::join!(Woken::new(waits), Woken::new(works));
        assert_eq!([quiet, busy].map(|polls| polls.load(Ordering::Relaxed)), [2, 20]);
    }

    #[tokio::test]
    async fn no_wake_is_lost_between_threads() {
        let rung = Arc::new(Notify::new());
        for _ in 0..1000 {
            let bell = rung.clone();
            let ringing = tokio::task::spawn_blocking(move || bell.notify_one());
            let waits = std::pin::pin!(rung.notified());
            timeout(Duration::from_secs(10), Woken::new(waits)).await.expect("is woken");
            ringing.await.unwrap();
        }
    }
}
