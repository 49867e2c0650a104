//! `analysis:cancel`: the wish is written down, so that it reaches the lease holder also when it is away.

use watchbell_protocol::{
    ErrorCode, Origin, ProjectId, Room, Text,
    command::AnalysisCancel,
    event::{AnalysisCancelling, AnalysisState},
};

use super::{find, over};
use crate::{
    auth::policy,
    domain::{Context, Draft, Holder, Outcome, Refusal, refuse},
    store,
};

/// `analysis:cancel`. Asking twice causes nothing more.
pub async fn cancel(context: Context<'_>, project: ProjectId, input: AnalysisCancel) -> Result<Outcome, Refusal> {
    let mut stored = find(context.conn, project, input.analysis).await?;
    policy::may_cancel(context.actor, &Holder::from_column(stored.holder.clone()))?;
    if over(&stored).is_some() {
        return refuse(ErrorCode::Conflict, "the analysis has ended", "data.analysis");
    }
    if stored.analysis.state == AnalysisState::Cancelling {
        return Ok(Outcome::default());
    }
    let by: Origin = context.actor.origin();
    stored.analysis.state = AnalysisState::Cancelling;
    stored.cancelled_by = Some(Text::clip(by.name()));
    store::analysis::update(context.conn, &stored).await?;
    let event = AnalysisCancelling { analysis: input.analysis, by: by.clone() };
    Ok(Outcome { drafts: vec![Draft::new(Room::Project(project), by, event)], ..Outcome::default() })
}
