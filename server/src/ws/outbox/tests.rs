//! What a full outbox does, class by class.

use watchbell_protocol::{ProjectId, Seq};

use super::*;

pub(super) fn room() -> Room {
    Room::Project(ProjectId::fresh())
}

pub(super) fn mark(seq: i64) -> Mark {
    Mark { seq: Seq(seq), ..Mark::default() }
}

pub(super) fn key(key: &str) -> Key {
    Key::new("analysis:progress", key)
}

/// Puts a frame with these lines.
pub(super) fn lines(outbox: &Outbox, room: Room, stream: &str, texts: &[&str]) {
    let lines = Arc::new(Lines { stream: stream.into(), count: texts.len() as u32 });
    outbox.lines(room, &lines, &Utf8Bytes::from(texts.join(",")).into());
}

pub(super) fn texts(outbox: &Outbox) -> Vec<String> {
    let outs = outbox.take(usize::MAX).outs;
    outs.into_iter().map(|out| if let Out::Text(text) = out { text.to_string() } else { "ping".into() }).collect()
}

#[test]
fn what_waits_is_small_beside_its_text() {
    assert!(size_of::<Slot>() <= 72, "{} bytes", size_of::<Slot>());
}

fn fill(outbox: &Outbox, room: Room) {
    while outbox.event(room, Mark::default(), "event".into()) == Put::Waits {}
}

#[test]
fn a_durable_event_that_does_not_fit_is_not_taken_and_nothing_is_lost() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    fill(&outbox, room);
    assert_eq!(texts(&outbox).len(), ITEMS);
    assert_eq!(outbox.event(room, Mark::default(), "next".into()), Put::Waits);
}

#[test]
fn bytes_are_bounded_but_one_large_event_always_fits() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    let large = "x".repeat(BYTES + 1);
    assert_eq!(outbox.event(room, Mark::default(), large.clone().into()), Put::Waits);
    assert_eq!(outbox.event(room, Mark::default(), "small".into()), Put::Full);
    assert_eq!(texts(&outbox), [large]);
}

#[test]
fn a_newer_value_takes_the_place_of_the_waiting_one() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    let _ = outbox.latest(room, &key("a"), "a1".into());
    let _ = outbox.event(room, Mark::default(), "event".into());
    let _ = outbox.latest(room, &key("b"), "b1".into());
    let _ = outbox.latest(room, &key("a"), "a2, longer".into());
    assert_eq!(texts(&outbox), ["a2, longer", "event", "b1"]);
    let _ = outbox.latest(room, &key("a"), "a3".into());
    assert_eq!(texts(&outbox), ["a3"]);
}

#[test]
fn a_value_of_a_waiting_key_fits_even_into_a_full_outbox() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    let _ = outbox.latest(room, &key("a"), "a1".into());
    fill(&outbox, room);
    assert_eq!(outbox.latest(room, &key("a"), "a2".into()), Put::Waits);
    assert_eq!(outbox.latest(room, &key("b"), "b1".into()), Put::Full);
    assert_eq!(texts(&outbox)[0], "a2");
}

#[test]
fn an_ended_value_is_withdrawn_so_that_it_never_comes_after_its_end() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    let _ = outbox.latest(room, &key("a"), "97 %".into());
    outbox.withdraw(room, &key("a"));
    let _ = outbox.event(room, Mark::default(), "complete".into());
    assert_eq!(texts(&outbox), ["complete"]);
}

#[test]
fn a_full_outbox_drops_the_oldest_lines_and_tells_how_many() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    for line in 0..ITEMS + 3 {
        lines(&outbox, room, "logs:build", &[&line.to_string()]);
    }
    let texts = texts(&outbox);
    assert!(texts[0].contains(r#""gap":{"stream":"logs:build","dropped":3}"#), "{}", texts[0]);
    assert_eq!((texts[1].as_str(), texts.len()), ("3", ITEMS + 1));
}

#[test]
fn a_gap_counts_every_line_of_every_frame_that_was_dropped_and_comes_before_the_rest() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    for frame in 0..ITEMS + 5 {
        let stream = if frame % 2 == 0 { "logs:build" } else { "logs:web" };
        lines(&outbox, room, stream, &["line"; 10][..=frame % 10]);
    }
    let texts = texts(&outbox);
    let gaps: Vec<&String> = texts.iter().filter(|text| text.contains("gap")).collect();
    assert_eq!(gaps, [&texts[0], &texts[1]]);
    assert!(gaps[0].contains(r#"{"stream":"logs:build","dropped":9}"#), "1 + 3 + 5: {gaps:?}");
    assert!(gaps[1].contains(r#"{"stream":"logs:web","dropped":6}"#), "2 + 4: {gaps:?}");
    assert_eq!(texts.len(), ITEMS + 2);
}

#[test]
fn who_reads_a_room_again_keeps_the_lines_that_wait_and_the_gaps() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    let _ = outbox.event(room, Mark::default(), "event".into());
    for line in 0..ITEMS {
        lines(&outbox, room, "logs:build", &[&line.to_string()]);
    }
    outbox.reread(room);
    let texts = texts(&outbox);
    assert!(texts[0].contains(r#""dropped":1"#));
    assert_eq!((texts[1].as_str(), texts.len()), ("1", ITEMS));
}

#[test]
fn pages_and_lines_are_packed_for_whom_that_was_agreed_on() {
    let (room, large) = (room(), Shared::from(Utf8Bytes::from("line ".repeat(1000))));
    for packing in [Packing::None, Packing::Zstd] {
        let outbox = Outbox::new(Deliveries::off()).with(packing);
        outbox.page(room, large.payload(packing));
        outbox.lines(room, &Arc::new(Lines { stream: "logs:build".into(), count: 1 }), &large);
        let outs = outbox.take(usize::MAX).outs;
        assert_eq!(outs.len(), 2);
        for out in outs {
            assert_eq!(matches!(out, Out::Packed(_)), packing == Packing::Zstd);
        }
        assert_eq!(outbox.waiting.lock().all_bytes, 0, "the books are right");
    }
}

#[test]
fn lines_never_push_out_what_must_not_be_missed() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    fill(&outbox, room);
    lines(&outbox, room, "logs:build", &["line"]);
    let texts = texts(&outbox);
    assert_eq!(texts.len(), ITEMS + 1);
    assert!(texts[0].contains(r#""dropped":1"#));
}

#[test]
fn a_signal_that_does_not_fit_is_dropped() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    fill(&outbox, room);
    outbox.signal(room, "typing".into());
    assert_eq!(texts(&outbox).len(), ITEMS);
}

#[tokio::test(start_paused = true)]
async fn who_takes_no_answers_is_not_asked_for_more() {
    let outbox = Outbox::new(Deliveries::off());
    outbox.light().await;
    outbox.control("x".repeat(HEAVY + 1).into());
    let waited = tokio::time::timeout(std::time::Duration::from_secs(1), outbox.light()).await;
    assert!(waited.is_err(), "too much waits");
    let _ = texts(&outbox);
    outbox.light().await;
}

#[test]
fn nothing_of_a_purged_room_goes_out() {
    let (outbox, gone, kept) = (Outbox::new(Deliveries::off()), room(), room());
    let _ = outbox.event(gone, Mark::default(), "gone".into());
    let _ = outbox.latest(gone, &key("a"), "gone".into());
    outbox.about(gone, "gone".into());
    let _ = outbox.event(kept, Mark::default(), "kept".into());
    outbox.purge(gone);
    assert_eq!(texts(&outbox), ["kept"]);
}

#[test]
fn the_close_comes_after_what_waits_and_the_first_reason_counts() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    let _ = outbox.event(room, Mark::default(), "one".into());
    let _ = outbox.event(room, Mark::default(), "two".into());
    outbox.close(CloseCode::GoingAway);
    outbox.close(CloseCode::Silent);
    let first = outbox.take(3);
    assert_eq!((first.outs.as_slice(), first.close), (&[Out::Text("one".into())][..], None));
    assert_eq!(outbox.take(3).close, Some(CloseCode::GoingAway));
}

#[test]
fn what_becomes_of_everything_is_counted_and_nothing_waits_in_the_books_at_the_end() {
    let metrics = crate::metrics::Metrics::on().unwrap();
    let (outbox, room) = (Outbox::new(metrics.deliveries.clone()), room());
    let counted = |line: &str| {
        let page = metrics.page(0).unwrap();
        assert!(page.lines().any(|it| it == line), "{line} in\n{page}");
    };
    for value in ["one", "three"] {
        assert_eq!(outbox.latest(room, &key("a"), value.into()), Put::Waits);
    }
    lines(&outbox, room, "log", &["line"]);
    outbox.signal(room, "signal".into());
    outbox.control("answer".into());
    counted("watchbell_queue_bytes 21");
    texts(&outbox);
    fill(&outbox, room);
    lines(&outbox, room, "log", &["late"]);
    outbox.signal(room, "late".into());
    outbox.purge(room);
    for line in [
        "watchbell_queue_bytes 0",
        "watchbell_conflated_total 1",
        "watchbell_deliveries_total{class=\"latest\"} 1",
        "watchbell_deliveries_total{class=\"stream\"} 1",
        "watchbell_deliveries_total{class=\"signal\"} 1",
        "watchbell_deliveries_total{class=\"control\"} 1",
        "watchbell_deliveries_total{class=\"durable\"} 0",
        "watchbell_dropped_total{class=\"stream\"} 1",
        "watchbell_dropped_total{class=\"signal\"} 1",
    ] {
        counted(line);
    }
    outbox.control("never taken".into());
    drop(outbox);
    counted("watchbell_queue_bytes 0");
}

#[test]
fn what_must_not_be_lost_is_owed() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    outbox.ping();
    outbox.heads("heads".into());
    outbox.signal(room, "signal".into());
    assert!(!outbox.is_owed());
    let _ = outbox.event(room, Mark::default(), "event".into());
    assert!(outbox.is_owed());
    assert!(outbox.take(usize::MAX).is_owed);
    outbox.behind(room, Mark::default(), Class::Latest);
    assert!(!outbox.is_owed(), "it has to read the board again");
    outbox.owes(room);
    assert!(outbox.is_owed(), "it has to read the journal");
    outbox.has_all(room);
    assert!(!outbox.is_owed());
    outbox.behind(room, Mark::default(), Class::Durable);
    assert!(outbox.is_owed(), "it has to read the journal");
}

#[test]
fn newer_heads_take_the_place_of_older_ones_behind_the_events() {
    let (outbox, room) = (Outbox::new(Deliveries::off()), room());
    outbox.heads("old".into());
    let _ = outbox.event(room, Mark::default(), "event".into());
    outbox.heads("new".into());
    assert_eq!(texts(&outbox), ["event", "new"]);
}

#[test]
fn who_pings_without_reading_is_owed_one_pong() {
    let outbox = Outbox::new(Deliveries::off());
    (0..100_000_u32).for_each(|n| outbox.reply(n.to_string().into()));
    assert_eq!(outbox.take(usize::MAX).outs.as_slice(), [Out::Reply("99999".into())]);
}
