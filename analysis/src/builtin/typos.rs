//! Spelling in source code: words that are known misspellings (never "words not in a dictionary"), so that what is
//! found is nearly always right.

use std::sync::LazyLock;

use ::typos::{
    Dictionary, Status,
    tokens::{Case, Identifier, Tokenizer, Word},
};
use unicase::UniCase;

use super::{Builtin, Candidate, column, numbered};
use crate::{
    detector::{Cost, Detector, Work},
    finding::Finding,
    tree::File,
};

pub(crate) const DETECTOR: Detector = Detector {
    name: "typos",
    cost: Cost { base_ms: 100, file_us: 1_500 },
    work: Work::Builtin(Builtin { wants, check }),
};

/// Longer lines are data or generated.
const LONGEST_LINE: usize = 1_000;
/// Upper-case words up to this length are abbreviations.
const LONGEST_ABBREVIATION: usize = 5;
/// Words up to this length are mostly names and abbreviations; only swapped letters are surely a slip there.
const SHORT: usize = 4;
/// Names that are right although they look wrong.
#[rustfmt::skip]
const RIGHT: [&str; 17] = [
    "flate", "ratatui", "arange", "asend", "certifi", "ndarray", "windo", "modul", "egals", "hashi", "countr", "ot",
    "encrypter", "encrypters", "strat", "lits", "wronly",
];
/// What people do not write themselves, or not in English.
#[rustfmt::skip]
const NOT_WRITTEN: [&str; 22] = [
    "lock", "svg", "map", "pem", "crt", "cer", "key", "asc", "pub", "csv", "tsv", "po", "pot", "mo", "ftl", "xlf",
    "sum", "snap", "dic", "aff", "sarif", "patch",
];

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(Tokenizer::new);

fn wants(file: &File) -> bool {
    let extension = file.extension().unwrap_or_default();
    let name = file.name();
    let is_written = !NOT_WRITTEN.contains(&extension) && !name.contains(".min.") && !name.contains("-lock.");
    let folders = ["vendor/", "third_party/", "locales/", "locale/", "i18n/", "translations/", "licenses/"];
    is_written
        && !folders.iter().any(|folder| file.path.starts_with(folder) || file.path.contains(&format!("/{folder}")))
}

fn check(candidate: &Candidate<'_>, findings: &mut Vec<Finding>) {
    let Some(text) = candidate.text() else { return };
    for (number, line) in numbered(text).filter(|(_, line)| line.len() <= LONGEST_LINE) {
        for typo in ::typos::check_str(line, &TOKENIZER, &Misspellings) {
            let Status::Corrections(corrections) = &typo.corrections else { continue };
            let message = format!("`{}` should be {}", typo.typo, either(corrections));
            findings.push(Finding {
                column: Some(column(line, typo.byte_offset)),
                ..Finding::builtin("typo", &candidate.file.path, number, message)
            });
        }
    }
}

/// "`a`", or "`a` or `b`".
fn either(words: &[std::borrow::Cow<'_, str>]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}

/// The known misspellings.
struct Misspellings;

impl Dictionary for Misspellings {
    fn correct_ident<'s>(&'s self, _: Identifier<'_>) -> Option<Status<'s>> {
        None
    }

    fn correct_word<'s>(&'s self, word: Word<'_>) -> Option<Status<'s>> {
        let (text, case) = (word.token(), word.case());
        let is_abbreviation = case == Case::Upper && text.len() <= LONGEST_ABBREVIATION;
        if case == Case::None || is_abbreviation || RIGHT.iter().any(|right| right.eq_ignore_ascii_case(text)) {
            return None;
        }
        let corrections = typos_dict::WORD.find(&UniCase::new(text))?;
        let is_sure = match text.len() {
            0..3 => false,
            3..=SHORT => corrections.iter().any(|right| are_swapped(text, right)),
            _ => true,
        };
        if corrections.is_empty() || !is_sure {
            return None;
        }
        Some(Status::Corrections(corrections.iter().map(|word| in_case(word, case).into()).collect()))
    }
}

/// Whether one word has the letters of the other in another order.
fn are_swapped(one: &str, other: &str) -> bool {
    let letters = |word: &str| {
        let mut letters = word.to_ascii_lowercase().into_bytes();
        letters.sort_unstable();
        letters
    };
    letters(one) == letters(other)
}

/// The correction as the misspelling was written. (The dictionary is ASCII.)
fn in_case(word: &str, case: Case) -> String {
    match case {
        Case::Upper => word.to_ascii_uppercase(),
        Case::Title => {
            let mut word = word.to_owned();
            if let Some(first) = word.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            word
        }
        Case::Lower | Case::None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{builtin_of, check_text};

    /// The words with a dot inside, so that this file holds no misspelling itself.
    fn found(name: &str, text: &str) -> Vec<(u32, u32, String)> {
        let findings = check_text(builtin_of(&DETECTOR), name, &text.replace('·', ""));
        findings.into_iter().map(|finding| (finding.line, finding.column.unwrap(), finding.message)).collect()
    }

    #[test]
    fn misspellings_are_found_in_prose_and_in_names() {
        let all = found("a.rs", "// te·h\nlet is_rec·ieved = 1; struct Rec·ieve;\n");
        let places: Vec<(u32, u32)> = all.iter().map(|(line, column, _)| (*line, *column)).collect();
        assert_eq!(places, [(1, 4), (2, 8), (2, 29)]);
        assert!(all[0].2.ends_with("should be `the`"), "{}", all[0].2);
        assert!(all[2].2.ends_with("should be `Receive`"), "{}", all[2].2);
    }

    #[test]
    fn names_abbreviations_and_what_nobody_writes_are_left_alone() {
        assert!(found("a.rs", "serde::ser; flate2; MIS; FO; 0xba; NDArray; BA; Ines; als; fo(ue, nd)").is_empty());
        assert!(found("Cargo.lock", "te·h").is_empty());
        assert!(found("web/locales/de.json", "te·h").is_empty());
        assert!(found("a.js", &format!("{}te·h", "x ".repeat(LONGEST_LINE))).is_empty());
    }
}
