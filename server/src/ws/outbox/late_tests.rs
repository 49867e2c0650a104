//! What is taken back from a receiver that is late, and what it costs.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use watchbell_protocol::Class;

use super::{
    tests::{key, lines, mark, room, texts},
    *,
};

/// Texts, places, the name of each value (two small allocations), and what is being written.
fn cost(waiting: &Waiting) -> usize {
    waiting.all_bytes + waiting.slots.capacity() * size_of::<Slot>() + waiting.items * 96 + 16 * 1024
}

#[test]
fn a_late_receiver_of_momentary_values_costs_less_than_64_kib() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    let text = || Utf8Bytes::from("x".repeat(512));
    outbox.signal(room, text());
    let taken = outbox.take(16 * 1024);
    assert!(!taken.is_owed);
    // Ten minutes of 1,000 events a second, a ping every 25 s and heads every 40 s.
    for n in 0..600_000 {
        match n % 3 {
            0 => outbox.signal(room, text()),
            1 => lines(&outbox, room, "logs", &[&text()]),
            _ => assert_eq!(outbox.latest(room, &key(&(n % 20).to_string()), text()), Put::Waits),
        }
        match n {
            1_000 => outbox.late(),
            n if n % 25_000 == 0 => outbox.ping(),
            n if n % 40_000 == 0 => outbox.heads(text()),
            _ => {}
        }
    }
    assert!(!outbox.is_owed(), "nothing of it would be missed");
    let waiting = outbox.waiting.lock();
    let cost = cost(&waiting);
    assert!(cost <= 64 * 1024, "{cost}: {} of texts, {} events", waiting.all_bytes, waiting.items);
}

#[test]
fn a_late_receiver_costs_less_than_64_kib_whatever_came_before_it_was_late() {
    let text = || Utf8Bytes::from("x".repeat(512));
    for class in [Class::Durable, Class::Latest] {
        let (outbox, room) = (Outbox::new(Deliveries::off()), room());
        let taken = outbox.take(16 * 1024);
        assert!(!taken.is_owed);
        let mut n = 0;
        let mut put = |outbox: &Outbox| {
            n += 1;
            match class {
                Class::Durable => outbox.event(room, mark(n), text()),
                _ => outbox.latest(room, &key(&n.to_string()), text()),
            }
        };
        while put(&outbox) == Put::Waits {}
        assert!(outbox.waiting.lock().all_bytes > 128 * 1024, "{class:?}");
        outbox.late();
        assert_eq!(put(&outbox), Put::Full, "{class:?}: it is to be read again first");
        assert_eq!(outbox.is_owed(), class == Class::Durable, "{class:?}");
        let again = if class == Class::Durable { Again::After(mark(1)) } else { Again::WhereItIs };
        assert_eq!(outbox.take_behind(room), Some(again));
        while put(&outbox) == Put::Waits {}
        let cost = cost(&outbox.waiting.lock());
        assert!(cost <= 64 * 1024, "{class:?}: {cost}");
    }
}

#[test]
fn a_late_receiver_is_set_back_only_in_the_rooms_that_are_too_much() {
    let (outbox, small, large) = (Outbox::new(Deliveries::off()), room(), room());
    let _ = outbox.event(small, mark(4), "small".into());
    let _ = outbox.latest(large, &key("a"), "value".into());
    for n in 7..9 {
        let _ = outbox.event(large, mark(n), "x".repeat(LATE_BYTES / 2).into());
    }
    lines(&outbox, large, "logs", &["line"]);
    outbox.late();
    assert_eq!((outbox.take_behind(small), outbox.take_behind(large)), (None, Some(Again::After(mark(7)))));
    let texts = texts(&outbox);
    assert_eq!((texts.len(), texts[1].as_str()), (2, "small"), "and a gap: {texts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_page_waits_until_a_late_receiver_has_taken_something_and_what_waited_was_taken_back() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    let _ = outbox.event(room, mark(3), "x".repeat(LATE_BYTES).into());
    let _ = outbox.event(room, mark(4), "x".repeat(LATE_BYTES).into());
    outbox.page(room, Utf8Bytes::from("a page from after these").into());
    let a_while = Duration::from_mins(10);
    timeout(a_while, outbox.room_for_page()).await.expect_err("there is no room");
    let late = async {
        outbox.late();
        sleep(a_while).await;
        assert_eq!(outbox.waiting.lock().all_bytes, 0, "there is room, but nothing is taken");
        outbox.wrote();
    };
    let (at, ()) = tokio::join!(async { (outbox.room_for_page().await, Instant::now()).1 }, late);
    assert!(at.elapsed().is_zero(), "as soon as something is taken, and not before");
    assert_eq!(outbox.take_behind(room), Some(Again::After(mark(3))));
    assert_eq!(texts(&outbox), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_more_than_the_receiver_takes_holds_up_no_page() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    while !outbox.waiting.lock().gaps.contains_key(&(room, "logs".into())) {
        lines(&outbox, room, "logs", &["x".repeat(1000).as_str()]);
    }
    timeout(Duration::from_secs(1), outbox.room_for_page()).await.expect("there is room");
    outbox.page(room, Utf8Bytes::from("x".repeat(PAGE_AFTER + 1)).into());
    timeout(Duration::from_secs(1), outbox.room_for_page()).await.expect_err("for one");
}

#[test]
fn the_earliest_of_what_was_taken_back_is_where_reading_begins() {
    let (outbox, full) = (Outbox::new(Deliveries::off()), room());
    let mut n = 0;
    while outbox.event(full, mark(n), "x".repeat(4096).into()) == Put::Waits {
        n += 1;
    }
    outbox.behind(full, mark(n), Class::Durable);
    outbox.late();
    assert_eq!(outbox.take_behind(full), Some(Again::After(mark(0))), "what waited was taken back after that");
}

#[test]
fn what_was_taken_back_first_is_where_reading_begins() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    let _ = outbox.event(room, mark(3), "x".repeat(BYTES).into());
    let _ = outbox.latest(room, &key("a"), "fits no more".into());
    outbox.behind(room, mark(4), Class::Latest);
    outbox.late();
    outbox.behind(room, mark(9), Class::Durable);
    assert_eq!(outbox.take_behind(room), Some(Again::After(mark(4))));
}

#[test]
fn a_receiver_that_takes_again_has_its_full_share() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    outbox.signal(room, "gone".into());
    outbox.late();
    outbox.signal(room, "first".into());
    assert_eq!(texts(&outbox), ["first"]);
    outbox.wrote();
    (0..=ITEMS).for_each(|_| outbox.signal(room, "signal".into()));
    assert_eq!(texts(&outbox).len(), ITEMS);
}
