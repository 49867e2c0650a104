//! Analyses: started and leased, reported, cancelled, ended.

mod cancel;
mod end;
mod report;
mod start;

pub use cancel::cancel;
pub use end::lose;
pub use report::report;
pub use start::start;

use watchbell_protocol::{AnalysisId, ErrorCode, ProjectId, WireError};

use super::Refusal;
use crate::store::{self, Conn, analysis::Stored};

/// The analysis in the frame's project; anything else is not there.
async fn find(conn: &mut Conn, project: ProjectId, id: AnalysisId) -> Result<Stored, Refusal> {
    let found = store::analysis::find(conn, id).await?;
    found.filter(|stored| stored.analysis.project == project).ok_or_else(|| {
        let message = "there is no such analysis in this project";
        Refusal::Wire(WireError::new(ErrorCode::NotFound, message).at("data.analysis"))
    })
}

/// What the loser of a lease is told.
pub(crate) fn lease_lost() -> WireError {
    WireError::new(ErrorCode::LeaseLost, "the lease on this analysis is not held by this device").at("data.analysis")
}

/// The refusal of anything that comes after the end.
fn over(stored: &Stored) -> Option<WireError> {
    if stored.runner_lost {
        return Some(lease_lost());
    }
    let conflict = || WireError::new(ErrorCode::Conflict, "the analysis has ended").at("data.analysis");
    stored.analysis.state.is_over().then(conflict)
}
