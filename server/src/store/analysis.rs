//! Analyses and their detectors.

use sqlx::{Row, sqlite::SqliteRow};
use watchbell_protocol::{
    AnalysisId, ProjectId, Text, UnixMillis,
    event::{Analysis, AnalysisState, Counts, DetectorRun},
    limits,
};

use super::{Conn, codec};

/// An analysis with what only the server knows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// As everybody sees it.
    pub analysis: Analysis,
    /// Who holds the lease, as [`crate::domain::Holder`] writes itself.
    pub holder: String,
    /// Whether it ended because its runner was lost.
    pub runner_lost: bool,
    /// The name of who asked to cancel it.
    pub cancelled_by: Option<Text<{ limits::NAME_BYTES }>>,
}

const COLUMNS: &str = "id, project, number, state, started_by, holder, runner_lost, runner, root, branch, revision, \
     files, started_at, ended_at, counts, usual_ms, cancelled_by, reason";

/// The next number in a project.
pub async fn take_number(conn: &mut Conn, project: ProjectId) -> sqlx::Result<u32> {
    let row = sqlx::query("UPDATE projects SET analyses = analyses + 1 WHERE id = $1 RETURNING analyses")
        .bind(project.to_string())
        .fetch_one(conn)
        .await?;
    codec::count(&row, "analyses")
}

/// Adds an analysis with its detectors.
pub async fn insert(conn: &mut Conn, stored: &Stored) -> sqlx::Result<()> {
    let analysis = &stored.analysis;
    sqlx::query(
        "INSERT INTO analyses (id, project, number, state, started_by, holder, runner, root, branch, revision, files,
             started_at, counts, usual_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(analysis.id.to_string())
    .bind(analysis.project.to_string())
    .bind(i64::from(analysis.number))
    .bind(codec::to_word(&analysis.state)?)
    .bind(codec::to_json(&analysis.started_by)?)
    .bind(stored.holder.as_str())
    .bind(analysis.runner.as_str())
    .bind(analysis.root.as_str())
    .bind(analysis.branch.as_deref())
    .bind(analysis.revision.as_deref())
    .bind(i64::from(analysis.files))
    .bind(analysis.started_at.0)
    .bind(codec::to_json(&analysis.counts)?)
    .bind(analysis.usual_ms.map(|ms| ms as i64))
    .execute(&mut *conn)
    .await?;
    for (position, run) in analysis.detectors.iter().enumerate() {
        sqlx::query(
            "INSERT INTO detector_runs (analysis, position, name, version, state, reason, counts, ms, usual_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(analysis.id.to_string())
        .bind(position as i64)
        .bind(run.name.as_str())
        .bind(run.version.as_deref())
        .bind(codec::to_word(&run.state)?)
        .bind(run.reason.as_deref())
        .bind(codec::to_json(&run.counts)?)
        .bind(run.ms as i64)
        .bind(run.usual_ms.map(|ms| ms as i64))
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Writes what may change: state, end, counts, reason, and the same of each detector.
pub async fn update(conn: &mut Conn, stored: &Stored) -> sqlx::Result<()> {
    let analysis = &stored.analysis;
    sqlx::query(
        "UPDATE analyses SET state = $2, runner_lost = $3, ended_at = $4, counts = $5, cancelled_by = $6, reason = $7
         WHERE id = $1",
    )
    .bind(analysis.id.to_string())
    .bind(codec::to_word(&analysis.state)?)
    .bind(i64::from(stored.runner_lost))
    .bind(analysis.ended_at.map(|at| at.0))
    .bind(codec::to_json(&analysis.counts)?)
    .bind(stored.cancelled_by.as_deref())
    .bind(analysis.reason.as_deref())
    .execute(&mut *conn)
    .await?;
    for (position, run) in analysis.detectors.iter().enumerate() {
        sqlx::query(
            "UPDATE detector_runs SET version = $3, state = $4, reason = $5, counts = $6, ms = $7
             WHERE analysis = $1 AND position = $2",
        )
        .bind(analysis.id.to_string())
        .bind(position as i64)
        .bind(run.version.as_deref())
        .bind(codec::to_word(&run.state)?)
        .bind(run.reason.as_deref())
        .bind(codec::to_json(&run.counts)?)
        .bind(run.ms as i64)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// An analysis by its id.
pub async fn find(conn: &mut Conn, id: AnalysisId) -> sqlx::Result<Option<Stored>> {
    let sql = format!("SELECT {COLUMNS} FROM analyses WHERE id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_string()).fetch_optional(&mut *conn).await?;
    match row {
        Some(row) => Ok(Some(with_detectors(conn, &row).await?)),
        None => Ok(None),
    }
}

/// The analyses that have not ended, of all projects.
pub async fn open(conn: &mut Conn) -> sqlx::Result<Vec<Stored>> {
    let sql = format!("SELECT {COLUMNS} FROM analyses WHERE ended_at IS NULL ORDER BY started_at");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *conn).await?;
    many(conn, rows).await
}

/// The newest analyses of a project, oldest first, at most `limit`.
pub async fn newest(conn: &mut Conn, project: ProjectId, limit: u32) -> sqlx::Result<Vec<Stored>> {
    let sql = format!("SELECT {COLUMNS} FROM analyses WHERE project = $1 ORDER BY number DESC LIMIT $2 + 0");
    let mut rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(project.to_string())
        .bind(i64::from(limit))
        .fetch_all(&mut *conn)
        .await?;
    rows.reverse();
    many(conn, rows).await
}

/// How long one complete run of a detector took, and over how many files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The detector.
    pub detector: Text<{ limits::NAME_BYTES }>,
    /// Milliseconds.
    pub ms: u64,
    /// Files of the run.
    pub files: u32,
}

/// What the detectors of a project took in its last `runs` complete analyses, newest first.
pub async fn samples(conn: &mut Conn, project: ProjectId, runs: u32) -> sqlx::Result<Vec<Sample>> {
    let rows = sqlx::query(
        "SELECT d.name, d.ms, a.files FROM detector_runs d JOIN analyses a ON a.id = d.analysis
         WHERE d.state = 'complete' AND a.id IN
             (SELECT id FROM analyses WHERE project = $1 AND state = 'complete' ORDER BY number DESC LIMIT $2 + 0)
         ORDER BY a.number DESC, d.position",
    )
    .bind(project.to_string())
    .bind(i64::from(runs))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Sample {
                detector: codec::text(row, "name")?,
                ms: codec::count(row, "ms")?,
                files: codec::count(row, "files")?,
            })
        })
        .collect()
}

/// How long the last `runs` complete analyses of a project took, milliseconds, newest first.
pub async fn durations(conn: &mut Conn, project: ProjectId, runs: u32) -> sqlx::Result<Vec<u64>> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "SELECT ended_at - started_at FROM analyses WHERE project = $1 AND state = 'complete'
         ORDER BY number DESC LIMIT $2 + 0",
    )
    .bind(project.to_string())
    .bind(i64::from(runs))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(ms,)| u64::try_from(ms).unwrap_or(0)).collect())
}

async fn many(conn: &mut Conn, rows: Vec<SqliteRow>) -> sqlx::Result<Vec<Stored>> {
    let mut analyses = Vec::with_capacity(rows.len());
    for row in rows {
        analyses.push(with_detectors(conn, &row).await?);
    }
    Ok(analyses)
}

async fn with_detectors(conn: &mut Conn, row: &SqliteRow) -> sqlx::Result<Stored> {
    let id: AnalysisId = codec::parsed(row, "id")?;
    let runs = sqlx::query(
        "SELECT name, version, state, reason, counts, ms, usual_ms FROM detector_runs
         WHERE analysis = $1 ORDER BY position",
    )
    .bind(id.to_string())
    .fetch_all(conn)
    .await?;
    let detectors = runs.iter().map(detector).collect::<sqlx::Result<Vec<DetectorRun>>>()?;
    let state: AnalysisState = codec::word(row, "state")?;
    let counts: Counts = codec::json(row, "counts")?;
    let analysis = Analysis {
        id,
        project: codec::parsed(row, "project")?,
        number: codec::count(row, "number")?,
        state,
        started_by: codec::json(row, "started_by")?,
        runner: codec::text(row, "runner")?,
        root: codec::text(row, "root")?,
        branch: codec::maybe_text(row, "branch")?,
        revision: codec::maybe_text(row, "revision")?,
        files: codec::count(row, "files")?,
        started_at: UnixMillis(row.try_get("started_at")?),
        ended_at: codec::maybe_at(row, "ended_at")?,
        detectors: detectors.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        counts,
        usual_ms: codec::maybe_count(row, "usual_ms")?,
        reason: codec::maybe_text(row, "reason")?,
    };
    Ok(Stored {
        analysis,
        holder: row.try_get("holder")?,
        runner_lost: row.try_get::<i64, _>("runner_lost")? != 0,
        cancelled_by: codec::maybe_text(row, "cancelled_by")?,
    })
}

fn detector(row: &SqliteRow) -> sqlx::Result<DetectorRun> {
    Ok(DetectorRun {
        name: codec::text(row, "name")?,
        version: codec::maybe_text(row, "version")?,
        state: codec::word(row, "state")?,
        reason: codec::maybe_text(row, "reason")?,
        counts: codec::json(row, "counts")?,
        ms: codec::count(row, "ms")?,
        usual_ms: codec::maybe_count(row, "usual_ms")?,
    })
}
