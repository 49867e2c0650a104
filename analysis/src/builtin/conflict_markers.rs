//! Merge conflicts that were committed: the three markers in their order, never a single line of equals signs (which
//! underlines headings).

use super::{Builtin, Candidate, numbered};
use crate::{
    detector::{Cost, Detector, Work},
    finding::Finding,
};

pub(crate) const DETECTOR: Detector = Detector {
    name: "conflict-markers",
    cost: Cost { base_ms: 10, file_us: 60 },
    work: Work::Builtin(Builtin { wants: |_| true, check }),
};

/// What has been seen of a conflict.
#[derive(Clone, Copy)]
enum Seen {
    Nothing,
    /// The first marker, in this line.
    Ours(u32),
    /// And the one in the middle.
    Theirs(u32),
}

fn check(candidate: &Candidate<'_>, findings: &mut Vec<Finding>) {
    let Some(text) = candidate.text() else { return };
    let mut seen = Seen::Nothing;
    for (number, line) in numbered(text) {
        seen = match seen {
            _ if is_marker(line, '<') => Seen::Ours(number),
            Seen::Ours(start) if line == "=======" => Seen::Theirs(start),
            Seen::Theirs(start) if is_marker(line, '>') => {
                let message = "unresolved merge conflict".to_owned();
                findings.push(Finding {
                    end_line: Some(number),
                    ..Finding::builtin("conflict-marker", &candidate.file.path, start, message)
                });
                Seen::Nothing
            }
            seen => seen,
        };
    }
}

/// Seven of the sign and nothing, or a blank and a name.
fn is_marker(line: &str, sign: char) -> bool {
    let rest = line.trim_start_matches(sign);
    line.len() - rest.len() == 7 && (rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{builtin_of, check_text};

    /// Written with `+` in the place of the signs, so that this file holds no conflict itself.
    fn lines(text: &str) -> Vec<(u32, Option<u32>)> {
        let text = text.replace("A+", &"<".repeat(7)).replace("B+", &"=".repeat(7)).replace("C+", &">".repeat(7));
        let findings = check_text(builtin_of(&DETECTOR), "a.txt", &text);
        findings.iter().map(|finding| (finding.line, finding.end_line)).collect()
    }

    #[test]
    fn a_conflict_is_found_from_its_first_to_its_last_line() {
        assert_eq!(lines("x\nA+ HEAD\nours\nB+\ntheirs\nC+ branch\n\nA+ a\nB+\nC+ b"), [(2, Some(6)), (8, Some(10))]);
        assert_eq!(lines("A+ HEAD\na\n||||||| base\nb\nB+\nc\nC+ other"), [(1, Some(7))]);
    }

    #[test]
    fn markers_out_of_order_or_alone_are_none() {
        assert_eq!(lines("Heading\nB+\ntext\n"), []);
        assert_eq!(lines("C+ x\nB+\nA+ y\n"), []);
        assert_eq!(lines("A+HEAD\nB+\nC+ x\n"), []);
        assert_eq!(lines(" A+ HEAD\nB+\nC+ x\n"), []);
    }
}
