//! `analysis:start`: one step creates the analysis and leases it to who starts it.

use std::collections::BTreeSet;

use watchbell_protocol::{
    AnalysisId, ErrorCode, List, ProjectId, Room,
    command::{AnalysisStart, DetectorPlan, Runner},
    event::{ActivityKind, Analysis, AnalysisStarted, AnalysisState, Counts, DetectorRun, DetectorState},
    frame::{Started, Usual},
    limits,
};

use crate::{
    domain::{Context, Draft, Holder, LeaseChange, Outcome, Refusal, activity, refuse},
    store::{
        self,
        analysis::{Sample, Stored},
    },
};

/// How many complete runs tell what is usual.
const RUNS: u32 = 10;
/// With fewer runs than this nothing is said about a whole analysis.
const FEWEST: usize = 3;

/// `analysis:start`.
pub async fn start(context: Context<'_>, project: ProjectId, input: AnalysisStart) -> Result<Outcome, Refusal> {
    let Runner::Own = input.runner;
    check(&input.detectors)?;
    let id = AnalysisId::from(context.id);
    if store::analysis::find(context.conn, id).await?.is_some() {
        return refuse(ErrorCode::Conflict, "there is an analysis with this id already", "id");
    }
    let samples = store::analysis::samples(context.conn, project, RUNS).await?;
    let durations = store::analysis::durations(context.conn, project, RUNS).await?;
    let number = store::analysis::take_number(context.conn, project).await?;
    let usual = usual(&input.detectors, &samples);
    let analysis = Analysis {
        id,
        project,
        number,
        state: AnalysisState::Running,
        started_by: context.actor.origin(),
        runner: input.runner_name,
        root: input.root,
        branch: input.branch,
        revision: input.revision,
        files: input.files,
        started_at: context.now,
        ended_at: None,
        detectors: runs(&input.detectors, &usual),
        counts: Counts::default(),
        usual_ms: if durations.len() >= FEWEST { median(&durations) } else { None },
        reason: None,
    };
    let holder = Holder::of(context.actor);
    let stored = Stored { analysis, holder: holder.to_string(), runner_lost: false, cancelled_by: None };
    store::analysis::insert(context.conn, &stored).await?;

    let room = Room::Project(project);
    let origin = context.actor.origin();
    let what = ActivityKind::AnalysisStarted { analysis: id, number };
    let entry = activity::note(project, origin.clone(), context.now, what);
    Ok(Outcome {
        drafts: vec![Draft::new(room, origin, AnalysisStarted { analysis: stored.analysis }), entry],
        started: Some(Started { analysis: id, number, usual }),
        lease: Some(LeaseChange::Taken { analysis: id, room, holder }),
    })
}

fn check(detectors: &[DetectorPlan]) -> Result<(), Refusal> {
    let mut names = BTreeSet::new();
    for (index, plan) in detectors.iter().enumerate() {
        let field = format!("data.detectors[{index}].name");
        if plan.name.trim().is_empty() {
            return refuse(ErrorCode::BadRequest, "must not be empty", field);
        }
        if !names.insert(plan.name.as_str()) {
            return refuse(ErrorCode::BadRequest, format!("{:?} is listed twice", plan.name.as_str()), field);
        }
    }
    Ok(())
}

/// What each planned detector took before, newest first.
fn usual(detectors: &[DetectorPlan], samples: &[Sample]) -> Vec<Usual> {
    detectors
        .iter()
        .filter(|plan| plan.skipped.is_none())
        .map(|plan| {
            let own = || samples.iter().filter(|sample| sample.detector == plan.name);
            Usual {
                detector: plan.name.clone(),
                ms: own().map(|sample| sample.ms).collect(),
                files: own().map(|sample| sample.files).collect(),
            }
        })
        .filter(|usual| !usual.ms.is_empty())
        .collect()
}

fn runs(detectors: &[DetectorPlan], usual: &[Usual]) -> List<DetectorRun, { limits::DETECTORS }> {
    let run = |plan: &DetectorPlan| DetectorRun {
        name: plan.name.clone(),
        version: plan.version.clone(),
        state: if plan.skipped.is_some() { DetectorState::Skipped } else { DetectorState::Waiting },
        reason: plan.skipped.clone(),
        counts: Counts::default(),
        ms: 0,
        usual_ms: usual.iter().find(|usual| usual.detector == plan.name).and_then(|usual| median(&usual.ms)),
    };
    let runs: Vec<DetectorRun> = detectors.iter().map(run).collect();
    runs.try_into().expect("as many runs as plans, which are a list with the same limit")
}

/// The middle value; of an even number the lower middle.
fn median(values: &[u64]) -> Option<u64> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7]), Some(7));
        assert_eq!(median(&[9, 1, 5]), Some(5));
        assert_eq!(median(&[4, 1, 3, 2]), Some(2));
    }
}
