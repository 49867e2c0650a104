//! The bytes, case by case, by the sections of RFC 6455 that they are about.

use super::socket::End;

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// What is sent as a text: a command that Watchbell does not know, and answers once.
const UNKNOWN: &[u8] = br#"{"cmd":"ring"}"#;
/// Where it is cut in two.
const CUT: usize = 5;

/// Bytes, and how far both sides must agree about them.
pub struct Case {
    pub name: &'static str,
    pub bytes: fn() -> Vec<u8>,
    pub same: Same,
}

/// How far both sides must agree.
#[derive(Debug, Clone, Copy)]
pub enum Same {
    All,
    /// In all but the end, which on Watchbell's side must be this one.
    But {
        ours: End,
        because: &'static str,
    },
}

/// A client's frame, right in all that is not said otherwise.
pub struct Frame<'a> {
    first: u8,
    payload: &'a [u8],
    mask: Option<[u8; 4]>,
    length: Length,
}

/// How the length is written.
enum Length {
    Shortest,
    In16,
    In64,
    Claimed(u64),
}

impl<'a> Frame<'a> {
    pub fn new(opcode: u8, payload: &'a [u8]) -> Self {
        Self { first: 0x80 | opcode, payload, mask: Some([0x37, 0xfa, 0x21, 0x3d]), length: Length::Shortest }
    }

    fn more(opcode: u8, payload: &'a [u8]) -> Self {
        Self { first: opcode, ..Self::new(opcode, payload) }
    }

    fn reserved(opcode: u8, bits: u8, payload: &'a [u8]) -> Self {
        Self { first: 0x80 | bits | opcode, ..Self::new(opcode, payload) }
    }

    fn unmasked(opcode: u8, payload: &'a [u8]) -> Self {
        Self { mask: None, ..Self::new(opcode, payload) }
    }

    fn length(self, length: Length) -> Self {
        Self { length, ..self }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![self.first];
        let actual = self.payload.len() as u64;
        match (&self.length, actual) {
            (Length::Shortest, 0..=125) => bytes.push(masked | actual as u8),
            (Length::Shortest, 126..=0xffff) | (Length::In16, _) => {
                bytes.push(masked | 0x7e);
                bytes.extend((actual as u16).to_be_bytes());
            }
            (Length::Shortest | Length::In64, _) => {
                bytes.push(masked | 0x7f);
                bytes.extend(actual.to_be_bytes());
            }
            (Length::Claimed(claimed), _) => {
                bytes.push(masked | 0x7f);
                bytes.extend(claimed.to_be_bytes());
            }
        }
        bytes.extend(self.mask.into_iter().flatten());
        let mask = self.mask.unwrap_or_default();
        bytes.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }
}

fn all(frames: &[Frame<'_>]) -> Vec<u8> {
    frames.iter().flat_map(Frame::bytes).collect()
}

fn text(payload: &[u8]) -> Vec<u8> {
    Frame::new(TEXT, payload).bytes()
}

/// A text in two frames, with these bytes between.
fn split(payload: &[u8], at: usize, between: &[u8]) -> Vec<u8> {
    let (first, rest) = payload.split_at(at);
    [&Frame::more(TEXT, first).bytes(), between, &Frame::new(CONTINUATION, rest).bytes()].concat()
}

fn close(payload: &[u8]) -> Vec<u8> {
    Frame::new(CLOSE, payload).bytes()
}

fn close_code(code: u16) -> Vec<u8> {
    close(&code.to_be_bytes())
}

const fn same(name: &'static str, bytes: fn() -> Vec<u8>) -> Case {
    Case { name, bytes, same: Same::All }
}

/// Both fail the connection, as section 8.1 demands ("that endpoint MUST _Fail the WebSocket Connection_"). 1007 is the
/// narrower code; Watchbell's table of close codes has one for whatever is not its protocol.
const fn not_utf8(name: &'static str, bytes: fn() -> Vec<u8>) -> Case {
    let because = "7.1.7: a close frame SHOULD have an appropriate status code; 7.4.1: 1002 is a protocol error";
    Case { name, bytes, same: Same::But { ours: End::Closed(Some(1002)), because } }
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    // 5.4: fragmentation
    same("a text in one frame", || text(UNKNOWN)),
    same("two texts", || [text(UNKNOWN), text(UNKNOWN)].concat()),
    same("a text in two frames", || split(UNKNOWN, CUT, &[])),
    same("a text byte by byte", || {
        let mut frames: Vec<_> = UNKNOWN.chunks(1).map(|byte| Frame::more(CONTINUATION, byte)).collect();
        frames[0].first = TEXT;
        frames.push(Frame::new(CONTINUATION, &[]));
        all(&frames)
    }),
    same("an empty first fragment", || split(UNKNOWN, 0, &[])),
    same("a ping between fragments", || split(UNKNOWN, CUT, &Frame::new(PING, b"between").bytes())),
    same("a pong between fragments", || split(UNKNOWN, CUT, &Frame::new(PONG, b"between").bytes())),
    same("a close between fragments", || split(UNKNOWN, CUT, &close_code(1000))),
    same("a new text between fragments", || split(UNKNOWN, CUT, &text(UNKNOWN))),
    same("a continuation of nothing", || Frame::new(CONTINUATION, UNKNOWN).bytes()),
    same("a continuation of nothing, not final", || Frame::more(CONTINUATION, UNKNOWN).bytes()),
    same("a continuation behind a whole text", || [text(UNKNOWN), Frame::new(CONTINUATION, b"x").bytes()].concat()),

    // 5.5: control frames
    same("a ping without payload", || Frame::new(PING, &[]).bytes()),
    same("a ping with payload", || Frame::new(PING, b"\x00\xff over and out").bytes()),
    same("a ping of 125 bytes", || Frame::new(PING, &[7; 125]).bytes()),
    same("a ping of 126 bytes", || Frame::new(PING, &[7; 126]).bytes()),
    same("a pong that nobody asked for", || Frame::new(PONG, b"unasked").bytes()),
    same("a pong of 126 bytes", || Frame::new(PONG, &[7; 126]).bytes()),
    same("a ping in two fragments", || all(&[Frame::more(PING, b"a"), Frame::new(CONTINUATION, b"b")])),
    same("a close that is not final", || Frame::more(CLOSE, &1000_u16.to_be_bytes()).bytes()),
    Case {
        name: "a ping with its length in 16 bits",
        bytes: || Frame::new(PING, b"x").length(Length::In16).bytes(),
        same: Same::But {
            ours: End::Open,
            because: "5.2 tells who sends to use the fewest bytes, and nobody to refuse more; texts are taken by both",
        },
    },

    // 8.1: text is UTF-8
    same("a text of two and more bytes per character", || text("{\"cmd\":\"ñ€𝄞\"}".as_bytes())),
    same("a character in two fragments", || split("{\"cmd\":\"𝄞\"}".as_bytes(), 10, &[])),
    same("a character in two fragments with a ping between",
        || split("{\"cmd\":\"€\"}".as_bytes(), 9, &Frame::new(PING, b"x").bytes())),
    not_utf8("a byte that never is UTF-8", || text(b"\xff")),
    not_utf8("half a character at the end", || text(b"abc\xe2\x82")),
    not_utf8("half a character in the last fragment", || split(b"abc\xe2\x82", 4, &[])),
    not_utf8("an overlong slash", || text(b"\xc0\xaf")),
    not_utf8("half a surrogate pair", || text(b"\xed\xa0\x80")),
    not_utf8("beyond the last character", || text(b"\xf4\x90\x80\x80")),

    // 5.1: masking
    same("a text that is not masked", || Frame::unmasked(TEXT, UNKNOWN).bytes()),
    same("a ping that is not masked", || Frame::unmasked(PING, b"x").bytes()),
    same("a close that is not masked", || Frame::unmasked(CLOSE, &1000_u16.to_be_bytes()).bytes()),
    same("a mask of zeros", || Frame { mask: Some([0; 4]), ..Frame::new(TEXT, UNKNOWN) }.bytes()),

    // 5.2: reserved bits and opcodes, lengths
    same("the first reserved bit", || Frame::reserved(TEXT, 0x40, UNKNOWN).bytes()),
    same("the second reserved bit", || Frame::reserved(TEXT, 0x20, UNKNOWN).bytes()),
    same("the third reserved bit", || Frame::reserved(TEXT, 0x10, UNKNOWN).bytes()),
    same("a reserved bit on a ping", || Frame::reserved(PING, 0x40, b"x").bytes()),
    same("opcode 3", || Frame::new(3, UNKNOWN).bytes()),
    same("opcode 7", || Frame::new(7, UNKNOWN).bytes()),
    same("opcode 11", || Frame::new(11, b"x").bytes()),
    same("opcode 15", || Frame::new(15, b"x").bytes()),
    same("a length in 16 bits that needs them", || text(&[b' '; 126])),
    same("a length in 64 bits that needs them", || text(&vec![b' '; 0x1_0000])),
    same("a length in 16 bits that does not need them", || Frame::new(TEXT, UNKNOWN).length(Length::In16).bytes()),
    same("a length in 64 bits that does not need them", || Frame::new(TEXT, UNKNOWN).length(Length::In64).bytes()),
    same("a claim of more than is taken", || Frame::new(TEXT, b"x").length(Length::Claimed(1 << 30)).bytes()),
    same("a claim of 2^62 bytes", || Frame::new(TEXT, b"x").length(Length::Claimed(1 << 62)).bytes()),
    same("a claim with the highest bit", || Frame::new(TEXT, b"x").length(Length::Claimed(u64::MAX)).bytes()),
    same("more than is taken, in fragments", || {
        let piece = vec![b' '; 0x8_0000];
        all(&[Frame::more(TEXT, &piece), Frame::more(CONTINUATION, &piece), Frame::new(CONTINUATION, &piece)])
    }),

    // 5.5.1 and 7.4: closing
    same("a close without a code", || close(&[])),
    same("a close with a code", || close_code(1000)),
    same("a close with a code and a reason", || close(b"\x03\xe9gone home")),
    same("a close with half a code", || close(b"\x03")),
    not_utf8("a close with a reason that is no UTF-8", || close(b"\x03\xe8\xff\xfe")),
    same("a close of 125 bytes", || close(&[&1000_u16.to_be_bytes()[..], &[b'x'; 123]].concat())),
    same("a close of 126 bytes", || close(&[&1000_u16.to_be_bytes()[..], &[b'x'; 124]].concat())),
    same("close code 0", || close_code(0)),
    same("close code 999", || close_code(999)),
    same("close code 1003", || close_code(1003)),
    same("close code 1004, reserved", || close_code(1004)),
    same("close code 1005, never sent", || close_code(1005)),
    same("close code 1006, never sent", || close_code(1006)),
    same("close code 1011", || close_code(1011)),
    same("close code 1015, never sent", || close_code(1015)),
    same("close code 1016, not given out", || close_code(1016)),
    same("close code 2999, not given out", || close_code(2999)),
    same("close code 3000, registered", || close_code(3000)),
    same("close code 4999, private", || close_code(4999)),
    same("close code 5000, none", || close_code(5000)),
    same("close code 65535, none", || close_code(65535)),
    same("a text behind a close", || [close_code(1000), text(UNKNOWN)].concat()),
    same("two closes", || [close_code(1000), close_code(1001)].concat()),
];
