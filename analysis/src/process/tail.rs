//! The last words of a process on its error output, for the reason of a failure.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes kept.
const KEPT: usize = 4 * 1024;

/// The last few KiB of a stream.
#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    /// Reads the stream to its end, keeping the tail of it here; the future may be dropped at any point.
    pub async fn follow(&mut self, mut stream: impl AsyncRead + Unpin) {
        let mut chunk = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            self.0.extend_from_slice(&chunk[..read]);
            let too_many = self.0.len().saturating_sub(KEPT);
            self.0.drain(..too_many);
        }
    }

    /// The line that says most: the last one that speaks of an error, else the last one with words.
    pub fn reason(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0);
        let lines = || text.lines().rev().map(str::trim).filter(|line| line.chars().any(char::is_alphabetic));
        let line = lines().find(|line| line.to_lowercase().contains("error")).or_else(|| lines().next())?;
        Some(line.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn reason(text: &str) -> Option<String> {
        let mut tail = Tail::default();
        tail.follow(text.as_bytes()).await;
        tail.reason()
    }

    #[tokio::test]
    async fn the_line_with_the_error_is_the_reason() {
        assert_eq!(reason("x\nerror: no such file\n\n  --> a.rs\n").await.as_deref(), Some("error: no such file"));
        assert_eq!(reason("one\ntwo\n---\n").await.as_deref(), Some("two"));
        assert_eq!(reason("\n").await, None);
    }

    #[tokio::test]
    async fn only_the_tail_is_kept() {
        let mut tail = Tail::default();
        tail.follow("x".repeat(100_000).as_bytes()).await;
        assert_eq!(tail.0.len(), KEPT);
    }
}
