//! From what a detector said to an [`Issue`]: path resolved, severity decided, fingerprint computed, secrets kept in.

use std::{collections::HashMap, path::Path, path::PathBuf};

use watchbell_protocol::{Text, event::Issue, limits};

use crate::{
    builtin::secrets,
    fingerprint::{self, FileLines, Key},
    location::{Locator, Spot},
    severity::{self, Level},
};

/// A detector's words, before anything is decided about them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    /// In the detector's own words.
    pub rule: String,
    /// How the detector rates it.
    pub level: Level,
    /// The rule's `security-severity` (0 to 10), if it gives one.
    pub score: Option<f32>,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub spot: Spot,
    /// From 1; 0 for the file as a whole.
    pub line: u32,
    /// From 1.
    pub column: Option<u32>,
    /// Last line.
    pub end_line: Option<u32>,
    /// The rule's page.
    pub help: Option<String>,
    /// What the fingerprint is made of.
    pub mark: Mark,
}

/// What a finding's fingerprint is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The text around it.
    Context,
    /// A hash of the surroundings that the tool computed itself.
    Given(String),
    /// A fingerprint that Watchbell made; taken as it is.
    Ours(String),
    /// A secret's text, which leaves this process only through a keyed hash.
    Secret(String),
}

impl Finding {
    /// A finding of a detector compiled in; its severity is the table's.
    pub fn builtin(rule: &str, path: &str, line: u32, message: String) -> Self {
        Self {
            rule: rule.to_owned(),
            level: Level::Warning,
            score: None,
            message,
            spot: Spot::Inside(path.to_owned()),
            line,
            column: None,
            end_line: None,
            help: None,
            mark: Mark::Context,
        }
    }
}

/// Turns one detector's findings into issues.
pub(crate) struct Scribe {
    detector: Text<{ limits::NAME_BYTES }>,
    root: PathBuf,
    locator: Locator,
    key: Key,
    /// How often each fingerprint was given, to tell twins apart.
    twins: HashMap<String, u32>,
    /// The file of the last finding: detectors report file by file.
    lines: Option<(String, FileLines)>,
    /// Findings whose path leads out of the folder.
    pub outside: u64,
}

impl Scribe {
    /// For one detector's run over `root`.
    pub fn new(detector: &str, root: &Path, key: Key) -> Self {
        Self {
            detector: Text::clip(detector),
            root: root.to_path_buf(),
            locator: Locator::new(root),
            key,
            twins: HashMap::new(),
            lines: None,
            outside: 0,
        }
    }

    /// The folder that relative paths of the following findings count from.
    pub fn set_base(&mut self, base: &Path) {
        self.locator.set_base(base);
    }

    /// The issue; `None` if the finding lies outside of the folder (or its path is longer than the wire allows, which
    /// no clipped path could stand for).
    pub fn issue(&mut self, finding: Finding) -> Option<Issue> {
        let path = self.locator.resolve(&finding.spot).and_then(|path| Text::try_from(path).ok());
        let Some(path) = path else {
            self.outside += 1;
            return None;
        };
        let about_secret = severity::is_about_secret(&self.detector, &finding.rule);
        let fingerprint = self.fingerprint(&path, &finding, about_secret);
        let message = secrets::redact(&finding.message, about_secret);
        Some(Issue {
            fingerprint: Text::clip(fingerprint),
            detector: self.detector.clone(),
            severity: severity::of(&self.detector, &finding.rule, finding.level, finding.score),
            rule: Text::clip(finding.rule),
            message: Text::clip(message),
            path,
            line: finding.line,
            column: finding.column.filter(|&column| column > 0),
            end_line: finding.end_line.filter(|&end| end > finding.line),
            help: finding.help.and_then(|help| help_page(&help)),
        })
    }

    fn fingerprint(&mut self, path: &str, finding: &Finding, about_secret: bool) -> String {
        let hash = match &finding.mark {
            Mark::Ours(fingerprint) => return fingerprint.clone(),
            Mark::Secret(secret) => self.key.hash(&[&finding.rule, path, secret]),
            Mark::Given(given) => fingerprint::hash(&[&finding.rule, path, given]),
            Mark::Context => {
                let around = self.context(path, finding);
                let parts = [finding.rule.as_str(), path, &around];
                // The text around a secret contains it: unkeyed, the hash would let anybody try guesses.
                if about_secret { self.key.hash(&parts) } else { fingerprint::hash(&parts) }
            }
        };
        let times = self.twins.entry(hash.clone()).or_default();
        *times += 1;
        if *times == 1 { hash } else { format!("{hash}:{times}") }
    }

    /// The text around the finding, or its message when the file cannot be read.
    fn context(&mut self, path: &str, finding: &Finding) -> String {
        if finding.line == 0 {
            return finding.message.clone();
        }
        if self.lines.as_ref().is_none_or(|(of, _)| of != path) {
            self.lines = Some((path.to_owned(), FileLines::read(&self.root.join(path))));
        }
        let lines = self.lines.as_ref().map(|(_, lines)| lines);
        lines.and_then(|lines| lines.around(finding.line, finding.column)).unwrap_or_else(|| finding.message.clone())
    }
}

/// Only web pages: an address such as `javascript:` has no place in a link.
fn help_page(help: &str) -> Option<Text<{ limits::URL_BYTES }>> {
    let is_page = help.starts_with("https://") || help.starts_with("http://");
    if is_page { Text::try_from(help).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(line: u32) -> Finding {
        Finding { column: Some(1), ..Finding::builtin("rule", "a.txt", line, "message".into()) }
    }

    fn folder(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), text).unwrap();
        folder
    }

    fn fingerprints(text: &str, lines: &[u32]) -> Vec<String> {
        let folder = folder(text);
        let mut scribe = Scribe::new("detector", folder.path(), Key::from_bytes([7; 32]));
        lines.iter().map(|&line| scribe.issue(finding(line)).unwrap().fingerprint.into_string()).collect()
    }

    #[test]
    fn a_fingerprint_survives_lines_above_and_changes_with_its_own_text() {
        let rest =
            "the line itself is followed by enough text to fill the hundred characters that are looked at, and more";
        let before = fingerprints(&format!("first\n{rest}\n"), &[2]);
        let moved = fingerprints(&format!("new\n\nnewer\nfirst\n{rest}\n"), &[5]);
        let changed = fingerprints(&format!("first\nx{rest}\n"), &[2]);
        assert_eq!(before, moved);
        assert_ne!(before, changed);
    }

    #[test]
    fn twins_are_numbered() {
        let same = "x".repeat(200);
        let all = fingerprints(&format!("{same}\n{same}\n{same}\n"), &[1, 2, 1]);
        assert!(!all[0].contains(':'));
        assert_eq!(all[1..], [format!("{}:2", all[0]), format!("{}:3", all[0])]);
    }

    #[test]
    fn a_secrets_fingerprint_depends_on_the_key() {
        let folder = folder("password = 'hunter2'\n");
        let of = |key| {
            let mut scribe = Scribe::new("bandit", folder.path(), Key::from_bytes(key));
            scribe.issue(Finding { rule: "B105".into(), ..finding(1) }).unwrap().fingerprint
        };
        assert_ne!(of([1; 32]), of([2; 32]));
    }

    #[test]
    fn only_web_pages_are_help() {
        assert!(help_page("https://docs.astral.sh/ruff/rules/E401").is_some());
        assert!(help_page("javascript:alert(1)").is_none());
    }
}
