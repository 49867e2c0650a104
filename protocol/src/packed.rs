//! A frame packed with zstd: a binary message instead of a text message, where both sides have agreed on it by the
//! subprotocol [`crate::SUBPROTOCOL_ZSTD`].
//!
//! Deliberately absent: a context that lasts over frames. Each frame stands for itself, so that it is packed once for
//! all its receivers and no connection keeps a window.

use std::io::Read as _;

/// A frame shorter than this goes as text: there is little to win.
pub const WORTH_IT: usize = 1024;
/// Fast, and most of what a higher level would win.
const LEVEL: i32 = 1;
/// The largest window that is unpacked, as a power of two: what every decoder is expected to have. It lasts as long as
/// one frame is unpacked.
const WINDOW: u32 = 23;

/// Why a binary message is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpackable {
    /// More comes out of it than a frame may have.
    #[error("is larger than a frame may be")]
    TooLarge,
    /// It is not zstd, or what comes out is no text.
    #[error("is not text packed with zstd")]
    Malformed,
}

/// Packs a frame; `None` if it is better sent as text.
pub fn pack(text: &str) -> Option<Vec<u8>> {
    if text.len() < WORTH_IT {
        return None;
    }
    // The one error there is, too small a place for the outcome, cannot be: it is made as large as is ever needed.
    let packed = zstd::bulk::compress(text.as_bytes(), LEVEL).ok()?;
    (packed.len() < text.len()).then_some(packed)
}

/// Unpacks a frame of at most `limit` bytes. No more than that is ever made of it, whatever it claims.
pub fn unpack(packed: &[u8], limit: usize) -> Result<String, Unpackable> {
    let mut decoder = zstd::Decoder::with_buffer(packed).map_err(|_| Unpackable::Malformed)?;
    decoder.window_log_max(WINDOW).map_err(|_| Unpackable::Malformed)?;
    let mut bytes = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(|_| Unpackable::Malformed)?;
    if bytes.len() > limit {
        return Err(Unpackable::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| Unpackable::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 64 * 1024;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(bytes, LEVEL).unwrap()
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out_again(piece in "\\PC{1,40}", times in 1..2000_usize) {
            let text = piece.repeat(times);
            if let Some(packed) = pack(&text) {
                prop_assert!(packed.len() < text.len());
                prop_assert_eq!(unpack(&packed, text.len() - 1), Err(Unpackable::TooLarge));
                prop_assert_eq!(unpack(&packed, text.len()), Ok(text));
            }
        }

        #[test]
        fn whatever_comes_no_more_than_the_limit_is_made_of_it(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(text) = unpack(&bytes, LIMIT) {
                prop_assert!(text.len() <= LIMIT);
            }
        }

        #[test]
        fn a_damaged_frame_is_never_one_that_is_too_long(at in 0..2000_usize, with in 1..=255_u8) {
            let mut packed = packed("a line that is like the others\n".repeat(500).as_bytes());
            let at = at % packed.len();
            packed[at] ^= with;
            if let Ok(text) = unpack(&packed, LIMIT) {
                prop_assert!(text.len() <= LIMIT);
            }
        }
    }

    #[test]
    fn a_bomb_is_refused_after_no_more_than_the_limit() {
        let bomb = packed(&vec![b' '; 64 * 1024 * 1024]);
        assert!(bomb.len() < LIMIT, "{}", bomb.len());
        assert_eq!(unpack(&bomb, LIMIT), Err(Unpackable::TooLarge));
        let several: Vec<u8> = std::iter::repeat_n(packed(&vec![b' '; LIMIT]), 3).flatten().collect();
        assert_eq!(unpack(&several, LIMIT), Err(Unpackable::TooLarge), "also as several in a row");
    }

    #[test]
    fn what_is_no_packed_text_is_refused() {
        let (text, half) = (packed(b"text"), packed(&[b'x'; 4096]));
        for malformed in
            [&b"{}"[..], &half[..half.len() / 2], &[text.as_slice(), b"more"].concat(), &packed(b"\xff\xfe")]
        {
            assert_eq!(unpack(malformed, LIMIT), Err(Unpackable::Malformed), "{malformed:?}");
        }
    }

    #[test]
    fn a_short_frame_stays_text() {
        assert_eq!(pack(&" ".repeat(WORTH_IT - 1)), None);
        assert!(pack(&" ".repeat(WORTH_IT)).is_some());
    }
}
