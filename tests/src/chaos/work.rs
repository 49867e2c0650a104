//! What members send: commands whose every event carries a mark, so that each can be found in the journal again.

use std::{fmt, str::FromStr};

use anyhow::{Context as _, bail};
use watchbell_protocol::{
    AnalysisId, CommandId, Event, List,
    command::{ActivityPost, AnalysisReport, ReportItem},
    event::{ActivityKind, Counts, DetectorRun, DetectorState, Issue, Severity},
};

use crate::{runner::DETECTOR, server::text};

/// Lists of issues in a report; each becomes an event …
const LISTS: u32 = 3;
/// … of so many issues.
const ISSUES: u32 = 3;
/// Ends of the detector in a report; each becomes an event.
const ENDS: u32 = 57;

/// Events of a report.
pub const REPORTED: u32 = LISTS + ENDS;

/// What a command was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The start of an analysis.
    Start,
    /// Its end.
    End,
    /// Something that becomes `count` marked events.
    Parts {
        /// Whose.
        member: usize,
        /// In which of its process's lives.
        life: u32,
        /// The number of the command in it.
        n: u32,
        /// How many events.
        count: u32,
    },
}

impl Sent {
    /// The marks of the events of the command `id`, in order.
    pub fn marks(self, id: CommandId) -> impl Iterator<Item = String> {
        let (own, parts) = match self {
            Self::Start => (Some(id.to_string()), None),
            Self::End => (None, None),
            Self::Parts { member, life, n, count } => (None, Some(marks(member, life, n, count))),
        };
        own.into_iter().chain(parts.into_iter().flatten())
    }

    /// The mark of its last event, at which its acknowledgement points. What begins or ends an analysis is last told in
    /// the feed, without a mark.
    pub fn last_mark(self, id: CommandId) -> Option<String> {
        match self {
            Self::Start | Self::End => None,
            Self::Parts { .. } => self.marks(id).last(),
        }
    }

    /// Whether it belongs to the analysis that was started last.
    pub fn needs_analysis(self) -> bool {
        matches!(self, Self::End | Self::Parts { count: REPORTED, .. })
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::End => f.write_str("end"),
            Self::Parts { member, life, n, count } => write!(f, "{member}.{life}.{n}.{count}"),
        }
    }
}

impl FromStr for Sent {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let numbers: Vec<&str> = text.split('.').collect();
        Ok(match numbers[..] {
            ["start"] => Self::Start,
            ["end"] => Self::End,
            [member, life, n, count] => {
                let number = |text: &str| text.parse::<u32>().with_context(|| format!("{text:?} is no number"));
                let member = usize::try_from(number(member)?)?;
                Self::Parts { member, life: number(life)?, n: number(n)?, count: number(count)? }
            }
            _ => bail!("not a command: {text:?}"),
        })
    }
}

/// The marks of a command's events.
fn marks(member: usize, life: u32, n: u32, count: u32) -> impl Iterator<Item = String> {
    (0..count).map(move |part| format!("{member}.{life}.{n}.{part}"))
}

/// A report of many events.
pub fn report(analysis: AnalysisId, member: usize, life: u32, n: u32) -> (AnalysisReport, Sent) {
    let sent = Sent::Parts { member, life, n, count: REPORTED };
    let item = |(part, mark): (usize, String)| {
        if part < LISTS as usize { ReportItem::Issues(issues(&mark)) } else { ReportItem::Detector(end(&mark)) }
    };
    (AnalysisReport { analysis, items: list(marks(member, life, n, REPORTED).enumerate().map(item).collect()) }, sent)
}

/// An entry of the feed: one event.
pub fn post(member: usize, life: u32, n: u32) -> (ActivityPost, Sent) {
    let sent = Sent::Parts { member, life, n, count: 1 };
    let title = format!("{member}.{life}.{n}.0");
    (ActivityPost { title: text(&title), body: None }, sent)
}

/// What an event is to the checker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Issues; they stay while their analysis is among the newest.
    Issues(String),
    /// The end of a detector; it stays until the next of the same analysis. Without a mark it is the last.
    Detector(Option<String>),
    /// An entry of the feed; it stays.
    Post(String),
    /// The start of an analysis, which has its command's id.
    Start(String),
    /// Anything else.
    Other,
}

impl What {
    /// What `event` is.
    pub fn of(event: &Event) -> Self {
        match event {
            Event::AnalysisIssues(found) => {
                let first = found.issues.first().and_then(|issue| issue.fingerprint.split_once('/'));
                first.map_or(Self::Other, |(mark, _)| Self::Issues(mark.to_owned()))
            }
            Event::DetectorComplete(complete) => {
                Self::Detector(complete.detector.reason.as_ref().map(ToString::to_string))
            }
            Event::ActivityNew(new) => match &new.activity.what {
                ActivityKind::Posted { title, .. } => Self::Post(title.to_string()),
                _ => Self::Other,
            },
            Event::AnalysisStarted(started) => Self::Start(started.analysis.id.to_string()),
            _ => Self::Other,
        }
    }

    /// The mark of the command that caused it.
    pub fn mark(&self) -> Option<&str> {
        match self {
            Self::Issues(mark) | Self::Post(mark) | Self::Start(mark) | Self::Detector(Some(mark)) => Some(mark),
            Self::Detector(None) | Self::Other => None,
        }
    }
}

fn issues<const MAX: usize>(mark: &str) -> List<Issue, MAX> {
    let issue = |n: u32| Issue {
        fingerprint: text(&format!("{mark}/{n}")),
        detector: text(DETECTOR),
        rule: text("land-ho"),
        severity: Severity::Low,
        message: text("something on the horizon"),
        path: text("src/main.rs"),
        line: n,
        column: None,
        end_line: None,
        help: None,
    };
    list((0..ISSUES).map(issue).collect())
}

fn end(mark: &str) -> DetectorRun {
    DetectorRun {
        name: text(DETECTOR),
        version: None,
        state: DetectorState::Complete,
        reason: Some(text(mark)),
        counts: Counts::default(),
        ms: 1,
        usual_ms: None,
    }
}

fn list<T: fmt::Debug, const MAX: usize>(elements: Vec<T>) -> List<T, MAX> {
    List::try_from(elements).expect("fits")
}
