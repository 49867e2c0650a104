//! `watchbell notify`.

use std::time::Duration;

use watchbell_client::RequestError;
use watchbell_protocol::{ErrorCode, Text, command::Notify as NotifyCommand, event::Link as Target};

use crate::{
    args::{Common, Notify},
    connect::{Access, Link, Part, project_name},
    exit::{Exit, Failure},
    face,
    interrupt::Interrupts,
};

/// How long the server may take to answer before the command gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a notification to the project's members, and waits until the server has it.
pub async fn notify(common: &Common, args: Notify, interrupts: &Interrupts) -> Result<Exit, Failure> {
    let project = project_name(common)?;
    let command = command(args)?;
    let stopped = || Failure::cancelled("cancelled; the notification may or may not have been sent");
    let link = tokio::select! {
        link = async { Access::find(common).await?.open(project, Part::Sender).await } => link?,
        () = interrupts.stop.cancelled() => return Err(Failure::cancelled("cancelled before it was sent")),
    };
    let sent = tokio::select! {
        sent = send(&link, command) => sent,
        () = interrupts.stop.cancelled() => Err(stopped()),
    };
    link.close().await;
    sent?;
    if !common.quiet {
        face::say(&format!("The members of {project} are notified"));
    }
    Ok(Exit::Done)
}

fn command(args: Notify) -> Result<NotifyCommand, Failure> {
    let too_long = |field: &'static str| move |error| Failure::usage(format!("--{field} {error}"));
    let link = args.link.map(|url| Text::try_from(url.to_string()).map_err(too_long("link"))).transpose()?;
    Ok(NotifyCommand {
        level: args.level.into(),
        title: Text::try_from(args.title).map_err(too_long("title"))?,
        body: Text::try_from(args.body).map_err(too_long("body"))?,
        link: link.map(|url| Target::Url { url }),
    })
}

async fn send(link: &Link, command: NotifyCommand) -> Result<(), Failure> {
    let request = link.client.request(Some(link.room), command);
    match tokio::time::timeout(PATIENCE, request).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(RequestError::Refused(error))) if error.code == ErrorCode::Forbidden => {
            Err(Failure::usage(format!("the server refused: {error}; an API token needs the scope `notify`")))
        }
        Ok(Err(error)) => Err(Failure::server(format!("not sent: {error}"))),
        Err(_) => Err(Failure::server(format!(
            "{} did not confirm the notification within {} s; it may or may not have been sent",
            link.server,
            PATIENCE.as_secs()
        ))),
    }
}
