//! `watchbell logs`: a log of a project while it is written, or with `--send` the writing.

mod lines;
mod look;
mod outage;
mod send;

use watchbell_client::{change::Change, view::ConnectionState};

use self::{look::Form, outage::Outage};
use crate::{
    args::{Common, Logs},
    connect::{Access, Link, Part, project_name},
    exit::{Exit, Failure},
    face,
    interrupt::Interrupts,
};

/// Shows a log, or writes to it.
pub async fn logs(common: &Common, args: &Logs, interrupts: &Interrupts) -> Result<Exit, Failure> {
    let project = project_name(common)?;
    let side = if args.send { Side::Sends } else { Side::Looks };
    let form = if args.raw { Form::Raw } else { Form::Plain };
    // Neither wants the whole project. Whoever looks joins it with the log named.
    let open = async { Access::find(common).await?.open(project, Part::Sender).await };
    let link = tokio::select! {
        link = open => link?,
        () = interrupts.stop.cancelled() => return side.stopped(),
    };
    let work = async {
        match side {
            Side::Looks => look::look(&link, &args.log, form, common.quiet).await,
            Side::Sends => send::send(&link, &args.log).await,
        }
    };
    let result = tokio::select! {
        done = work => done,
        failure = lost(&link, side, common.quiet) => Err(failure),
        () = interrupts.stop.cancelled() => side.stopped(),
    };
    link.close().await;
    result
}

/// On which side of a log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Looks,
    Sends,
}

impl Side {
    /// To end what has no end is no failure; to leave lines unsent is.
    fn stopped(self) -> Result<Exit, Failure> {
        match self {
            Self::Looks => Ok(Exit::Done),
            Self::Sends => Err(Failure::cancelled("stopped before everything was sent")),
        }
    }
}

/// Says when the connection goes and comes, and ends when it comes back no more.
async fn lost(link: &Link, side: Side, quiet: bool) -> Failure {
    let mut changes = link.client.changes();
    let mut outage = Outage::new(&link.client.connection());
    while let Some(batch) = changes.next().await {
        for change in batch {
            match change {
                Change::Connection { connection } => {
                    match &connection.state {
                        ConnectionState::SignInNeeded { reason } => {
                            if let Err(failure) = link.signed_out(reason).await {
                                return failure;
                            }
                        }
                        ConnectionState::Disconnected { reason: Some(reason), .. } => {
                            return Failure::server(reason.clone());
                        }
                        _ => {}
                    }
                    if let Some(line) = outage.changed(&connection, side).filter(|_| !quiet) {
                        face::say(&line);
                    }
                }
                Change::Reset { project } if project == link.project.id && !is_known(link).await => {
                    return Failure::server(format!("{} is no longer a project of yours", link.project.name));
                }
                _ => {}
            }
        }
    }
    Failure::server("the connection ended; run `watchbell logs` again")
}

async fn is_known(link: &Link) -> bool {
    // A cache that cannot be read says nothing about the project.
    link.client.project(link.project.id).await.map_or(true, |project| project.is_some())
}
