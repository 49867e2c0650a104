//! What a server sends, as a client reads it: any text is parsed or refused, and what was parsed means the same when it
//! is written and parsed again. Only what a later version may send (unknown frames and events) is read without being
//! kept.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use watchbell_fuzz::{mutate_json, planted};
use watchbell_protocol::{Event, RoomEvent, ServerFrame};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_json(data, size, max_size, seed) });

fuzz_target!(|text: &str| {
    let Ok(frame) = ServerFrame::parse(text) else { return };
    planted(|| matches!(&frame, ServerFrame::CaughtUp { caught_up, .. } if caught_up.seq.0 > 1000));
    if is_of_a_later_version(&frame) {
        return;
    }
    let again = frame.to_text();
    assert_eq!(ServerFrame::parse(&again).as_ref(), Ok(&frame), "{again}");
});

fn is_of_a_later_version(frame: &ServerFrame) -> bool {
    let is_unknown = |event: &RoomEvent| event.event == Event::Unknown;
    match frame {
        ServerFrame::Unknown => true,
        ServerFrame::Event(event) => is_unknown(event),
        ServerFrame::Batch(events) | ServerFrame::Board { board: events, .. } => events.iter().any(is_unknown),
        _ => false,
    }
}
