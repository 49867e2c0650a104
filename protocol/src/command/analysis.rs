//! Running an analysis: start and lease it, renew, report, cancel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{
    AnalysisId, List, Text,
    event::{AnalysisProgress, DetectorRun, Issue},
    limits,
};

/// Who executes the analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Runner {
    /// The device that starts it; it holds the lease from the start (`watchbell analyze`).
    #[serde(rename = "self")]
    Own,
}

/// A detector that will run, or was skipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DetectorPlan {
    /// Its name, unique in the analysis.
    pub name: Text<{ limits::NAME_BYTES }>,
    /// The tool's version, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub version: Option<Text<{ limits::NAME_BYTES }>>,
    /// Why it will not run; absent if it will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub skipped: Option<Text<{ limits::TITLE_BYTES }>>,
}

/// Start an analysis in the frame's project. Its id is the command's; the answer says its number and how long the
/// detectors usually take here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnalysisStart {
    /// Who executes it.
    pub runner: Runner,
    /// The machine's name, to show.
    pub runner_name: Text<{ limits::NAME_BYTES }>,
    /// The analysed folder's name (not its path).
    pub root: Text<{ limits::NAME_BYTES }>,
    /// The git branch, if the folder is a checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub branch: Option<Text<{ limits::TITLE_BYTES }>>,
    /// The git revision (full hash), if the folder is a checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub revision: Option<Text<{ limits::NAME_BYTES }>>,
    /// Files to look at.
    pub files: u32,
    /// The detectors, in the order they are shown.
    pub detectors: List<DetectorPlan, { limits::DETECTORS }>,
}

/// Keep the lease, and say how far the analysis is. Momentary; sent at least every `limits::LEASE_RENEW_EVERY`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnalysisRenew {
    /// How far.
    pub progress: AnalysisProgress,
}

/// How an analysis ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum End {
    /// Every detector came to its end.
    Complete,
    /// It was stopped, by `analysis:cancelling` or at the runner.
    Cancelled,
    /// It could not go on.
    Failed {
        /// Why.
        reason: Text<{ limits::TITLE_BYTES }>,
    },
}

/// One thing a runner reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum ReportItem {
    /// Issues were found; a fingerprint reported before replaces, so that a repeated report adds nothing.
    Issues(List<Issue, { limits::ISSUES_PER_BATCH }>),
    /// A detector came to its end. Its counts are the server's to count.
    Detector(DetectorRun),
    /// The analysis came to its end; nothing may follow.
    End(End),
}

/// Report of the lease holder: one command, all or nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnalysisReport {
    /// Which.
    pub analysis: AnalysisId,
    /// What, in order.
    pub items: List<ReportItem, { limits::REPORT_ITEMS }>,
}

/// Ask to stop an analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnalysisCancel {
    /// Which.
    pub analysis: AnalysisId,
}
