//! The issues of analyses.

use sqlx::{Row, sqlite::SqliteRow};
use watchbell_protocol::{
    AnalysisId, Text,
    event::{Issue, Severity},
    limits,
};

use super::{Conn, codec};

/// Adds an issue, or replaces the one of the same detector and fingerprint.
pub async fn upsert(conn: &mut Conn, analysis: AnalysisId, issue: &Issue) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO issues (analysis, detector, fingerprint, severity, rule, message, path, line, col, end_line, help)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (analysis, detector, fingerprint) DO UPDATE SET
             severity = excluded.severity, rule = excluded.rule, message = excluded.message, path = excluded.path,
             line = excluded.line, col = excluded.col, end_line = excluded.end_line, help = excluded.help",
    )
    .bind(analysis.to_string())
    .bind(issue.detector.as_str())
    .bind(issue.fingerprint.as_str())
    .bind(rank(issue.severity))
    .bind(issue.rule.as_str())
    .bind(issue.message.as_str())
    .bind(issue.path.as_str())
    .bind(i64::from(issue.line))
    .bind(issue.column.map(i64::from))
    .bind(issue.end_line.map(i64::from))
    .bind(issue.help.as_deref())
    .execute(conn)
    .await?;
    Ok(())
}

/// How many issues of one severity a detector found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The detector.
    pub detector: String,
    /// The severity.
    pub severity: Severity,
    /// How many.
    pub count: u32,
}

/// Counts the issues of an analysis by detector and severity.
pub async fn tally(conn: &mut Conn, analysis: AnalysisId) -> sqlx::Result<Vec<Tally>> {
    let rows = sqlx::query(
        "SELECT detector, severity, COUNT(*) AS many FROM issues WHERE analysis = $1 GROUP BY detector, severity",
    )
    .bind(analysis.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Tally {
                detector: row.try_get("detector")?,
                severity: severity(row)?,
                count: codec::count(row, "many")?,
            })
        })
        .collect()
}

/// Deletes the `excess` least severe issues of an analysis; gives their detectors and fingerprints.
pub async fn drop_least(conn: &mut Conn, analysis: AnalysisId, excess: u32) -> sqlx::Result<Vec<(String, String)>> {
    sqlx::query_as(
        "DELETE FROM issues WHERE (analysis, detector, fingerprint) IN
             (SELECT analysis, detector, fingerprint FROM issues WHERE analysis = $1
              ORDER BY severity DESC, detector DESC, fingerprint DESC LIMIT $2 + 0)
         RETURNING detector, fingerprint",
    )
    .bind(analysis.to_string())
    .bind(i64::from(excess))
    .fetch_all(conn)
    .await
}

/// A place among the issues of an analysis, in the order of their keys.
pub type Key = (Text<{ limits::NAME_BYTES }>, Text<{ limits::FINGERPRINT_BYTES }>);

/// The issues of an analysis after `after`, at most `limit`.
pub async fn page(conn: &mut Conn, analysis: AnalysisId, after: &Key, limit: u32) -> sqlx::Result<Vec<Issue>> {
    let rows = sqlx::query(
        "SELECT detector, fingerprint, severity, rule, message, path, line, col, end_line, help FROM issues
         WHERE analysis = $1 AND (detector > $2 OR (detector = $2 AND fingerprint > $3))
         ORDER BY detector, fingerprint LIMIT $4 + 0",
    )
    .bind(analysis.to_string())
    .bind(after.0.as_str())
    .bind(after.1.as_str())
    .bind(i64::from(limit))
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

fn rank(severity: Severity) -> i64 {
    severity as i64
}

fn severity(row: &SqliteRow) -> sqlx::Result<Severity> {
    let rank: usize = codec::count(row, "severity")?;
    Severity::ALL.get(rank).copied().ok_or_else(|| sqlx::Error::Decode(format!("{rank} is no severity").into()))
}

fn read(row: &SqliteRow) -> sqlx::Result<Issue> {
    Ok(Issue {
        fingerprint: codec::text(row, "fingerprint")?,
        detector: codec::text(row, "detector")?,
        rule: codec::text(row, "rule")?,
        severity: severity(row)?,
        message: codec::text(row, "message")?,
        path: codec::text(row, "path")?,
        line: codec::count(row, "line")?,
        column: codec::maybe_count(row, "col")?,
        end_line: codec::maybe_count(row, "end_line")?,
        help: codec::maybe_text(row, "help")?,
    })
}
