//! Issues: what detectors find, how bad it is, and how many there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Text, limits};

/// How bad an issue is. Ordered from worst to least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Severity {
    /// Stop and mend.
    Critical,
    /// Mend soon.
    High,
    /// Mend.
    Medium,
    /// Tidy.
    Low,
    /// Know.
    Info,
}

impl Severity {
    /// All, from worst to least.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// The word on the wire and in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }
}

/// Issues by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct Counts {
    /// Critical ones.
    pub critical: u32,
    /// High ones.
    pub high: u32,
    /// Medium ones.
    pub medium: u32,
    /// Low ones.
    pub low: u32,
    /// Informational ones.
    pub info: u32,
}

impl Counts {
    /// Of one severity.
    pub fn of(&self, severity: Severity) -> u32 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    /// Counts one more.
    pub fn add(&mut self, severity: Severity) {
        let count = match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        };
        *count = count.saturating_add(1);
    }

    /// All together.
    pub fn total(&self) -> u32 {
        Severity::ALL.iter().fold(0, |sum, &severity| sum.saturating_add(self.of(severity)))
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.critical = self.critical.saturating_add(other.critical);
        self.high = self.high.saturating_add(other.high);
        self.medium = self.medium.saturating_add(other.medium);
        self.low = self.low.saturating_add(other.low);
        self.info = self.info.saturating_add(other.info);
    }
}

impl FromIterator<Severity> for Counts {
    fn from_iter<I: IntoIterator<Item = Severity>>(severities: I) -> Self {
        let mut counts = Self::default();
        severities.into_iter().for_each(|severity| counts.add(severity));
        counts
    }
}

/// One finding of a detector. A secret's value is never in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct Issue {
    /// What tells it from every other of the same detector and analysis, and finds it again in the next: a hash of
    /// the text around it, with `:n` for twins.
    pub fingerprint: Text<{ limits::FINGERPRINT_BYTES }>,
    /// Who found it.
    pub detector: Text<{ limits::NAME_BYTES }>,
    /// The rule, in the detector's own words, without the detector's name.
    pub rule: Text<{ limits::RULE_BYTES }>,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub message: Text<{ limits::BODY_BYTES }>,
    /// Where, relative to the analysed folder, with `/`.
    pub path: Text<{ limits::PATH_BYTES }>,
    /// First line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// First column in characters, from 1; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub column: Option<u32>,
    /// Last line, when it spans more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub end_line: Option<u32>,
    /// The rule's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub help: Option<Text<{ limits::URL_BYTES }>>,
}
