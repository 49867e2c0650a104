//! What a member's process logs, a line each. A line is written at once, so a killed process leaves whole lines.

use std::{fmt, str::FromStr};

use anyhow::{Context as _, bail};
use watchbell_protocol::{CommandId, Room, Seq, Tag};

use super::work::Sent;

/// One thing that a member did or heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Its cache stood here when it started.
    Position(Room, Seq, Tag),
    /// A rebuild of a room was under way when it started: what the cache shows there is partly of another time.
    Rebuilding(Room),
    /// Its cache shows the effect of the event with this mark.
    Shows(String),
    /// A command was queued: it is on disk.
    Sent(CommandId, Sent),
    /// The server acknowledged a command; its last event is there.
    Acknowledged(CommandId, Option<(Room, Seq)>),
    /// The server refused a command for good.
    Refused(CommandId),
    /// An event was applied.
    Applied(Room, Seq, Tag),
    /// It was told that a room was rebuilt: what happened there was not heard event by event.
    Rebuilt(Room),
    /// It was told that it was too slow to hear everything, of whichever rooms.
    Missed,
    /// It was asked to come to an end, and nothing waits for the server any more.
    Drained,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(room, seq, tag) => write!(f, "position {room} {} {}", seq.0, tag.0),
            Self::Rebuilding(room) => write!(f, "rebuilding {room}"),
            Self::Shows(mark) => write!(f, "shows {mark}"),
            Self::Sent(id, sent) => write!(f, "sent {id} {sent}"),
            Self::Acknowledged(id, Some((room, seq))) => write!(f, "acknowledged {id} {room} {}", seq.0),
            Self::Acknowledged(id, None) => write!(f, "acknowledged {id}"),
            Self::Refused(id) => write!(f, "refused {id}"),
            Self::Applied(room, seq, tag) => write!(f, "applied {room} {} {}", seq.0, tag.0),
            Self::Rebuilt(room) => write!(f, "rebuilt {room}"),
            Self::Missed => f.write_str("missed"),
            Self::Drained => f.write_str("drained"),
        }
    }
}

impl FromStr for Line {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        Ok(match words[..] {
            ["position", room, seq, tag] => Self::Position(parse(room)?, Seq(parse(seq)?), Tag(parse(tag)?)),
            ["rebuilding", room] => Self::Rebuilding(parse(room)?),
            ["shows", mark] => Self::Shows(mark.to_owned()),
            ["sent", id, sent] => Self::Sent(parse(id)?, sent.parse()?),
            ["acknowledged", id, room, seq] => Self::Acknowledged(parse(id)?, Some((parse(room)?, Seq(parse(seq)?)))),
            ["acknowledged", id] => Self::Acknowledged(parse(id)?, None),
            ["refused", id] => Self::Refused(parse(id)?),
            ["applied", room, seq, tag] => Self::Applied(parse(room)?, Seq(parse(seq)?), Tag(parse(tag)?)),
            ["rebuilt", room] => Self::Rebuilt(parse(room)?),
            ["missed"] => Self::Missed,
            ["drained"] => Self::Drained,
            _ => bail!("not a line of a member: {text:?}"),
        })
    }
}

fn parse<T: FromStr>(word: &str) -> anyhow::Result<T> {
    word.parse().ok().with_context(|| format!("{word:?} makes no sense here"))
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::ProjectId;

    use super::*;

    #[test]
    fn every_line_is_read_as_it_was_written() {
        let (room, id) = (Room::Project(ProjectId::fresh()), CommandId::fresh());
        let part = Sent::Parts { member: 2, life: 3, n: 14, count: 60 };
        for line in [
            Line::Position(room, Seq(7), Tag(9)),
            Line::Rebuilding(room),
            Line::Shows("2.3.14.59".to_owned()),
            Line::Sent(id, part),
            Line::Sent(id, Sent::Start),
            Line::Sent(id, Sent::End),
            Line::Acknowledged(id, Some((room, Seq(9)))),
            Line::Acknowledged(id, None),
            Line::Refused(id),
            Line::Applied(room, Seq(8), Tag(77)),
            Line::Rebuilt(room),
            Line::Missed,
            Line::Drained,
        ] {
            assert_eq!(line.to_string().parse::<Line>().unwrap(), line);
        }
        assert!("applied nonsense 1 2".parse::<Line>().is_err());
    }
}
