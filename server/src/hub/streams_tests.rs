//! Streams: who gets which lines, in how many frames, and when nothing runs.

use std::{future::Future, pin::pin, task::Poll};

use watchbell_protocol::{
    ConnectionId, Epoch, Event, Origin, ProjectId, RoomEvent, Seq, ServerFrame, Tag, UnixMillis,
    event::{LogLine, LogsStream},
};

use super::*;
use crate::{
    hub::{Hub, Landing, Look},
    metrics::Deliveries,
    store::journal::Mark,
    ws::outbox::{Out, Outbox},
};

/// As configured by default.
const WAIT: Duration = Duration::from_millis(100);

struct Scene {
    hub: Hub,
    room: Room,
    now: Moment,
}

fn looking(streams: &[&str]) -> Looking {
    let names: Vec<_> = streams.iter().map(|name| Text::clip(*name)).collect();
    List::try_from(names).unwrap().into()
}

impl Scene {
    fn new() -> Self {
        Self { hub: Hub::new(Epoch(1)), room: Room::Project(ProjectId::fresh()), now: Moment::now() }
    }

    /// Somebody who is admitted, and reads the journal.
    fn enter(&self, streams: &[&str]) -> (ConnectionId, Arc<Outbox>) {
        let (id, outbox) = (ConnectionId::fresh(), Arc::new(Outbox::new(Deliveries::off())));
        self.hub.enter(self.room, id, outbox.clone(), None, looking(streams));
        assert!(self.hub.admit(self.room, id, Seq::ZERO));
        (id, outbox)
    }

    fn land(&self, id: ConnectionId) {
        let landing = self.hub.land(self.room, id, Mark { seq: Seq::ZERO, tag: Tag(0) });
        assert_eq!(landing, Landing::Live);
    }

    fn line(&self, source: &str, text: impl Into<String>) {
        let line = LogLine { text: Text::clip(text), raw: None, level: None, written_at: None };
        let event = LogsStream { source: Text::clip(source), line }.into();
        let (room, at, origin) = (self.room, UnixMillis(0), Origin::Server);
        self.hub.line(&RoomEvent { room, seq: None, tag: None, at, origin, event }, self.now);
    }

    /// So much time passes, and what is due goes out.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.hub.flush_streams(self.now);
    }

    /// Until when what waits, waits.
    fn due(&self) -> Option<Moment> {
        match pin!(self.hub.streams_due()).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(due) => Some(due),
            Poll::Pending => None,
        }
    }
}

/// The frames of lines that wait, each as the texts of its lines.
fn frames_of(outbox: &Outbox) -> Vec<Vec<String>> {
    let outs = outbox.take(usize::MAX).outs.into_iter();
    let frames = outs.filter_map(|out| {
        let Out::Text(text) = out else { panic!("{out:?}") };
        match ServerFrame::parse(&text).unwrap() {
            ServerFrame::Event(event) => Some(vec![*event]),
            ServerFrame::Batch(events) => Some(events),
            _ => None,
        }
    });
    let text = |event: RoomEvent| match event.event {
        Event::LogsStream(said) => said.line.text.to_string(),
        event => panic!("{event:?}"),
    };
    frames.map(|events| events.into_iter().map(text).collect()).collect()
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[test]
fn a_frame_closes_at_ten_lines_or_after_a_tenth_of_a_second() {
    let mut scene = Scene::new();
    let (_, outbox) = scene.enter(&["logs:build"]);
    for number in 0..25 {
        scene.line("build", number.to_string());
    }
    assert_eq!(frames_of(&outbox), [numbers(0..10), numbers(10..20)], "at once");
    scene.pass(WAIT / 2);
    assert_eq!(frames_of(&outbox), [] as [Vec<String>; 0]);
    scene.pass(WAIT / 2);
    assert_eq!(frames_of(&outbox), [numbers(20..25)]);
}

#[test]
fn a_frame_closes_as_configured() {
    let mut scene = Scene::new();
    scene.hub = Hub::new(Epoch(1)).batching(Batching { events: 3, wait: 2 * WAIT });
    let (_, outbox) = scene.enter(&["logs:build"]);
    for number in 0..4 {
        scene.line("build", number.to_string());
    }
    assert_eq!(frames_of(&outbox), [numbers(0..3)], "at once");
    scene.pass(WAIT);
    assert_eq!(frames_of(&outbox), [] as [Vec<String>; 0]);
    scene.pass(WAIT);
    assert_eq!(frames_of(&outbox), [numbers(3..4)]);
}

#[test]
fn a_busy_log_takes_less_than_a_fifth_of_the_frames_that_it_has_lines() {
    let mut scene = Scene::new();
    let (_, outbox) = scene.enter(&["logs:build"]);
    let mut got = Vec::new();
    // A line every 7 ms, for 7 s.
    for number in 0..1000 {
        scene.line("build", number.to_string());
        scene.pass(Duration::from_millis(7));
        got.extend(frames_of(&outbox));
    }
    scene.pass(WAIT);
    got.extend(frames_of(&outbox));
    assert!(got.len() <= 200, "{} frames", got.len());
    assert_eq!(got.concat(), numbers(0..1000), "each once, in order");
}

#[test]
fn long_lines_go_out_before_a_frame_gets_large() {
    let scene = Scene::new();
    let (_, outbox) = scene.enter(&["logs:build"]);
    for _ in 0..4 {
        scene.line("build", "x".repeat(limits::LOG_LINE_BYTES));
    }
    assert_eq!(frames_of(&outbox).len(), 1);
}

#[test]
fn nobody_gets_a_line_that_they_do_not_look_at() {
    let mut scene = Scene::new();
    let (builder, build) = scene.enter(&["logs:build", "logs:test"]);
    let (_, web) = scene.enter(&["logs:web"]);
    let (_, nothing) = scene.enter(&[]);
    for source in ["build", "web", "build:more", "logs:build"] {
        scene.line(source, source);
    }
    scene.pass(WAIT);
    assert_eq!(frames_of(&build), [["build"]]);
    assert_eq!(frames_of(&web), [["web"]]);
    assert!(nothing.take(usize::MAX).outs.is_empty());
    assert_eq!(
        scene.hub.look(scene.room, builder, &looking(&["logs:test", "logs:build"])),
        Look::Unchanged,
        "the same"
    );
    assert!(matches!(scene.hub.look(scene.room, builder, &looking(&[])), Look::Changed { .. }));
    scene.line("build", "unheard");
    scene.pass(WAIT);
    assert!(build.take(usize::MAX).outs.is_empty());
}

#[test]
fn who_was_not_admitted_yet_gets_no_line_and_who_reads_does() {
    let mut scene = Scene::new();
    let (id, unchecked) = (ConnectionId::fresh(), Arc::new(Outbox::new(Deliveries::off())));
    scene.hub.enter(scene.room, id, unchecked.clone(), None, looking(&["logs:build"]));
    let (_, reading) = scene.enter(&["logs:build"]);
    scene.line("build", "line");
    scene.pass(WAIT);
    assert!(unchecked.take(usize::MAX).outs.is_empty());
    assert_eq!(frames_of(&reading), [["line"]]);
}

#[test]
fn who_enters_again_to_read_misses_no_line() {
    let mut scene = Scene::new();
    let (id, outbox) = scene.enter(&["logs:build"]);
    scene.land(id);
    scene.line("build", "before");
    scene.pass(WAIT);
    scene.hub.enter(scene.room, id, outbox.clone(), None, looking(&["logs:build"]));
    scene.line("build", "meanwhile");
    scene.pass(WAIT);
    assert_eq!(frames_of(&outbox), [["before"], ["meanwhile"]]);
}

#[test]
fn no_timer_runs_while_nothing_waits() {
    let mut scene = Scene::new();
    scene.line("build", "to nobody");
    assert_eq!(scene.due(), None, "nobody looks");
    let (_, outbox) = scene.enter(&["logs:build", "logs:web"]);
    assert_eq!(scene.due(), None, "nothing waits");
    scene.line("build", "one");
    assert_eq!(scene.due(), Some(scene.now + WAIT));
    scene.pass(WAIT / 4);
    scene.line("web", "two");
    scene.pass(WAIT * 3 / 4);
    assert_eq!(frames_of(&outbox), [["one"]]);
    assert_eq!(scene.due(), Some(scene.now + WAIT / 4));
    scene.pass(WAIT / 4);
    assert_eq!(frames_of(&outbox), [["two"]]);
    assert_eq!(scene.due(), None);
}

#[test]
fn what_waits_in_a_room_that_everybody_left_is_forgotten_with_it() {
    let mut scene = Scene::new();
    let (id, outbox) = scene.enter(&["logs:build"]);
    scene.line("build", "line");
    assert!(scene.hub.leave(scene.room, id));
    assert_eq!(scene.hub.rooms(), 0);
    scene.pass(WAIT);
    assert!(outbox.take(usize::MAX).outs.is_empty());
    assert_eq!(scene.due(), None);
}
