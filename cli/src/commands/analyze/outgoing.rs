//! What still has to be reported, in order, cut into reports that fit a frame. Pure: no connection, no clock.
//!
//! It holds no more than one analysis may: detectors report at most `limits::ISSUES_PER_ANALYSIS` issues.

use std::collections::VecDeque;

use serde::Serialize;
use watchbell_protocol::{
    List,
    command::{End, ReportItem},
    event::{DetectorRun, Issue},
    limits,
};

/// Bytes of one report: well below a frame, so that neither escapes nor the envelope make it too large.
const REPORT_BYTES: usize = limits::FRAME_BYTES / 2;

/// One part of a report, being filled.
#[derive(Debug)]
enum Part {
    Issues { issues: Vec<Issue>, bytes: usize },
    Whole { item: ReportItem, bytes: usize },
}

impl Part {
    fn bytes(&self) -> usize {
        match self {
            Self::Issues { bytes, .. } | Self::Whole { bytes, .. } => *bytes,
        }
    }
}

/// The queue.
#[derive(Debug, Default)]
pub struct Outgoing {
    parts: VecDeque<Part>,
}

impl Outgoing {
    /// Issues were found.
    pub fn issues(&mut self, issues: impl IntoIterator<Item = Issue>) {
        for issue in issues {
            let size = size_of(&issue);
            match self.parts.back_mut() {
                Some(Part::Issues { issues, bytes })
                    if issues.len() < limits::ISSUES_PER_BATCH && *bytes + size <= REPORT_BYTES =>
                {
                    issues.push(issue);
                    *bytes += size;
                }
                _ => self.parts.push_back(Part::Issues { issues: vec![issue], bytes: size }),
            }
        }
    }

    /// A detector came to its end.
    pub fn detector(&mut self, run: DetectorRun) {
        self.whole(ReportItem::Detector(run));
    }

    /// The analysis came to its end.
    pub fn end(&mut self, end: End) {
        self.whole(ReportItem::End(end));
    }

    fn whole(&mut self, item: ReportItem) {
        let bytes = size_of(&item);
        self.parts.push_back(Part::Whole { item, bytes });
    }

    /// The next report; `None` when there is nothing to report.
    pub fn next_report(&mut self) -> Option<List<ReportItem, { limits::REPORT_ITEMS }>> {
        let mut items = Vec::new();
        let mut bytes = 0;
        while let Some(part) = self.parts.front() {
            if items.len() == limits::REPORT_ITEMS || (!items.is_empty() && bytes + part.bytes() > REPORT_BYTES) {
                break;
            }
            bytes += part.bytes();
            items.extend(self.parts.pop_front().map(Part::into_item));
        }
        (!items.is_empty()).then(|| List::try_from(items).expect("no more than REPORT_ITEMS were taken"))
    }

    /// Whether everything has been taken.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

impl Part {
    fn into_item(self) -> ReportItem {
        match self {
            Self::Whole { item, .. } => item,
            Self::Issues { issues, .. } => {
                ReportItem::Issues(List::try_from(issues).expect("no more than ISSUES_PER_BATCH were put together"))
            }
        }
    }
}

/// Bytes on the wire, with the comma behind.
fn size_of(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len()) + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchbell_protocol::{
        AnalysisId, Text,
        command::AnalysisReport,
        event::{Counts, DetectorState, Severity},
    };

    use super::*;
    use crate::outcome::tests::{detector, issue};

    fn drain(mut outgoing: Outgoing) -> Vec<List<ReportItem, { limits::REPORT_ITEMS }>> {
        std::iter::from_fn(|| outgoing.next_report()).collect()
    }

    #[test]
    fn what_happened_is_reported_in_its_order() {
        let mut outgoing = Outgoing::default();
        let run = detector("ruff", DetectorState::Complete, Counts::default());
        let found = issue("ruff", "E501", Severity::Low, "a.py", 1);
        outgoing.issues([found.clone()]);
        outgoing.issues([found.clone()]);
        outgoing.detector(run.clone());
        outgoing.end(End::Complete);
        let reports = drain(outgoing);
        assert_eq!(reports.len(), 1);
        let expected = [
            ReportItem::Issues(List::try_from(vec![found.clone(), found]).unwrap()),
            ReportItem::Detector(run),
            ReportItem::End(End::Complete),
        ];
        assert_eq!(&*reports[0], expected);
    }

    #[test]
    fn nothing_to_report_is_no_report() {
        assert!(Outgoing::default().next_report().is_none());
    }

    #[test]
    fn no_more_than_a_batch_of_issues_is_put_together() {
        let mut outgoing = Outgoing::default();
        outgoing.issues((1..=1201).map(|line| issue("ruff", "E501", Severity::Low, "a.py", line)));
        let sizes = drain(outgoing).into_iter().flatten().map(|item| match item {
            ReportItem::Issues(issues) => issues.len(),
            other => panic!("{other:?}"),
        });
        assert_eq!(sizes.collect::<Vec<_>>(), [500, 500, 201]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// The worst characters for JSON, in messages of any length, in any number.
        #[test]
        fn every_report_fits_a_frame_and_no_issue_is_lost(lengths in prop::collection::vec(0..4096_usize, 0..120)) {
            let issues: Vec<Issue> = lengths.iter().enumerate().map(|(n, &length)| Issue {
                message: Text::clip("\u{1}".repeat(length)),
                ..issue("ruff", "E501", Severity::Low, "a.py", n as u32 + 1)
            }).collect();
            let mut outgoing = Outgoing::default();
            for some in issues.chunks(7) {
                outgoing.issues(some.to_vec());
            }
            outgoing.end(End::Complete);
            let mut arrived = Vec::new();
            for items in drain(outgoing) {
                let report = AnalysisReport { analysis: AnalysisId::fresh(), items };
                prop_assert!(serde_json::to_vec(&report).unwrap().len() < limits::FRAME_BYTES - 1024);
                for item in report.items {
                    if let ReportItem::Issues(issues) = item {
                        arrived.extend(issues);
                    }
                }
            }
            prop_assert_eq!(arrived, issues);
        }
    }
}
