//! Files that a repository is better off without: very large ones, and build products (programs, libraries, archives).
//! Pictures, fonts and documents are nobody's business here.

use super::{Builtin, Candidate};
use crate::{
    detector::{Cost, Detector, Work},
    finding::Finding,
};

pub(crate) const DETECTOR: Detector = Detector {
    name: "large-files",
    cost: Cost { base_ms: 10, file_us: 20 },
    work: Work::Builtin(Builtin { wants: |_| true, check }),
};

const LARGE: u64 = 5 * 1024 * 1024;
const MIB: u64 = 1024 * 1024;

/// How build products begin.
const PRODUCTS: [(&[u8], &str); 8] = [
    (b"\x7fELF", "a program or library (ELF)"),
    (b"MZ\x90\x00", "a program or library (Windows)"),
    (b"\xcf\xfa\xed\xfe", "a program or library (macOS)"),
    (b"\xce\xfa\xed\xfe", "a program or library (macOS)"),
    (b"\xca\xfe\xba\xbe", "compiled Java, or a program (macOS)"),
    (b"!<arch>\n", "a static library or package"),
    (b"\0asm", "compiled WebAssembly"),
    (b"SQLite format 3\0", "a database (SQLite)"),
];

fn check(candidate: &Candidate<'_>, findings: &mut Vec<Finding>) {
    let path = &candidate.file.path;
    if candidate.file.bytes > LARGE {
        let message = format!("{} MiB; every clone carries it for ever", candidate.file.bytes / MIB);
        findings.push(Finding::builtin("large-file", path, 0, message));
    }
    let head = candidate.head();
    if let Some((_, what)) = PRODUCTS.iter().find(|(start, _)| head.starts_with(start)) {
        let message = format!("{what}; usually built, not kept");
        findings.push(Finding::builtin("build-product", path, 0, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{builtin_of, check_text};

    fn rules(name: &str, text: &str) -> Vec<String> {
        check_text(builtin_of(&DETECTOR), name, text).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn large_files_and_build_products_are_found() {
        assert_eq!(rules("a.txt", &"x".repeat(LARGE as usize + 1)), ["large-file"]);
        assert_eq!(rules("a", "\x7fELF\u{2}"), ["build-product"]);
    }

    #[test]
    fn pictures_and_ordinary_files_are_not() {
        assert!(rules("a.png", "\u{89}PNG\r\n\0").is_empty());
        assert!(rules("a.txt", "MZ is how it begins").is_empty());
        assert!(rules("a.txt", &"x".repeat(LARGE as usize)).is_empty());
    }
}
