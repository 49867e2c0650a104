//! Showing a log: its lines on standard output, what is missing of it on standard error.

use watchbell_client::{Follow, Heard, Streams};
use watchbell_protocol::{Event, Text, event::LogLine};

use crate::{
    args::LogName,
    connect::Link,
    exit::{Exit, Failure},
    face::{self, words},
};

/// Shows the log until nobody reads any more.
pub async fn look(link: &Link, log: &LogName, form: Form, quiet: bool) -> Result<Exit, Failure> {
    let mut events = link.client.events();
    let stream = Text::try_from(format!("logs:{log}")).map_err(|error| Failure::usage(error.to_string()))?;
    let streams = Streams::try_from(vec![stream]).map_err(|error| Failure::usage(error.to_string()))?;
    // In this order the room is joined with the log named: when it is up to date, lines arrive.
    link.client.look(link.room, streams);
    link.client.follow(Follow::Only(link.project.id));
    link.up_to_date().await?;
    if !quiet {
        face::say(&format!("Looking at the log {log} of {}", link.project.name));
    }
    while let Some(heard) = events.next().await {
        match heard {
            Heard::Event(event) if event.room == link.room => {
                if let Event::LogsStream(said) = &event.event
                    && said.source == *log
                    && !print(&said.line, form)?
                {
                    return Ok(Exit::Done);
                }
            }
            Heard::Gap { room, dropped, .. } if room == link.room => face::say(&gap(dropped)),
            // Of lines, mostly: hardly anything else is that fast.
            Heard::Missed { count } => face::say(&gap(count)),
            Heard::Event(_) | Heard::Gap { .. } | Heard::Rebuilt { .. } => {}
        }
    }
    Err(Failure::server("the connection ended; run `watchbell logs` again"))
}

/// How a line is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Plain,
    /// As it was written.
    Raw,
}

/// `Ok(false)` if nobody reads any more.
fn print(line: &LogLine, form: Form) -> Result<bool, Failure> {
    let printed = match (form, &line.raw) {
        (Form::Plain, _) => face::print(format!("{}\n", words::log_line(&line.text))),
        (Form::Raw, None) => face::print(format!("{}\n", line.text)),
        (Form::Raw, Some(bytes)) => face::print([bytes, b"\n".as_slice()].concat()),
    };
    printed.map_err(|error| Failure::incomplete(format!("standard output cannot be written: {error}")))
}

/// Lines that are missing, in their place.
fn gap(dropped: u64) -> String {
    match dropped {
        1 => "… 1 line was dropped".into(),
        _ => format!("… {dropped} lines were dropped"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_says_how_many_lines_are_missing() {
        assert_eq!(gap(120), "… 120 lines were dropped");
        assert_eq!(gap(1), "… 1 line was dropped");
    }
}
