//! What an API token may be allowed to do. A closed list: a scope that guards nothing does not exist.

use std::{fmt, str::FromStr};

/// One permission of an API token, in each of the token's projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `analysis:run`: start analyses, and renew, report and end those it started.
    AnalysisRun,
    /// `notify`: notify the project's members.
    Notify,
    /// `activity`: post to the project's feed.
    Activity,
    /// `report:logs`: append to the project's logs.
    ReportLogs,
}

/// The text names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a scope; there are: analysis:run, notify, activity, report:logs")]
pub struct NotAScope(pub String);

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Self] = &[Self::AnalysisRun, Self::Notify, Self::Activity, Self::ReportLogs];

    /// Its name, on the command line and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::AnalysisRun => "analysis:run",
            Self::Notify => "notify",
            Self::Activity => "activity",
            Self::ReportLogs => "report:logs",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        Self::ALL.iter().copied().find(|scope| scope.name() == text).ok_or_else(|| NotAScope(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_reads_back_and_the_refusal_lists_them_all() {
        let refusal = "report".parse::<Scope>().unwrap_err().to_string();
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(*scope));
            assert!(refusal.contains(scope.name()), "{refusal}");
        }
    }
}
