//! `watchbell status`: who is here, what runs, what happened; with `--follow` live.

mod follow;
mod overview;

use jiff::tz::TimeZone;
use serde::Serialize;
use watchbell_client::{
    Changes,
    change::Change,
    view::{ConnectionState, ProjectView},
};
use watchbell_protocol::{ProjectId, UnixMillis};

use self::follow::{Head, Watching};
use crate::{
    args::{Common, Status},
    connect::{Access, Link, Part, now, project_name},
    exit::{Exit, Failure},
    face::{self, marks::Paint},
    interrupt::Interrupts,
};

/// Shows a project as it is, and with `--follow` as it changes.
pub async fn status(common: &Common, args: &Status, interrupts: &Interrupts) -> Result<Exit, Failure> {
    let project = project_name(common)?;
    let part = if args.follow { Part::Present } else { Part::Listener };
    let link = tokio::select! {
        link = async { Access::find(common).await?.open(project, part).await } => link?,
        () = interrupts.stop.cancelled() => return Ok(Exit::Done),
    };
    let shown = tokio::select! {
        shown = show(&link, args) => shown,
        // To end what has no end is no failure.
        () = interrupts.stop.cancelled() => Ok(()),
    };
    link.close().await;
    shown.map(|()| Exit::Done)
}

async fn show(link: &Link, args: &Status) -> Result<(), Failure> {
    let mut changes = link.client.changes();
    link.up_to_date().await?;
    let view = view(link).await?;
    match (args.json, args.follow) {
        (true, follow) => {
            if snapshot(&view)? && follow {
                follow_as_json(link, &mut changes).await?;
            }
        }
        (false, follow) => {
            let text = overview::render(&view, link.server.as_str(), now(), &TimeZone::system(), Paint::of_stdout());
            if put(&text)? && follow {
                follow_in_words(link, &mut changes, &view).await?;
            }
        }
    }
    Ok(())
}

async fn view(link: &Link) -> Result<ProjectView, Failure> {
    let view = link.client.project(link.project.id).await.map_err(|error| Failure::server(error.to_string()))?;
    view.ok_or_else(|| Failure::server(format!("{} is no longer a project of yours", link.project.name)))
}

/// One line per change, until nobody reads or the connection ends for good.
async fn follow_as_json(link: &Link, changes: &mut Changes) -> Result<(), Failure> {
    while let Some(batch) = changes.next().await {
        for change in batch.iter().filter(|change| concerns(change, link.project.id)) {
            still_signed_in(link, change).await?;
            let go_on = match change {
                Change::Reset { .. } => snapshot(&view(link).await?)?,
                change => put_json(change)?,
            };
            if !go_on {
                return Ok(());
            }
        }
    }
    Err(ended())
}

async fn follow_in_words(link: &Link, changes: &mut Changes, view: &ProjectView) -> Result<(), Failure> {
    let zone = TimeZone::system();
    let mut watching = Watching::new(view);
    let mut head = Head::fitting();
    head.show(view.analysis.as_ref(), view.progress.as_ref());
    while let Some(batch) = changes.next().await {
        for change in batch.iter().filter(|change| concerns(change, link.project.id)) {
            still_signed_in(link, change).await?;
            let lines = match change {
                Change::Reset { .. } => watching.rebuilt(&self::view(link).await?, now()),
                change => watching.changed(change, now()),
            };
            if !head.lines(lines.iter().map(|line| line.said(&zone)))? {
                return Ok(());
            }
            head.show(watching.analysis(), watching.progress());
        }
    }
    Err(ended())
}

/// Follows a new login, and ends when there is none.
async fn still_signed_in(link: &Link, change: &Change) -> Result<(), Failure> {
    match change {
        Change::Connection { connection } => match &connection.state {
            ConnectionState::SignInNeeded { reason } => link.signed_out(reason).await,
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Whether a change is about this project, or about the connection.
fn concerns(change: &Change, ours: ProjectId) -> bool {
    match change {
        Change::People { project, .. }
        | Change::Progress { project, .. }
        | Change::Activity { project, .. }
        | Change::Reset { project } => *project == ours,
        Change::Analysis { analysis } => analysis.project == ours,
        Change::Arrived { notification, .. } => notification.project.is_none_or(|project| project == ours),
        Change::Connection { .. } | Change::Issues { .. } | Change::Summary { .. } | Change::Refused { .. } => true,
        Change::Projects { .. } | Change::Notifications { .. } => false,
    }
}

/// The project as it is, as one line. `Ok(false)` if nobody reads any more.
fn snapshot(view: &ProjectView) -> Result<bool, Failure> {
    #[derive(Serialize)]
    struct Snapshot<'a> {
        kind: &'static str,
        at: UnixMillis,
        #[serde(flatten)]
        view: &'a ProjectView,
    }
    put_json(&Snapshot { kind: "snapshot", at: now(), view })
}

fn put_json(value: &impl Serialize) -> Result<bool, Failure> {
    let mut line = serde_json::to_string(value).map_err(|error| Failure::incomplete(error.to_string()))?;
    line.push('\n');
    put(&line)
}

fn put(text: &str) -> Result<bool, Failure> {
    face::print(text).map_err(|error| Failure::incomplete(format!("standard output cannot be written: {error}")))
}

fn ended() -> Failure {
    Failure::server("the connection ended; run `watchbell status` again")
}
