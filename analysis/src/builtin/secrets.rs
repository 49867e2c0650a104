//! Secrets in files: tokens of well-known makers by their shape, private keys, and passwords in assignments that look
//! random. A finding names the kind only; the secret itself goes nowhere but into a keyed hash.

use std::sync::LazyLock;

use regex::Regex;

use super::{Builtin, Candidate, column, entropy::bits_per_character, numbered};
use crate::{
    detector::{Cost, Detector, Work},
    finding::{Finding, Mark},
    tree::File,
};

pub(crate) const DETECTOR: Detector = Detector {
    name: "secrets",
    cost: Cost { base_ms: 50, file_us: 400 },
    work: Work::Builtin(Builtin { wants, check }),
};

/// Longer lines are generated; looking for secrets in them costs much and finds noise.
const LONGEST_LINE: usize = 4_000;

/// A kind of secret.
struct Kind {
    rule: &'static str,
    what: &'static str,
    /// Lower-case words, one of which is in every line that has it: most lines need no closer look.
    words: &'static [&'static str],
    /// The secret is its first group.
    pattern: &'static str,
    /// Less random ones are dummies, bits per character.
    entropy: f64,
    /// Whether only the words around say that it is a secret; then examples and tests are passed over.
    is_guess: bool,
}

const fn known(rule: &'static str, what: &'static str, words: &'static [&'static str], pattern: &'static str) -> Kind {
    Kind { rule, what, words, pattern, entropy: 3.0, is_guess: false }
}

#[rustfmt::skip]
static KINDS: [Kind; 15] = [
    known("aws-access-key", "an AWS access key", &["akia", "asia"],
        r"\b((?:AKIA|ASIA)[A-Z2-7]{16})\b"),
    known("aws-secret-key", "an AWS secret key", &["aws"],
        r#"(?i)aws_?secret(?:_?access)?_?key["']?\s*[:=]\s*["']?([A-Za-z0-9/+]{40})\b"#),
    known("github-token", "a GitHub token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{82})\b"),
    known("gitlab-token", "a GitLab token", &["glpat-"],
        r"\b(glpat-[A-Za-z0-9_-]{20,})"),
    known("slack-token", "a Slack token", &["xox"],
        r"\b(xox[abeoprs]-[A-Za-z0-9-]{20,})"),
    known("slack-webhook", "a Slack webhook", &["hooks.slack.com"],
        r"https://hooks\.slack\.com/services/(T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,})"),
    known("stripe-key", "a Stripe live key", &["_live_"],
        r"\b((?:sk|rk)_live_[A-Za-z0-9]{20,})"),
    known("google-api-key", "a Google API key", &["aiza"],
        r"\b(AIza[0-9A-Za-z_-]{35})\b"),
    known("npm-token", "an npm token", &["npm_"],
        r"\b(npm_[A-Za-z0-9]{36})\b"),
    known("pypi-token", "a PyPI token", &["pypi-agei"],
        r"\b(pypi-AgEI[A-Za-z0-9_-]{50,})"),
    known("sendgrid-key", "a SendGrid key", &["sg."],
        r"\b(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})\b"),
    known("jwt", "a JSON web token", &["eyj"],
        r"\b(eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,})"),
    known("private-key", "a private key", &["private key"],
        r"-----BEGIN (?:[A-Z]+ )?(PRIVATE KEY)(?: BLOCK)?-----"),
    Kind { rule: "generic-secret", what: "a password or token",
        words: &["password", "passwd", "secret", "token", "api_key", "apikey", "access_key", "accesskey"], entropy: 3.5, is_guess: true,
        pattern: r#"(?i)(?:password|passwd|secret|token|api_?key|access_?key)["']?\s*(?::=|[:=])\s*["']([A-Za-z0-9_+/=.~-]{12,128})["']"# },
    Kind { rule: "generic-url-password", what: "a password in an address", words: &["://"], entropy: 3.0, is_guess: true,
        pattern: r"\b[a-z][a-z0-9+.-]{2,}://[A-Za-z0-9._~-]+:([A-Za-z0-9_+=.~!-]{8,})@[A-Za-z0-9]" },
];

const PRIVATE_KEY: &str = "private-key";

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let compiled = |kind: &Kind| Regex::new(kind.pattern).expect("the patterns are constant, and a test compiles them");
    KINDS.iter().map(compiled).collect()
});

/// The kinds that the text (in lower case) may hold.
fn possible(lower: &str) -> impl Iterator<Item = (&'static Kind, &'static Regex)> {
    let pairs = KINDS.iter().zip(PATTERNS.iter());
    pairs.filter(move |(kind, _)| kind.words.iter().any(|word| lower.contains(word)))
}

fn wants(file: &File) -> bool {
    !matches!(
        file.name(),
        "package-lock.json" | "yarn.lock" | "pnpm-lock.yaml" | "Cargo.lock" | "poetry.lock" | "uv.lock"
    )
}

fn check(candidate: &Candidate<'_>, findings: &mut Vec<Finding>) {
    let Some(text) = candidate.text() else { return };
    // The standard library's search is fast in every build, and most files end here.
    if possible(&text.to_ascii_lowercase()).next().is_none() {
        return;
    }
    let is_example = is_example(&candidate.file.path);
    let mut lines = numbered(text).peekable();
    while let Some((number, line)) = lines.next() {
        if line.len() > LONGEST_LINE {
            continue;
        }
        let next = lines.peek().map(|(_, next)| next.trim());
        let lower = line.to_ascii_lowercase();
        let finding = |(kind, pattern): (&Kind, &Regex)| {
            let found = pattern.captures(line)?.get(1)?;
            let secret = if kind.rule == PRIVATE_KEY { next.filter(|next| is_key_text(next))? } else { found.as_str() };
            is_real(secret, kind).then(|| Finding {
                column: Some(column(line, found.start())),
                mark: Mark::Secret(secret.to_owned()),
                ..Finding::builtin(kind.rule, &candidate.file.path, number, format!("{} is in the file", kind.what))
            })
        };
        // One thing is one finding: a known token in an assignment is not also a guess.
        findings.extend(possible(&lower).filter(|(kind, _)| !(kind.is_guess && is_example)).find_map(finding));
    }
}

/// What follows a private key's first line, if it is a key and not code or prose about one.
fn is_key_text(line: &str) -> bool {
    let is_base64 = line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    (is_base64 && line.len() >= 40) || line.starts_with("Proc-Type:") || line.starts_with("Version:")
}

fn is_real(secret: &str, kind: &Kind) -> bool {
    const DUMMIES: [&str; 14] = [
        "example",
        "dummy",
        "changeme",
        "change-me",
        "placeholder",
        "your-",
        "your_",
        "xxxx",
        "0000000",
        "1234567",
        "abcdefg",
        "test",
        "redacted",
        "....",
    ];
    let lower = secret.to_lowercase();
    let is_dummy = DUMMIES.iter().any(|dummy| lower.contains(dummy));
    let is_mixed =
        secret.bytes().any(|byte| byte.is_ascii_digit()) && secret.bytes().any(|byte| byte.is_ascii_alphabetic());
    !is_dummy && (is_mixed || !kind.is_guess) && bits_per_character(secret) >= kind.entropy
}

/// Tests, examples and documents are full of passwords that are none.
fn is_example(path: &str) -> bool {
    let lower = path.to_lowercase();
    let is_document = [".md", ".rst", ".adoc", ".txt"].iter().any(|end| lower.ends_with(end));
    let words = ["test", "spec", "example", "sample", "fixture", "mock", "demo", "snapshot", "testdata"];
    is_document
        || lower
            .split(['/', '.', '_', '-'])
            .any(|part| words.iter().any(|word| part.strip_suffix('s').unwrap_or(part) == *word))
}

static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"'[^']*'|"[^"]*""#).expect("the pattern is constant and valid"));

/// The message of any detector without a secret: tokens of known shapes are taken out, and, where the finding is about
/// a secret, everything in quotes.
pub(crate) fn redact(message: &str, about_secret: bool) -> String {
    const GONE: &str = "[secret]";
    let mut text = message.to_owned();
    for (_, pattern) in possible(&message.to_ascii_lowercase()).filter(|(kind, _)| kind.rule != PRIVATE_KEY) {
        let found = pattern.captures_iter(&text).filter_map(|groups| Some(groups.get(1)?.range()));
        // From the last on, so that the places of the others stay right.
        for secret in found.collect::<Vec<_>>().into_iter().rev() {
            text.replace_range(secret, GONE);
        }
    }
    if about_secret { QUOTED.replace_all(&text, GONE).into_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{builtin_of, check_text};

    fn rules(name: &str, text: &str) -> Vec<String> {
        check_text(builtin_of(&DETECTOR), name, text).into_iter().map(|finding| finding.rule).collect()
    }

    /// Random-looking text made here, so that this file holds nothing that looks like a secret.
    fn random(length: usize) -> String {
        let letters = b"q8ZtLwXvRkPnBmYdCfJgHs3975QaEuT";
        (0..length).map(|at| char::from(letters[at * 7 % letters.len()])).collect()
    }

    #[test]
    fn known_tokens_are_found_by_their_shape() {
        let upper = "QZTXRKPNBMYDCFJG";
        for (rule, text) in [
            ("aws-access-key", format!("key = \"AKIA{upper}\"")),
            ("github-token", format!("GH=ghp_{}", random(36))),
            ("gitlab-token", format!("glpat-{}", random(20))),
            ("slack-token", format!("xoxb-{}", random(30))),
            ("stripe-key", format!("sk_live_{}", random(24))),
            ("npm-token", format!("//x/:_authToken=npm_{}", random(36))),
            ("jwt", format!("eyJ{}.eyJ{}.{}", random(20), random(20), random(30))),
            ("private-key", format!("-----BEGIN RSA {} KEY-----\n{}\n", "PRIVATE", random(64))),
            ("generic-secret", format!("db_password: '{}'", random(20))),
            ("generic-url-password", format!("postgres://app:{}@db/x", random(12))),
        ] {
            assert_eq!(rules("src/config.py", &text), [rule], "{text}");
        }
    }

    #[test]
    fn dummies_placeholders_and_prose_are_not() {
        for text in [
            "AWS = \"AKIAIOSFODNN7EXAMPLE\"",
            "password = \"hunter2hunter2\"",
            "password = \"correct-horse-battery\"",
            "token = \"xxxxxxxxxxxxxxxxxxxx\"",
            "api_key = os.environ[\"API_KEY\"]",
            "let key = \"-----BEGIN PRIVATE KEY-----\";\nlet end = 1;",
            "https://user:password@example.com/",
            "secret = get_secret('aB3dE5fG7hJ9')",
        ] {
            assert!(rules("src/config.py", text).is_empty(), "{text}: {:?}", rules("src/config.py", text));
        }
    }

    #[test]
    fn guesses_are_not_made_in_tests_and_documents() {
        let text = format!("password = '{}'", random(20));
        for name in ["tests/login.py", "README.md", "src/login_test.go", "docs/examples/a.py"] {
            assert!(rules(name, &text).is_empty(), "{name}");
        }
        assert_eq!(rules("src/latest/contest.py", &text).len(), 1);
    }

    #[test]
    fn no_finding_carries_its_secret() {
        let token = format!("ghp_{}", random(36));
        let finding = check_text(builtin_of(&DETECTOR), "a.py", &format!("x = '{token}'")).remove(0);
        assert!(!finding.message.contains(&token) && !finding.rule.contains(&token));
        assert_eq!(finding.column, Some(6));
    }

    #[test]
    fn messages_of_other_detectors_lose_their_secrets() {
        let token = format!("ghp_{}", random(36));
        assert_eq!(redact(&format!("found {token} here"), false), "found [secret] here");
        assert_eq!(
            redact("Possible hardcoded password: 'hunter2hunter2'", true),
            "Possible hardcoded password: [secret]"
        );
        assert_eq!(redact("`x` is 'unused'", false), "`x` is 'unused'");
    }
}
