//! From a process's output, read by an async task, to a parser that blocks: a bounded pipe between the two. (A parser
//! that read the process's own pipe could not be stopped while a runaway descendant holds it open.)

use std::{
    io::{self, Read},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::mpsc,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

const CHUNK: usize = 64 * 1024;
const CHUNKS_WAITING: usize = 8;
/// How long is waited for more after the process itself has ended: a descendant may still hold its output open.
const AFTER_THE_END: Duration = Duration::from_secs(2);

/// The writing half.
pub(crate) struct PipeEnd {
    chunks: mpsc::Sender<Vec<u8>>,
    left: u64,
}

/// The reading half, for a thread that may block.
pub(crate) struct Pipe {
    chunks: mpsc::Receiver<Vec<u8>>,
    chunk: io::Cursor<Vec<u8>>,
}

/// A pipe through which at most `limit` bytes go.
pub(crate) fn pipe(limit: u64) -> (PipeEnd, Pipe) {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
    (PipeEnd { chunks: sender, left: limit }, Pipe { chunks: receiver, chunk: io::Cursor::default() })
}

/// More came than the pipe lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuch;

impl PipeEnd {
    /// Copies until the source ends, or nothing comes any more after `exited`. The pipe ends when this returns.
    pub async fn copy(mut self, mut from: impl AsyncRead + Unpin, exited: CancellationToken) -> Result<(), TooMuch> {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            let silence = async {
                exited.cancelled().await;
                sleep(AFTER_THE_END).await;
            };
            let read = tokio::select! {
                read = from.read_buf(&mut chunk) => read,
                () = silence => return Ok(()),
            };
            match read {
                // A pipe that fails has lost its writer: the parser will miss the rest and say so.
                Ok(0) | Err(_) => return Ok(()),
                Ok(read) => self.left = self.left.checked_sub(read as u64).ok_or(TooMuch)?,
            }
            if self.chunks.send(chunk).await.is_err() {
                // The parser wants no more, but the process should not fail for it: read on.
                self.drain(from, &exited).await;
                return Ok(());
            }
        }
    }

    async fn drain(&self, mut from: impl AsyncRead + Unpin, exited: &CancellationToken) {
        let mut chunk = vec![0; CHUNK];
        loop {
            tokio::select! {
                read = from.read(&mut chunk) => if !matches!(read, Ok(1..)) { return },
                () = exited.cancelled() => return,
            }
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = Read::read(&mut self.chunk, buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.chunks.blocking_recv() {
                Some(chunk) => self.chunk = io::Cursor::new(chunk),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn through(limit: u64, bytes: &[u8]) -> (Result<(), TooMuch>, Vec<u8>) {
        let (end, mut pipe) = pipe(limit);
        let reader = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            pipe.read_to_end(&mut all).unwrap();
            all
        });
        let copied = end.copy(bytes, CancellationToken::new()).await;
        (copied, reader.await.unwrap())
    }

    #[tokio::test]
    async fn bytes_arrive_whole_and_in_order() {
        let bytes: Vec<u8> = (0..3 * CHUNK).map(|n| (n % 251) as u8).collect();
        assert_eq!(through(u64::MAX, &bytes).await, (Ok(()), bytes));
    }

    #[tokio::test]
    async fn more_than_the_limit_is_refused() {
        assert_eq!(through(4, b"12345").await.0, Err(TooMuch));
        assert_eq!(through(5, b"12345").await.0, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_held_open_after_the_end_is_given_up() {
        let (_held, source) = tokio::io::duplex(16);
        let (end, _pipe) = pipe(100);
        let exited = CancellationToken::new();
        exited.cancel();
        assert_eq!(end.copy(source, exited).await, Ok(()));
    }
}
