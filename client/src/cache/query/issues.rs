//! Pages of issues: worst first, then by path and line.

use watchbell_protocol::{AnalysisId, event::Severity};

use crate::{
    cache::{Cache, Result},
    view::{IssueFilter, IssuePage},
};

/// Rows of one page.
const PAGE: u32 = 1000;

/// The filter as a condition: ?1 analysis, ?2 severities, ?3 detector, ?4 text in lower case.
macro_rules! filtered {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM issues WHERE analysis = ?1
                 AND (?2 = '[]' OR severity IN (SELECT value FROM json_each(?2)))
                 AND (?3 IS NULL OR detector = ?3)
                 AND (?4 IS NULL OR instr(lower(path), ?4) OR instr(lower(data ->> 'message'), ?4)
                     OR instr(lower(data ->> 'rule'), ?4)) ",
            $rest
        )
    };
}

impl Cache {
    /// A page of an analysis's issues.
    pub(crate) async fn issues(
        &self,
        analysis: AnalysisId,
        filter: &IssueFilter,
        offset: u32,
        limit: u32,
    ) -> Result<IssuePage> {
        let severities = serde_json::to_string(&filter.severities.iter().copied().map(rank).collect::<Vec<_>>())?;
        // As SQLite's own `lower`: a letter beyond ASCII matches only itself.
        let text = filter.text.as_deref().filter(|text| !text.is_empty()).map(str::to_ascii_lowercase);
        let detector = filter.detector.as_deref();
        let mut tx = self.read().await?;
        let total = sqlx::query_scalar(filtered!("count(*)", ""))
            .bind(analysis.to_string())
            .bind(&severities)
            .bind(detector)
            .bind(&text)
            .fetch_one(&mut *tx)
            .await?;
        let rows: Vec<String> = sqlx::query_scalar(filtered!(
            "data",
            "ORDER BY severity, path, line, detector, fingerprint LIMIT ?5 OFFSET ?6"
        ))
        .bind(analysis.to_string())
        .bind(&severities)
        .bind(detector)
        .bind(&text)
        .bind(limit.min(PAGE))
        .bind(offset)
        .fetch_all(&mut *tx)
        .await?;
        let rows = rows.iter().map(|data| Ok(serde_json::from_str(data)?)).collect::<Result<_>>()?;
        Ok(IssuePage { analysis, rows, total })
    }
}

/// The severity as the column holds it.
fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 0,
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
        Severity::Info => 4,
    }
}
