//! At most 25,000 issues a run, the worst of them. What is bad goes out at once; of the rest so many that there is room
//! left, and what is held back follows at the end, worst first, as far as it fits.

use watchbell_protocol::{
    event::{Issue, Severity},
    limits::ISSUES_PER_ANALYSIS,
};

/// Medium, low and informational issues that go out at once.
const AT_ONCE: usize = ISSUES_PER_ANALYSIS * 2 / 5;

/// Decides which issues go out, and when.
#[derive(Debug, Default)]
pub(super) struct Budget {
    found: u64,
    sent: usize,
    sent_lesser: usize,
    /// Never more than twice what may still be sent.
    held: Vec<Issue>,
}

impl Budget {
    /// The issue, if it goes out now.
    pub fn admit(&mut self, issue: Issue) -> Option<Issue> {
        self.found += 1;
        if self.sent >= ISSUES_PER_ANALYSIS {
            return None;
        }
        let is_lesser = issue.severity > Severity::High;
        if is_lesser && self.sent_lesser >= AT_ONCE {
            self.held.push(issue);
            if self.held.len() >= 2 * ISSUES_PER_ANALYSIS {
                self.keep_worst();
            }
            return None;
        }
        self.sent_lesser += usize::from(is_lesser);
        self.sent += 1;
        Some(issue)
    }

    /// What was held back and fits, worst first.
    pub fn rest(&mut self) -> Vec<Issue> {
        self.keep_worst();
        self.sent += self.held.len();
        std::mem::take(&mut self.held)
    }

    /// Issues found.
    pub fn found(&self) -> u64 {
        self.found
    }

    /// Issues that went out.
    pub fn sent(&self) -> u64 {
        self.sent as u64
    }

    fn keep_worst(&mut self) {
        // Stable: among equals, the first found.
        self.held.sort_by_key(|issue| issue.severity);
        self.held.truncate(ISSUES_PER_ANALYSIS - self.sent);
    }
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::Text;

    use super::*;

    fn issue(severity: Severity) -> Issue {
        Issue {
            fingerprint: Text::clip("f"),
            detector: Text::clip("d"),
            rule: Text::clip("r"),
            severity,
            message: Text::clip("m"),
            path: Text::clip("p"),
            line: 1,
            column: None,
            end_line: None,
            help: None,
        }
    }

    #[test]
    fn few_issues_all_go_out_at_once() {
        let mut budget = Budget::default();
        assert!((0..AT_ONCE).all(|_| budget.admit(issue(Severity::Info)).is_some()));
        assert!(budget.rest().is_empty());
        assert_eq!(budget.found(), budget.sent());
    }

    #[test]
    fn of_too_many_the_worst_are_kept() {
        let mut budget = Budget::default();
        let out = |budget: &mut Budget, severity, count| {
            (0..count).filter(|_| budget.admit(issue(severity)).is_some()).count()
        };
        assert_eq!(out(&mut budget, Severity::Info, 60_000), AT_ONCE);
        assert_eq!(out(&mut budget, Severity::Medium, 4_000), 0);
        assert_eq!(out(&mut budget, Severity::Critical, 8_000), 8_000);
        let rest = budget.rest();
        assert_eq!(rest.len(), ISSUES_PER_ANALYSIS - AT_ONCE - 8_000);
        assert_eq!(rest.iter().filter(|issue| issue.severity == Severity::Medium).count(), 4_000);
        assert_eq!((budget.found(), budget.sent()), (72_000, ISSUES_PER_ANALYSIS as u64));
    }

    #[test]
    fn never_more_than_the_limit() {
        let mut budget = Budget::default();
        let sent = (0..30_000).filter(|_| budget.admit(issue(Severity::High)).is_some()).count();
        assert_eq!(sent, ISSUES_PER_ANALYSIS);
        assert!(budget.rest().is_empty());
    }
}
