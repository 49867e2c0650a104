//! However the connection's own task and a flusher take turns: everything is written once, in order, and never forgotten.

use std::{
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Wake},
};

use parking_lot::Mutex;
use proptest::prelude::*;
use watchbell_protocol::{CloseCode, ProjectId, Room};

use super::*;
use crate::{
    metrics::Deliveries,
    store::journal::Mark,
    ws::outbox::{Out, Put},
};

/// The other side, and a socket before it that may be full.
#[derive(Default)]
struct Wire {
    is_full: AtomicBool,
    begun: Mutex<Vec<Out>>,
    written: Mutex<Vec<String>>,
    /// What happens during the next write of the flusher.
    meanwhile: Mutex<Vec<Meanwhile>>,
}

type Meanwhile = Box<dyn FnOnce() + Send>;

impl Wire {
    fn write(&self, outs: impl IntoIterator<Item = Out>) {
        let texts =
            outs.into_iter().map(|out| if let Out::Text(text) = out { text.to_string() } else { "ping".into() });
        self.written.lock().extend(texts);
    }

    /// What the own task does with a batch, however long it takes.
    fn finish(&self, outs: impl IntoIterator<Item = Out>) {
        let begun = std::mem::take(&mut *self.begun.lock());
        self.write(begun.into_iter().chain(outs));
    }
}

impl Direct for Wire {
    fn begin(&self, batch: Batch) -> Begun {
        for happens in std::mem::take(&mut *self.meanwhile.lock()) {
            happens();
        }
        if self.is_full.load(Ordering::Relaxed) {
            self.begun.lock().extend(batch.outs);
            return Begun::Unfinished;
        }
        self.write(batch.outs);
        Begun::Done
    }
}

/// The connection's own task: it looks only when it was woken.
struct Own {
    outbox: Arc<Outbox>,
    wire: Arc<Wire>,
    is_woken: Arc<Woken>,
    next: Pin<Box<dyn Future<Output = Batch> + Send>>,
    writes: Option<Batch>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn next(outbox: Arc<Outbox>) -> Pin<Box<dyn Future<Output = Batch> + Send>> {
    Box::pin(async move { outbox.next().await })
}

impl Own {
    fn new(outbox: Arc<Outbox>, wire: Arc<Wire>) -> Self {
        let is_woken = Arc::new(Woken(AtomicBool::new(true)));
        Self { next: next(outbox.clone()), outbox, wire, is_woken, writes: None }
    }

    /// `true` if it has something to write now.
    fn looks(&mut self) -> bool {
        if self.writes.is_none() && self.is_woken.0.swap(false, Ordering::Relaxed) {
            let waker = self.is_woken.clone().into();
            if let Poll::Ready(batch) = self.next.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.writes = Some(batch);
                self.next = next(self.outbox.clone());
            }
        }
        self.writes.is_some()
    }

    /// Writes what it has; gives what is known of that beside the frames.
    fn finishes(&mut self) -> Option<Batch> {
        let mut batch = self.writes.take()?;
        self.wire.finish(std::mem::take(&mut batch.outs));
        if !batch.is_last {
            self.outbox.wrote();
            // It goes on by itself.
            self.is_woken.0.store(true, Ordering::Relaxed);
        }
        Some(batch)
    }
}

/// A connection whose own task waits for something to write, and its flusher.
struct Stage {
    outbox: Arc<Outbox>,
    wire: Arc<Wire>,
    flusher: Arc<Flusher>,
    own: Arc<Mutex<Own>>,
    room: Room,
}

impl Stage {
    fn new() -> Self {
        let (wire, flusher) = (Arc::new(Wire::default()), Arc::new(Flusher::default()));
        let outbox = Arc::new_cyclic(|outbox| {
            let (outbox, direct) = (outbox.clone(), wire.clone());
            Outbox::new(Deliveries::off()).by(Express { outbox, direct, flusher: flusher.clone() })
        });
        let own = Arc::new(Mutex::new(Own::new(outbox.clone(), wire.clone())));
        assert!(!own.lock().looks());
        Self { outbox, wire, flusher, own, room: Room::Project(ProjectId::fresh()) }
    }

    fn event(&self, text: &str) {
        assert_eq!(self.outbox.event(self.room, Mark::default(), text.into()), Put::Waits);
    }

    /// The flusher comes, if it was told to.
    fn flush(&self) -> bool {
        let enrolled = self.flusher.take();
        assert!(enrolled.len() <= 1, "an outbox is enrolled once");
        enrolled.iter().filter_map(Weak::upgrade).map(|outbox| outbox.flush()).count() > 0
    }

    /// The own task looks whether it has something to write, if it was told to.
    fn looks(&self) -> bool {
        self.own.lock().looks()
    }

    fn finishes(&self) -> Option<Batch> {
        self.own.lock().finishes()
    }

    /// This happens during the next write of the flusher, and the own task looks by then.
    fn meanwhile(&self, happens: impl Fn(&Outbox) + Send + 'static) {
        let (outbox, own) = (self.outbox.clone(), self.own.clone());
        self.wire.meanwhile.lock().push(Box::new(move || {
            happens(&outbox);
            assert!(!own.lock().looks(), "somebody else writes");
        }));
    }

    fn written(&self) -> Vec<String> {
        self.wire.written.lock().clone()
    }
}

#[test]
fn what_a_room_puts_is_written_by_the_flusher_and_wakes_no_task() {
    let stage = Stage::new();
    stage.event("a");
    stage.event("b");
    assert!(!stage.looks() && stage.flush());
    assert_eq!(stage.written(), ["a", "b"]);
    assert!(!stage.looks() && !stage.flush(), "nothing is left");
}

#[test]
fn what_a_socket_does_not_take_at_once_is_finished_by_the_own_task_before_anything_newer() {
    let stage = Stage::new();
    stage.wire.is_full.store(true, Ordering::Relaxed);
    stage.event("a");
    stage.flush();
    stage.event("b");
    assert!(!stage.flush() && stage.looks(), "it is the own task's turn");
    let rest = stage.finishes().unwrap();
    assert!(rest.is_owed, "it had a durable event to finish");
    assert_eq!(stage.written(), ["a"]);
    assert!(stage.looks() && stage.finishes().is_some(), "what came meanwhile");
    assert_eq!(stage.written(), ["a", "b"]);
}

#[test]
fn what_comes_while_the_flusher_writes_is_not_forgotten() {
    let stage = Stage::new();
    let room = stage.room;
    stage.meanwhile(move |outbox| assert_eq!(outbox.event(room, Mark::default(), "b".into()), Put::Waits));
    stage.meanwhile(|outbox| outbox.control("c".into()));
    stage.event("a");
    stage.flush();
    assert!(!stage.looks() && stage.flush(), "it comes again");
    assert_eq!(stage.written(), ["a", "b", "c"]);

    stage.meanwhile(|outbox| outbox.close(CloseCode::Silent));
    stage.event("d");
    stage.flush();
    assert!(stage.looks(), "the end is the own task's");
    assert_eq!(stage.finishes().unwrap().close, Some(CloseCode::Silent));
    assert_eq!(stage.written(), ["a", "b", "c", "d"]);
}

#[test]
fn while_the_own_task_writes_nobody_else_does() {
    let stage = Stage::new();
    stage.outbox.control("answer".into());
    assert!(stage.looks());
    stage.event("a");
    assert!(!stage.flush());
    stage.finishes();
    assert!(stage.looks() && stage.finishes().is_some(), "it looks again by itself");
    assert_eq!(stage.written(), ["answer", "a"]);
}

#[test]
fn a_connection_is_ended_by_its_own_task_and_nothing_follows() {
    let stage = Stage::new();
    stage.event("a");
    stage.outbox.close(CloseCode::Silent);
    stage.flush();
    assert!(stage.written().is_empty() && stage.looks());
    let last = stage.finishes().unwrap();
    assert!(last.is_last && last.close == Some(CloseCode::Silent));
    stage.event("late");
    assert!(!stage.flush());
    assert_eq!(stage.written(), ["a"]);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Event,
    Answer,
    /// An answer comes while the flusher writes.
    Meanwhile,
    Fill(bool),
    Flush,
    Look,
    Finish,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use Step::{Answer, Event, Fill, Finish, Flush, Look, Meanwhile};
    let step = prop::sample::select(vec![Event, Answer, Meanwhile, Fill(true), Fill(false), Flush, Look, Finish]);
    prop::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn everything_is_written_once_in_order_however_they_take_turns(steps in steps(), closes in any::<bool>()) {
        let (stage, put) = (Stage::new(), Arc::new(Mutex::new(Vec::new())));
        let all = put.clone();
        let next = move || {
            let mut all = all.lock();
            let text = all.len().to_string();
            all.push(text.clone());
            text
        };
        for step in steps {
            match step {
                Step::Event => stage.event(&next()),
                Step::Answer => stage.outbox.control(next().into()),
                Step::Meanwhile => {
                    let next = next.clone();
                    stage.meanwhile(move |outbox| outbox.control(next().into()));
                }
                Step::Fill(is_full) => stage.wire.is_full.store(is_full, Ordering::Relaxed),
                Step::Flush => drop(stage.flush()),
                Step::Look => drop(stage.looks()),
                Step::Finish => drop(stage.finishes()),
            }
        }
        if closes {
            stage.outbox.close(CloseCode::Silent);
        }
        // Whoever was told something comes at last; the end is the last thing that is written.
        let mut ends = 0;
        while stage.looks() || stage.flush() {
            ends += stage.finishes().map_or(0, |batch| usize::from(batch.is_last));
        }
        prop_assert_eq!(&stage.written(), &*put.lock());
        prop_assert_eq!(ends, usize::from(closes));
    }
}
