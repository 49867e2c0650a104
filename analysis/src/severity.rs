//! How bad: one table from detector and rule to severity. Tools agree on nothing here (ruff calls a missing docstring
//! an error), so their own level decides only where the table is silent.

use watchbell_protocol::event::Severity::{self, Critical, High, Info, Low, Medium};

/// How a detector rates a finding, in SARIF's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Level {
    /// `error`
    Error,
    /// `warning`; also what SARIF means when nothing is said.
    #[default]
    Warning,
    /// `note`
    Note,
    /// `none`; also a matter of style.
    None,
}

/// Detector, start of the rule, severity. The first line that fits decides.
#[rustfmt::skip]
const RULES: &[(&str, &str, Severity)] = &[
    ("secrets", "private-key", Critical),
    ("secrets", "generic-", High),
    ("secrets", "jwt", High),
    ("secrets", "", Critical),
    ("conflict-markers", "", High),
    ("config-syntax", "duplicate-key", Medium),
    ("config-syntax", "", High),
    ("large-files", "large-file", Low),
    ("large-files", "", Info),
    ("typos", "", Low),

    ("ruff", "invalid-syntax", High),
    ("ruff", "E9", High),
    ("ruff", "F821", High),     // undefined name
    ("ruff", "F4", Medium), ("ruff", "F5", Medium), ("ruff", "F6", Medium), ("ruff", "F7", Medium), ("ruff", "F8", Medium),
    ("ruff", "PLE", High),
    ("ruff", "S101", Low),      // assert
    ("ruff", "S105", High), ("ruff", "S106", High), ("ruff", "S107", High), // passwords in the code
    ("ruff", "S307", High),     // eval
    ("ruff", "S311", Low),      // randomness that may not matter
    ("ruff", "S602", High), ("ruff", "S605", High), ("ruff", "S608", High), // shell and SQL injection
    ("ruff", "S603", Low), ("ruff", "S607", Low),
    ("ruff", "S1", Medium), ("ruff", "S2", Medium), ("ruff", "S3", Medium), ("ruff", "S5", Medium), ("ruff", "S6", Medium),
    ("ruff", "S7", Medium),     // S4, imports that deserve a thought, is left to the last line
    ("ruff", "B0", Medium), ("ruff", "B9", Medium), ("ruff", "BLE", Medium), ("ruff", "ASYNC", Medium),
    ("ruff", "E7", Medium),
    ("ruff", "D1", Info), ("ruff", "D2", Info), ("ruff", "D3", Info), ("ruff", "D4", Info), // docstrings
    ("ruff", "ANN", Info), ("ruff", "COM", Info), ("ruff", "I0", Info), ("ruff", "Q0", Info), ("ruff", "ERA", Info),
    ("ruff", "TD0", Info), ("ruff", "FIX", Info),
    ("ruff", "", Low),

    ("shellcheck", "SC2115", High), // rm -rf "$x/"* with an empty x
    ("eslint", "parse-error", High),
    ("eslint", "no-eval", High), ("eslint", "no-implied-eval", High), ("eslint", "no-new-func", High),
    ("eslint", "security/", High),
    ("biome", "lint/security/", High),
    ("biome", "parse", High),
    ("oxlint", "eslint(no-eval)", High),
    ("zizmor", "zizmor/template-injection", Critical),
    ("zizmor", "zizmor/dangerous-triggers", Critical),
];

/// Detector, then the severity of its errors, warnings, notes and matters of style.
#[rustfmt::skip]
const LEVELS: &[(&str, [Severity; 4])] = &[
    ("clippy",     [High,   Low,    Info, Info]), // a plain warning is mostly about style; what is wrong is denied
    ("eslint",     [Medium, Low,    Info, Info]), // "error" is the project's word for "fix before merging"
    ("biome",      [Medium, Low,    Info, Info]),
    ("oxlint",     [Medium, Low,    Info, Info]),
    ("hadolint",   [Medium, Low,    Info, Info]),
    ("htmlhint",   [Low,    Info,   Info, Info]),
    ("markdownlint", [Low,  Info,   Info, Info]),
    ("sqlfluff",   [Low,    Info,   Info, Info]),
    ("checkov",    [Medium, Low,    Info, Info]),
    ("",           [High,   Medium, Low,  Info]),
];

/// Rules of other detectors whose finding is a secret: its text stays out of messages and plain hashes.
const ABOUT_SECRETS: &[(&str, &str)] = &[
    ("secrets", ""),
    ("bandit", "B105"),
    ("bandit", "B106"),
    ("bandit", "B107"),
    ("ruff", "S105"),
    ("ruff", "S106"),
    ("ruff", "S107"),
    ("semgrep", "generic.secrets"),
];

/// How bad a finding is: by the table, else by the rule's `security-severity`, else by its level.
pub(crate) fn of(detector: &str, rule: &str, level: Level, score: Option<f32>) -> Severity {
    let by_rule = RULES.iter().find(|(of, start, _)| *of == detector && rule.starts_with(start));
    by_rule.map(|&(_, _, severity)| severity).or_else(|| score.and_then(by_score)).unwrap_or_else(|| {
        let levels = LEVELS.iter().find(|(of, _)| *of == detector || of.is_empty());
        let [error, warning, note, style] = levels.map_or([High, Medium, Low, Info], |&(_, levels)| levels);
        match level {
            Level::Error => error,
            Level::Warning => warning,
            Level::Note => note,
            Level::None => style,
        }
    })
}

/// Whether what this rule finds is a secret.
pub(crate) fn is_about_secret(detector: &str, rule: &str) -> bool {
    ABOUT_SECRETS.iter().any(|(of, start)| *of == detector && rule.starts_with(start))
}

/// As code scanning services read it.
fn by_score(score: f32) -> Option<Severity> {
    match score {
        s if s >= 9.0 => Some(Critical),
        s if s >= 7.0 => Some(High),
        s if s >= 4.0 => Some(Medium),
        s if s > 0.0 => Some(Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_decides_before_the_score_and_the_score_before_the_level() {
        assert_eq!(of("ruff", "D100", Level::Error, Some(9.8)), Info);
        assert_eq!(of("semgrep", "x", Level::Note, Some(9.8)), Critical);
        assert_eq!(of("semgrep", "x", Level::Note, Some(0.0)), Low);
        assert_eq!(of("unheard-of", "x", Level::Error, None), High);
        assert_eq!(of("clippy", "clippy::len_zero", Level::Warning, None), Low);
    }

    #[test]
    fn no_line_of_the_table_hides_a_later_one() {
        for (at, (detector, rule, _)) in RULES.iter().enumerate() {
            let hidden_by =
                RULES[..at].iter().find(|(earlier, start, _)| earlier == detector && rule.starts_with(start));
            assert!(hidden_by.is_none(), "{detector} {rule:?} is hidden by {hidden_by:?}");
        }
    }
}
