//! As much of RFC 6455 as a load generator needs, and no more, so that it is not what is measured: the client's
//! handshake, frames out, and a scanner over what comes in.
//!
//! Deliberately absent: extensions, fragmented messages (no server here sends them), and reading JSON. Frames go out
//! with a masking key of zero, which is a key like any other and leaves the payload as it is.

use anyhow::{Context as _, Result, bail, ensure};

/// In the second byte: the payload is masked.
const MASKED: u8 = 0x80;
/// Instead of a length: it stands in the two bytes behind …
const TWO_MORE: u8 = 0x7E;
/// … or in the eight.
const EIGHT_MORE: u8 = 0x7F;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Binary data.
    Binary,
    /// The end, with its code and reason.
    Close,
    /// A ping, to be answered with its payload.
    Ping,
    /// A pong.
    Pong,
}

/// A frame that came in.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it carries.
    pub payload: &'a [u8],
}

/// The frame at the beginning of `bytes` and its length; `None` while it is not whole.
pub fn next(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    ensure!(second & MASKED == 0, "the server masks its frames");
    ensure!(first & 0xF0 == 0x80, "a fragment or an extension, which nobody asked for: {first:#x}");
    let (head, length): (usize, usize) = match second & !MASKED {
        TWO_MORE => match bytes.get(2..4) {
            Some(length) => (4, usize::from(u16::from_be_bytes([length[0], length[1]]))),
            None => return Ok(None),
        },
        EIGHT_MORE => match bytes.get(2..10).and_then(|length| length.try_into().ok()) {
            Some(length) => (10, usize::try_from(u64::from_be_bytes(length))?),
            None => return Ok(None),
        },
        length => (2, usize::from(length)),
    };
    let Some(payload) = bytes.get(head..head.saturating_add(length)) else { return Ok(None) };
    let kind = match first & 0x0F {
        1 => Kind::Text,
        2 => Kind::Binary,
        8 => Kind::Close,
        9 => Kind::Ping,
        10 => Kind::Pong,
        other => bail!("a frame of a kind that does not exist: {other}"),
    };
    Ok(Some((Frame { kind, payload }, head + length)))
}

/// Appends a frame from a client.
pub fn put(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    out.push(match kind {
        Kind::Text => 0x81,
        Kind::Binary => 0x82,
        Kind::Close => 0x88,
        Kind::Ping => 0x89,
        Kind::Pong => 0x8A,
    });
    match payload.len() {
        length @ 0..=125 => out.push(MASKED | length as u8),
        length @ 126..=0xFFFF => {
            out.push(MASKED | TWO_MORE);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(MASKED | EIGHT_MORE);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
}

/// A text frame from a client.
pub fn text(payload: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 14);
    put(&mut out, Kind::Text, payload.as_bytes());
    out
}

/// The request of a handshake; `headers` are lines of their own, each with its line break.
pub fn handshake(path: &str, headers: &str) -> Vec<u8> {
    let fixed = "Host: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    format!("GET {path} HTTP/1.1\r\n{fixed}{headers}\r\n").into_bytes()
}

/// The length of the answer to a handshake, if it is whole; fails if it is a refusal.
pub fn accepted(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        ensure!(bytes.len() < 16 * 1024, "the answer to the handshake has no end");
        return Ok(None);
    };
    let said = String::from_utf8_lossy(bytes);
    let status = said.split(' ').nth(1).context("the answer to the handshake is no HTTP")?;
    ensure!(status == "101", "the handshake was refused: {}", said.trim_end());
    Ok(Some(end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server sends it: without a mask.
    fn from_server(payload: &[u8]) -> Vec<u8> {
        let mut framed = Vec::new();
        put(&mut framed, Kind::Text, payload);
        let head = framed.len() - payload.len() - 4;
        framed.drain(head..head + 4);
        framed[1] &= 0x7F;
        framed
    }

    #[test]
    fn frames_of_every_length_are_found_however_they_are_cut() {
        for length in [0, 1, 125, 126, 512, 65_535, 65_536, 70_000] {
            let payload = vec![b'x'; length];
            let mut bytes = from_server(&payload);
            let whole = bytes.len();
            for cut in [0, 1, 2, 3, whole - 1].into_iter().filter(|cut| *cut < whole) {
                assert_eq!(next(&bytes[..cut]).unwrap(), None, "{length} cut at {cut}");
            }
            bytes.extend(b"\x89\x00");
            let (frame, taken) = next(&bytes).unwrap().unwrap();
            assert_eq!((frame.kind, frame.payload, taken), (Kind::Text, &payload[..], whole));
            let (ping, _) = next(&bytes[taken..]).unwrap().unwrap();
            assert_eq!(ping.kind, Kind::Ping);
        }
    }

    #[test]
    fn what_a_server_must_not_send_is_an_error() {
        for bytes in [b"\x81\x80....".as_slice(), b"\x01\x00", b"\xC1\x00", b"\x83\x00"] {
            assert!(next(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn only_a_switch_of_protocols_accepts_the_handshake() {
        let yes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00";
        assert_eq!(accepted(yes).unwrap(), Some(yes.len() - 2));
        assert_eq!(accepted(&yes[..20]).unwrap(), None);
        assert!(accepted(b"HTTP/1.1 401 Unauthorized\r\n\r\n").is_err());
    }
}
