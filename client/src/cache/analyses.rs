//! Analyses and their issues, as events and state pages make them.

use sqlx::SqliteConnection;
use watchbell_protocol::{
    AnalysisId, ProjectId,
    event::{Analysis, AnalysisState, Counts, DetectorRun, Issue},
};

use super::Result;

/// Adds an analysis, or replaces what was known of it.
pub(super) async fn put(db: &mut SqliteConnection, project: ProjectId, analysis: &Analysis, sweep: i64) -> Result<()> {
    sqlx::query(
        "INSERT INTO analyses (id, project, number, state, total, data, sweep) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET project = excluded.project, number = excluded.number, state = excluded.state,
             total = excluded.total, data = excluded.data, sweep = excluded.sweep",
    )
    .bind(analysis.id.to_string())
    .bind(project.to_string())
    .bind(analysis.number)
    .bind(word(analysis.state))
    .bind(analysis.counts.total())
    .bind(serde_json::to_string(analysis)?)
    .bind(sweep)
    .execute(db)
    .await?;
    Ok(())
}

/// An analysis; `None` for one that is not known here.
pub(super) async fn get(db: &mut SqliteConnection, id: AnalysisId) -> Result<Option<Analysis>> {
    let data: Option<String> =
        sqlx::query_scalar("SELECT data FROM analyses WHERE id = ?").bind(id.to_string()).fetch_optional(db).await?;
    Ok(data.map(|data| serde_json::from_str(&data)).transpose()?)
}

/// The newest analysis of a project.
pub(super) async fn latest(db: &mut SqliteConnection, project: ProjectId) -> Result<Option<Analysis>> {
    let data: Option<String> =
        sqlx::query_scalar("SELECT data FROM analyses WHERE project = ? ORDER BY number DESC LIMIT 1")
            .bind(project.to_string())
            .fetch_optional(db)
            .await?;
    Ok(data.map(|data| serde_json::from_str(&data)).transpose()?)
}

/// Changes a known analysis. One that was pruned or never known stays unknown.
async fn change(db: &mut SqliteConnection, id: AnalysisId, edit: impl FnOnce(&mut Analysis)) -> Result<()> {
    let Some(mut analysis) = get(&mut *db, id).await? else { return Ok(()) };
    edit(&mut analysis);
    sqlx::query("UPDATE analyses SET state = ?, total = ?, data = ? WHERE id = ?")
        .bind(word(analysis.state))
        .bind(analysis.counts.total())
        .bind(serde_json::to_string(&analysis)?)
        .bind(id.to_string())
        .execute(db)
        .await?;
    Ok(())
}

/// A detector came to its end.
pub(super) async fn detector_ended(db: &mut SqliteConnection, id: AnalysisId, ended: &DetectorRun) -> Result<()> {
    change(db, id, |analysis| {
        let mut detectors = std::mem::take(&mut analysis.detectors).into_vec();
        if let Some(detector) = detectors.iter_mut().find(|detector| detector.name == ended.name) {
            *detector = ended.clone();
        }
        // As many as before, so it fits.
        analysis.detectors = detectors.try_into().unwrap_or_default();
    })
    .await
}

/// More issues were found.
pub(super) async fn counted(db: &mut SqliteConnection, id: AnalysisId, counts: Counts) -> Result<()> {
    change(db, id, |analysis| analysis.counts = counts).await
}

/// Somebody asked to stop it.
pub(super) async fn cancelling(db: &mut SqliteConnection, id: AnalysisId) -> Result<()> {
    change(db, id, |analysis| {
        if !analysis.state.is_over() {
            analysis.state = AnalysisState::Cancelling;
        }
    })
    .await
}

/// Adds issues; one with a known fingerprint of the same detector replaces. One statement for all of them.
pub(super) async fn put_issues(db: &mut SqliteConnection, id: AnalysisId, issues: &[Issue], sweep: i64) -> Result<()> {
    sqlx::query(
        "INSERT INTO issues (analysis, detector, fingerprint, severity, path, line, data, sweep)
         SELECT ?1, value ->> 'detector', value ->> 'fingerprint',
             CASE value ->> 'severity'
                 WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END,
             value ->> 'path', value ->> 'line', value, ?3
         FROM json_each(?2) WHERE true
         ON CONFLICT (analysis, detector, fingerprint) DO UPDATE SET severity = excluded.severity,
             path = excluded.path, line = excluded.line, data = excluded.data, sweep = excluded.sweep",
    )
    .bind(id.to_string())
    .bind(serde_json::to_string(issues)?)
    .bind(sweep)
    .execute(db)
    .await?;
    Ok(())
}

/// The state as a word to search by.
fn word(state: AnalysisState) -> &'static str {
    match state {
        AnalysisState::Running => "running",
        AnalysisState::Cancelling => "cancelling",
        AnalysisState::Complete => "complete",
        AnalysisState::Cancelled => "cancelled",
        AnalysisState::Failed => "failed",
    }
}
