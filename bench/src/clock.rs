//! The clock of the load generator, which both sends and receives: microseconds in 16 digits, so that a stamp can be
//! written over another in place.
//!
//! Deliberately absent: the wall clock. Nothing here is compared with another machine or another run.

use std::{sync::OnceLock, time::Instant};

/// Digits of a stamp.
pub const DIGITS: usize = 16;
/// The first stamp: the least number with that many digits.
const FIRST: u64 = 1_000_000_000_000_000;

/// Microseconds of this process's own count.
pub fn now() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    FIRST + BEGAN.get_or_init(Instant::now).elapsed().as_micros() as u64
}

/// Writes a stamp over the first [`DIGITS`] bytes.
pub fn stamp(place: &mut [u8], mut micros: u64) {
    for digit in place[..DIGITS].iter_mut().rev() {
        *digit = b'0' + (micros % 10) as u8;
        micros /= 10;
    }
}

/// Reads a stamp from the first bytes of `text`, if there is one.
pub fn read(text: &[u8]) -> Option<u64> {
    text.get(..DIGITS)?.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let micros = now();
        let mut text = *b"................}";
        stamp(&mut text, micros);
        assert_eq!(read(&text), Some(micros));
        assert_eq!(text[DIGITS], b'}');
        assert_eq!(read(b"12345"), None);
        assert_eq!(read(b"123456789012345x"), None);
    }
}
