//! Writing to a log what comes on standard input.
//!
//! Batches go one at a time, each when the server has the one before: whoever writes faster is slowed down by the pipe, and
//! lines that gather meanwhile go together. A pause between batches keeps far below what a server lets one connection send.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, stdin},
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tokio_util::task::AbortOnDropHandle;
use watchbell_client::RequestError;
use watchbell_protocol::{ErrorCode, List, command::LogsAppend, event::LogLine, limits};

use super::lines::{Cutter, batch};
use crate::{
    args::LogName,
    connect::Link,
    exit::{Exit, Failure},
    face,
};

/// Between two batches.
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes read at once.
const READ: usize = 16 * 1024;

/// Sends everything until the input ends.
pub async fn send(link: &Link, source: &LogName) -> Result<Exit, Failure> {
    let (put, mut take) = mpsc::channel(limits::LOG_LINES);
    let reading = AbortOnDropHandle::new(tokio::spawn(read(stdin(), put)));
    let mut pace = interval(PAUSE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut waiting, mut unsure) = (VecDeque::new(), 0);
    while fill(&mut waiting, &mut take).await {
        pace.tick().await;
        let lines = batch(&mut waiting);
        let count = lines.len();
        let lines = List::try_from(lines).map_err(|error| Failure::incomplete(error.to_string()))?;
        match link.client.append(link.room, LogsAppend { source: source.clone(), lines }).await {
            Ok(()) => {}
            Err(RequestError::Unsure) => {
                unsure += count;
                face::say(&format!("The connection broke while lines were on their way: {count} may be missing"));
            }
            Err(RequestError::Refused(error)) if error.code == ErrorCode::Forbidden => {
                let message = format!("the server refused: {error}; an API token needs the scope `report:logs`");
                return Err(Failure::usage(message));
            }
            Err(error) => return Err(Failure::server(format!("not sent: {error}"))),
        }
    }
    match reading.await {
        Ok(Ok(())) if unsure == 0 => Ok(Exit::Done),
        Ok(Ok(())) => Ok(Exit::Incomplete),
        Ok(Err(error)) => Err(Failure::incomplete(format!("standard input cannot be read: {error}"))),
        Err(error) => Err(Failure::incomplete(format!("reading ended unexpectedly: {error}"))),
    }
}

/// Sees to it that lines wait, as many as there are for one batch; `false` at the end.
async fn fill(waiting: &mut VecDeque<LogLine>, take: &mut mpsc::Receiver<LogLine>) -> bool {
    let room = limits::LOG_LINES.saturating_sub(waiting.len());
    let mut more = Vec::with_capacity(room);
    if waiting.is_empty() {
        take.recv_many(&mut more, room).await;
    } else {
        more.extend(std::iter::from_fn(|| take.try_recv().ok()).take(room));
    }
    waiting.extend(more);
    !waiting.is_empty()
}

/// Reads lines until the input ends, or nobody takes them any more.
async fn read(mut input: impl AsyncRead + Unpin, put: mpsc::Sender<LogLine>) -> std::io::Result<()> {
    let (mut cutter, mut buffer) = (Cutter::default(), vec![0; READ]);
    loop {
        let count = input.read(&mut buffer).await?;
        let lines = if count == 0 { std::mem::take(&mut cutter).end() } else { cutter.take(&buffer[..count]) };
        for line in lines {
            if put.send(line).await.is_err() {
                return Ok(());
            }
        }
        if count == 0 {
            return Ok(());
        }
    }
}
