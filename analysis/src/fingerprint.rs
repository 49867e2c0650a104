//! What finds an issue again in the next run: a hash of the text around it, so that lines added above do not make it
//! new. What a secret's fingerprint is made of is hashed under a key that never leaves this machine.

use std::{fs, io::Read, path::Path};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// Characters (white space aside) that are looked at, from the first line of the finding on.
const CONTEXT: usize = 100;
/// Larger files are not read for their fingerprints; the message stands in.
const LARGEST: u64 = 8 * 1024 * 1024;
/// Hex digits of a fingerprint: 80 bits, far beyond chance among 25,000 issues.
const DIGITS: usize = 20;

/// Hashes the parts; none runs into the next.
pub(crate) fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    feed(parts, |bytes| hasher.update(bytes));
    hex(&hasher.finalize())
}

/// A key that never leaves this machine.
#[derive(Clone)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// The key with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Hashes the parts under the key.
    pub fn hash(&self, parts: &[&str]) -> String {
        // The fixed-size constructor takes a whole block; the key is its first half.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into());
        feed(parts, |bytes| mac.update(bytes));
        hex(&mac.finalize().into_bytes())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

fn feed(parts: &[&str], mut update: impl FnMut(&[u8])) {
    for part in parts {
        update(&(part.len() as u64).to_le_bytes());
        update(part.as_bytes());
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes[..DIGITS / 2].iter().fold(String::with_capacity(DIGITS), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A file's text with its line starts.
pub(crate) struct FileLines {
    text: String,
    starts: Vec<usize>,
}

impl FileLines {
    /// Reads the file; one that is missing or too large has no lines.
    pub fn read(path: &Path) -> Self {
        let mut bytes = Vec::new();
        let read = fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
        if read.is_err() || bytes.len() as u64 > LARGEST {
            bytes.clear();
        }
        Self::of(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The lines of a text.
    pub fn of(text: String) -> Self {
        let starts =
            if text.is_empty() { Vec::new() } else { std::iter::once(0).chain(after_newlines(&text)).collect() };
        Self { text, starts }
    }

    /// About a hundred characters from the start of `line` (from 1) on, without white space. On a long line (minified
    /// code) from `column` on. `None` if the file has no such line.
    pub fn around(&self, line: u32, column: Option<u32>) -> Option<String> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).copied().unwrap_or(self.text.len());
        let column = column.map_or(0, |column| column.saturating_sub(1) as usize);
        let is_long = end - start > 4 * CONTEXT;
        let skipped = if is_long { column } else { 0 };
        let from = self.text.get(start..)?;
        // Twins on one short line stay twins: told apart by their number, in order.
        Some(from.chars().skip(skipped).filter(|c| !c.is_whitespace()).take(CONTEXT).collect())
    }
}

fn after_newlines(text: &str) -> impl Iterator<Item = usize> {
    text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["ab", "c"]).len(), DIGITS);
    }

    #[test]
    fn white_space_does_not_matter() {
        let one = FileLines::of("a  =  1;\nb = 2;\n".into());
        let other = FileLines::of("\ta = 1;\r\n   b =\n 2;".into());
        assert_eq!(one.around(1, None), other.around(1, None));
        assert_eq!(one.around(1, None).as_deref(), Some("a=1;b=2;"));
    }

    #[test]
    fn a_line_that_is_not_there_has_no_context() {
        let lines = FileLines::of("one\ntwo".into());
        assert_eq!(lines.around(0, None), None);
        assert_eq!(lines.around(2, None).as_deref(), Some("two"));
        assert_eq!(lines.around(3, None), None);
        assert_eq!(FileLines::of(String::new()).around(1, None), None);
    }

    #[test]
    fn on_a_long_line_the_column_tells() {
        let lines = FileLines::of(('a'..='z').cycle().take(2000).collect());
        assert_ne!(lines.around(1, Some(501)), lines.around(1, Some(502)));
    }
}
