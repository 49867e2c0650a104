//! Issues on their way out, in portions that fit a frame.

use std::io;

use watchbell_protocol::{
    event::Issue,
    limits::{FRAME_BYTES, ISSUES_PER_BATCH},
};

/// Bytes of JSON in one portion; the rest of the frame is for what is around it.
const BYTES: usize = FRAME_BYTES * 3 / 4;

/// Collects issues.
#[derive(Debug, Default)]
pub(super) struct Batch {
    issues: Vec<Issue>,
    bytes: usize,
}

impl Batch {
    /// Adds an issue; the portion so far, if this one no longer fits.
    pub fn add(&mut self, issue: Issue) -> Option<Vec<Issue>> {
        let bytes = json_len(&issue) + 1;
        let is_full = self.issues.len() >= ISSUES_PER_BATCH || self.bytes + bytes > BYTES;
        let full = if is_full { self.take() } else { None };
        self.bytes += bytes;
        self.issues.push(issue);
        full
    }

    /// What there is, if anything.
    pub fn take(&mut self) -> Option<Vec<Issue>> {
        self.bytes = 0;
        let issues = std::mem::take(&mut self.issues);
        (!issues.is_empty()).then_some(issues)
    }
}

/// The length of the issue as JSON.
fn json_len(issue: &Issue) -> usize {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    // Neither counting nor an issue's plain fields can fail; a length of nothing would only make a smaller portion.
    let _ = serde_json::to_writer(&mut count, issue);
    count.0
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{Text, event::Severity};

    use super::*;

    fn issue(message: &str) -> Issue {
        Issue {
            fingerprint: Text::clip("f"),
            detector: Text::clip("d"),
            rule: Text::clip("r"),
            severity: Severity::Low,
            message: Text::clip(message),
            path: Text::clip("p"),
            line: 1,
            column: None,
            end_line: None,
            help: None,
        }
    }

    fn portions(message: &str, count: usize) -> Vec<Vec<Issue>> {
        let mut batch = Batch::default();
        let mut portions: Vec<_> = (0..count).filter_map(|_| batch.add(issue(message))).collect();
        portions.extend(batch.take());
        portions
    }

    #[test]
    fn a_portion_has_at_most_500_issues() {
        let sizes: Vec<usize> = portions("m", 1001).iter().map(Vec::len).collect();
        assert_eq!(sizes, [500, 500, 1]);
        assert!(portions("m", 0).is_empty());
    }

    #[test]
    fn a_portion_fits_a_frame_whatever_is_in_it() {
        // Each of these characters takes six bytes of JSON.
        let message = "\u{1}".repeat(4096);
        let portions = portions(&message, 100);
        assert_eq!(portions.iter().map(Vec::len).sum::<usize>(), 100);
        for portion in portions {
            assert!(serde_json::to_vec(&portion).unwrap().len() <= BYTES + 2);
        }
    }
}
