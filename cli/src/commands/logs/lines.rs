//! Lines out of a stream of bytes, each within what the wire takes, and batches of them. Pure.

use std::collections::VecDeque;

use watchbell_protocol::{Blob, Text, event::LogLine, limits};

/// Bytes of one batch, about. Escaped as JSON a byte may become six, and the frame has to hold them all.
const BATCH_BYTES: usize = 64 * 1024;

/// Cuts bytes into lines. It holds less than one line and what came last.
#[derive(Debug, Default)]
pub struct Cutter {
    begun: Vec<u8>,
}

impl Cutter {
    /// Takes what was read; the lines that are whole with it.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<LogLine> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if let Some(line) = self.begun.strip_suffix(b"\n") {
                put(line.strip_suffix(b"\r").unwrap_or(line), &mut lines);
                self.begun.clear();
            }
        }
        // A line that does not end goes out in parts, each with whole characters.
        if self.begun.len() >= limits::LOG_LINE_BYTES {
            let rest = self.begun.split_off(self.begun.len() - incomplete(&self.begun));
            put(&self.begun, &mut lines);
            self.begun = rest;
        }
        lines
    }

    /// The last line, if it has no end.
    pub fn end(self) -> Vec<LogLine> {
        let mut lines = Vec::new();
        if !self.begun.is_empty() {
            put(&self.begun, &mut lines);
        }
        lines
    }
}

/// Adds a line, in as many parts as it takes.
fn put(bytes: &[u8], lines: &mut Vec<LogLine>) {
    let mut rest = bytes;
    while let Some(most) = rest.get(..limits::LOG_LINE_BYTES).filter(|most| most.len() < rest.len()) {
        let (part, more) = rest.split_at(most.len() - incomplete(most));
        lines.push(line(part));
        rest = more;
    }
    lines.push(line(rest));
}

/// What is no UTF-8 is replaced in the text, and the bytes go with it.
fn line(bytes: &[u8]) -> LogLine {
    let raw = std::str::from_utf8(bytes).err().and_then(|_| Blob::try_from(bytes.to_vec()).ok());
    LogLine { text: Text::clip(String::from_utf8_lossy(bytes)), raw, level: None, written_at: None }
}

/// How many bytes at the end are the beginning of a character.
fn incomplete(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last().map(|chunk| chunk.invalid()).unwrap_or_default();
    let is_beginning = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
    if is_beginning { last.len() } else { 0 }
}

/// Takes from the front what one command may carry.
pub fn batch(lines: &mut VecDeque<LogLine>) -> Vec<LogLine> {
    let mut bytes = 0;
    let fits = |line: &&LogLine| {
        bytes += line.text.len() + line.raw.as_ref().map_or(0, |raw| raw.len());
        bytes <= BATCH_BYTES
    };
    let count = lines.iter().take(limits::LOG_LINES).take_while(fits).count();
    lines.drain(..count).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchbell_protocol::{ClientFrame, CommandId, List, command::LogsAppend};

    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<LogLine> {
        let mut cutter = Cutter::default();
        let mut lines: Vec<LogLine> = parts.iter().flat_map(|part| cutter.take(part)).collect();
        lines.extend(cutter.end());
        lines
    }

    fn cut(parts: &[&[u8]]) -> Vec<String> {
        lines(parts).into_iter().map(|line| line.text.into_string()).collect()
    }

    #[test]
    fn lines_end_with_either_line_break_and_the_last_needs_none() {
        assert_eq!(cut(&[b"one\r\n\ntwo\nth", b"ree"]), ["one", "", "two", "three"]);
        assert_eq!(cut(&[b"one\n"]), ["one"]);
        assert_eq!(cut(&[]), [""; 0]);
    }

    #[test]
    fn what_is_no_utf_8_is_replaced_and_goes_along_as_it_is() {
        let odd = lines(&[b"caf\xe9\nplain\n"]);
        assert_eq!(odd[0].text, "caf\u{fffd}");
        assert_eq!(odd[0].raw.as_deref(), Some(&b"caf\xe9"[..]));
        assert_eq!((odd[1].text.as_str(), &odd[1].raw), ("plain", &None));
    }

    #[test]
    fn a_character_that_comes_in_two_parts_is_whole() {
        let (first, second) = "ä".as_bytes().split_at(1);
        assert_eq!(cut(&[first, second]), ["ä"]);
    }

    #[test]
    fn a_line_without_an_end_goes_out_in_parts_of_whole_characters() {
        let long = "é".repeat(5_000);
        for at in [1, 4_095, 4_096, 4_097, 9_999] {
            let (first, rest) = long.as_bytes().split_at(at);
            let lines = cut(&[first, rest]);
            assert_eq!(lines.concat(), long, "cut at {at}");
            assert!(lines.len() > 2);
        }
    }

    #[test]
    fn a_batch_of_the_worst_lines_fits_into_a_frame() {
        let most = limits::LOG_LINE_BYTES;
        for worst in [line(&vec![1; most]), line(&vec![0xff; most]), line(b"")] {
            let mut waiting: VecDeque<LogLine> = std::iter::repeat_n(worst, 600).collect();
            while !waiting.is_empty() {
                let lines = List::try_from(batch(&mut waiting)).unwrap();
                assert!(!lines.is_empty());
                let append = LogsAppend { source: Text::clip("s".repeat(limits::SOURCE_BYTES)), lines };
                let frame = ClientFrame { id: Some(CommandId::fresh()), room: None, command: append.into() };
                assert!(serde_json::to_string(&frame).unwrap().len() < limits::FRAME_BYTES);
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_doubled_however_the_bytes_come(text in "[a-zäé\u{1F980}\n]{0,200}", size in 1..7usize) {
            let parts: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            prop_assert_eq!(cut(&parts), text.lines().map(str::to_owned).collect::<Vec<_>>());
        }
    }
}
