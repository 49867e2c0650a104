//! Analyses: runs of detectors over a folder, their progress and what they find.
//!
//! `analysis:progress` is momentary; everything else here is durable.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use ts_rs::TS;

use super::{Counts, EventType, Issue};
use crate::{AnalysisId, Class, List, Origin, ProjectId, Text, UnixMillis, limits};

/// From 0 to 100. Parsed as an `f32`, `1e39` would be infinite: written as `null`, which no receiver could read.
fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    let percent = f32::deserialize(deserializer)?;
    if (0.0..=100.0).contains(&percent) { Ok(percent) } else { Err(de::Error::custom("must be between 0 and 100")) }
}

fn some_percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    #[derive(Deserialize)]
    struct Percent(#[serde(deserialize_with = "percent")] f32);

    Ok(Option::<Percent>::deserialize(deserializer)?.map(|percent| percent.0))
}

/// Where one detector stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum DetectorState {
    /// Its turn has not come.
    Waiting,
    /// At work.
    Running,
    /// Finished; all it had to say is known.
    Complete,
    /// Does not apply, or is not installed; `reason` says which.
    Skipped,
    /// Could not finish; `reason` says why. What it found until then is kept.
    Failed,
    /// Stopped.
    Cancelled,
}

impl DetectorState {
    /// Whether nothing more comes from it.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

/// One detector in an analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct DetectorRun {
    /// Its name, unique in the analysis.
    pub name: Text<{ limits::NAME_BYTES }>,
    /// The tool's version, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub version: Option<Text<{ limits::NAME_BYTES }>>,
    /// Where it stands.
    pub state: DetectorState,
    /// Why it was skipped or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<Text<{ limits::TITLE_BYTES }>>,
    /// What it found so far.
    pub counts: Counts,
    /// How long it worked, milliseconds; 0 before its start.
    #[ts(type = "number")]
    pub ms: u64,
    /// How long it usually works (median of up to 10 complete runs in this project), milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub usual_ms: Option<u64>,
}

/// Where an analysis stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum AnalysisState {
    /// At work.
    Running,
    /// Somebody asked to stop it; the runner has not confirmed yet.
    Cancelling,
    /// Finished.
    Complete,
    /// Stopped. What was found is kept and is incomplete.
    Cancelled,
    /// Failed, or its runner was lost. What was found is kept and is incomplete.
    Failed,
}

impl AnalysisState {
    /// Whether nothing more comes.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Running | Self::Cancelling)
    }
}

/// An analysis without its issues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct Analysis {
    /// Its id.
    pub id: AnalysisId,
    /// Where it belongs.
    pub project: ProjectId,
    /// Its number in the project, from 1.
    pub number: u32,
    /// Where it stands.
    pub state: AnalysisState,
    /// Who started it.
    pub started_by: Origin,
    /// The machine that runs it.
    pub runner: Text<{ limits::NAME_BYTES }>,
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
    /// Files looked at.
    pub files: u32,
    /// When it started.
    pub started_at: UnixMillis,
    /// When it ended; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub ended_at: Option<UnixMillis>,
    /// Its detectors, in the order they are shown; the order never changes.
    pub detectors: List<DetectorRun, { limits::DETECTORS }>,
    /// What was found so far.
    pub counts: Counts,
    /// How long a run usually takes in this project (median of up to 10 complete ones), milliseconds; from the third run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub usual_ms: Option<u64>,
    /// Why it failed, or who cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<Text<{ limits::TITLE_BYTES }>>,
}

/// How much longer it will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum TimeLeft {
    /// Fewer than three earlier runs: not known, so nothing is shown.
    Unknown,
    /// Milliseconds: the median, and what 80 % of the runs stay below.
    About {
        /// Median.
        #[ts(type = "number")]
        ms: u64,
        /// 80th percentile.
        #[ts(type = "number")]
        p80_ms: u64,
    },
    /// It takes longer than usual.
    Overdue,
}

/// One detector at this moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct DetectorProgress {
    /// Its name.
    pub name: Text<{ limits::NAME_BYTES }>,
    /// Where it stands.
    pub state: DetectorState,
    /// Per cent done, 0 to 100, one decimal at most; absent when it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some_percent")]
    #[schemars(range(min = 0.0, max = 100.0))]
    #[ts(optional)]
    pub percent: Option<f32>,
    /// What it found so far.
    pub counts: Counts,
    /// How long it has worked, milliseconds.
    #[ts(type = "number")]
    pub ms: u64,
}

/// How far an analysis is, at this moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[ts(export)]
pub struct AnalysisProgress {
    /// Which.
    pub analysis: AnalysisId,
    /// Per cent done, 0 to 100, one decimal at most; never goes back, 100 only at the end.
    #[serde(deserialize_with = "percent")]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub percent: f32,
    /// How much longer.
    pub left: TimeLeft,
    /// Each detector, in the analysis's order.
    pub detectors: List<DetectorProgress, { limits::DETECTORS }>,
    /// What was found so far.
    pub counts: Counts,
    /// When the runner measured it, by its own clock.
    pub measured_at: UnixMillis,
}

/// An analysis started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnalysisStarted {
    /// The analysis.
    pub analysis: Analysis,
}

/// A detector came to its end, whichever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct DetectorComplete {
    /// In which analysis.
    pub analysis: AnalysisId,
    /// The detector.
    pub detector: DetectorRun,
}

/// Issues were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnalysisIssues {
    /// In which analysis.
    pub analysis: AnalysisId,
    /// The issues.
    pub issues: List<Issue, { limits::ISSUES_PER_BATCH }>,
    /// The analysis's counts with these.
    pub counts: Counts,
}

/// Somebody asked to stop the analysis; it reaches the runner, also one that was away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnalysisCancelling {
    /// Which.
    pub analysis: AnalysisId,
    /// Who asked.
    pub by: Origin,
}

/// The analysis finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnalysisComplete {
    /// As it is in the end.
    pub analysis: Analysis,
}

/// The analysis was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnalysisCancelled {
    /// As it is in the end.
    pub analysis: Analysis,
}

/// The analysis failed, or its runner was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct AnalysisError {
    /// As it is in the end.
    pub analysis: Analysis,
}

/// The board key of an analysis's progress.
fn progress_of(analysis: AnalysisId) -> (&'static str, String) {
    ("analysis:progress", analysis.to_string())
}

impl EventType for AnalysisProgress {
    const CLASS: Class = Class::Latest;

    fn key(&self) -> Option<String> {
        Some(progress_of(self.analysis).1)
    }
}

impl EventType for AnalysisStarted {
    const CLASS: Class = Class::Durable;
}

impl EventType for DetectorComplete {
    const CLASS: Class = Class::Durable;
}

impl EventType for AnalysisIssues {
    const CLASS: Class = Class::Durable;
}

impl EventType for AnalysisCancelling {
    const CLASS: Class = Class::Durable;
}

impl EventType for AnalysisComplete {
    const CLASS: Class = Class::Durable;

    fn closes(&self) -> Option<(&'static str, String)> {
        Some(progress_of(self.analysis.id))
    }
}

impl EventType for AnalysisCancelled {
    const CLASS: Class = Class::Durable;

    fn closes(&self) -> Option<(&'static str, String)> {
        Some(progress_of(self.analysis.id))
    }
}

impl EventType for AnalysisError {
    const CLASS: Class = Class::Durable;

    fn closes(&self) -> Option<(&'static str, String)> {
        Some(progress_of(self.analysis.id))
    }
}
