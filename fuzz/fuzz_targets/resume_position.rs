//! Positions, from which a receiver resumes: any text is read or refused, and a join from a position that was read asks
//! for exactly that position.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use watchbell_fuzz::{mutate_json, planted};
use watchbell_protocol::{ClientFrame, Command, CommandId, Position, ServerFrame, command::RoomJoin};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_json(data, size, max_size, seed) });

fuzz_target!(|text: &str| {
    let Ok(position) = serde_json::from_str::<Position>(text) else { return };
    planted(|| position.epoch.0 > 1000);
    assert!(position.seq.next() > position.seq || position.seq.0 == i64::MAX);

    let room = "project:0192f0c1-0000-7000-8000-000000000001".parse().expect("is a room");
    let join = RoomJoin { since: Some(position), ..RoomJoin::default() };
    let frame = ClientFrame { id: Some(CommandId::fresh()), room: Some(room), command: join.into() };
    let sent = serde_json::to_string(&frame).expect("a frame is plain JSON");
    let taken = ClientFrame::parse(&sent).expect("what a client sends, a server takes");
    assert!(matches!(&taken.command, Command::RoomJoin(join) if join.since == Some(position)), "{sent}");

    let answered = ServerFrame::CaughtUp { room, caught_up: position };
    assert_eq!(ServerFrame::parse(&answered.to_text()), Ok(answered));
});
