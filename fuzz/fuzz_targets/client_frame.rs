//! What a client sends: any text is parsed or refused; what was parsed means the same when it is written and parsed
//! again; a refusal says what is wrong.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use watchbell_fuzz::{mutate_json, planted};
use watchbell_protocol::{ClientFrame, Command, ErrorCode};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_json(data, size, max_size, seed) });

fuzz_target!(|text: &str| {
    match ClientFrame::parse(text) {
        Ok(frame) => {
            planted(
                || matches!(&frame.command, Command::RoomJoin(join) if join.since.is_some_and(|at| at.seq.0 > 1000)),
            );
            assert_eq!(ClientFrame::id_of(text), frame.id, "a frame that is not looked at is answered under its id");
            let again = serde_json::to_string(&frame).expect("a frame that was read can be written");
            assert_eq!(ClientFrame::parse(&again).as_ref(), Ok(&frame), "{again}");
        }
        Err(refused) => {
            assert!(!refused.error.message.is_empty());
            let is_the_senders_fault =
                matches!(refused.error.code, ErrorCode::BadRequest | ErrorCode::UnknownCommand | ErrorCode::TooLarge);
            assert!(is_the_senders_fault, "{:?}", refused.error);
        }
    }
});
