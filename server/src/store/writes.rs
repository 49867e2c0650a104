//! Whether anybody wrote to the database since it was looked at last, told by its log's time and size. A query is handed to
//! the engine's thread and back, which is a hundred times dearer, and so it is most of what an idle server does.
//!
//! A hint, and no more: some file systems are late to tell, and a commit is to be seen only when the disk has taken what was
//! written before. Deliberately absent: what was written.

use std::{fs, path::PathBuf, time::Duration};

use crate::clock::Moment;

/// However unchanged the log seems, the first look that is wanted so long after the last one is due.
const LOOK_ALL_THE_SAME: Duration = Duration::from_secs(3);

/// For one who looks again and again, for what another process may have written. The looks are further apart than what a
/// file system rounds times to.
#[derive(Debug)]
pub struct Writes {
    log: PathBuf,
    seen: Seen,
}

/// The log's time and size.
type Stamp = (std::time::SystemTime, u64);

/// What is known of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Nothing.
    Nothing,
    /// It was like this when it was last looked at, and may have been written to in the same moment, which its time is too
    /// coarse to tell.
    JustNow(Stamp),
    /// It was like this for a while already when it was looked at, at that moment: another write gives it another time.
    Settled(Stamp, Moment),
}

impl Writes {
    pub(super) fn new(log: PathBuf) -> Self {
        Self { log, seen: Seen::Nothing }
    }

    /// Whether there may be something that was not there at the last look. Whoever is told so looks after that.
    pub fn to_look(&mut self, now: Moment) -> bool {
        // It is in memory, so that this takes about a microsecond.
        let stamp = fs::metadata(&self.log).and_then(|log| Ok((log.modified()?, log.len())));
        let (seen, to_look) = self.seen.next(stamp.ok(), now);
        self.seen = seen;
        to_look
    }

    /// The look failed: another one is due whatever was written.
    pub fn failed(&mut self) {
        self.seen = Seen::Nothing;
    }
}

impl Seen {
    fn next(self, stamp: Option<Stamp>, now: Moment) -> (Self, bool) {
        let Some(stamp) = stamp else { return (Self::Nothing, true) };
        match self {
            Self::Settled(before, looked) if before == stamp && now < looked + LOOK_ALL_THE_SAME => (self, false),
            Self::Settled(before, _) | Self::JustNow(before) if before == stamp => (Self::Settled(stamp, now), true),
            _ => (Self::JustNow(stamp), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_write_two_looks_are_due_and_then_one_every_few_seconds() {
        let (old, new) = ((SystemTime::UNIX_EPOCH, 1), (SystemTime::UNIX_EPOCH, 2));
        let began = Moment::now();
        let steps = [
            (0, Some(old), true),
            (1, Some(old), true),
            (2, Some(old), false),
            (3, Some(old), false),
            (4, Some(old), true),
            (5, Some(old), false),
            // Written at 5.9, and perhaps once more at the same time after this look.
            (6, Some(new), true),
            (7, Some(new), true),
            (8, Some(new), false),
            // Gone, or not to be read: nothing is known.
            (9, None, true),
            (10, None, true),
            (11, Some(new), true),
            (12, Some(new), true),
            (13, Some(new), false),
        ];
        let mut seen = Seen::Nothing;
        for (second, stamp, expected) in steps {
            let (next, to_look) = seen.next(stamp, began + Duration::from_secs(second));
            assert_eq!(to_look, expected, "second {second}");
            seen = next;
        }
    }

    #[tokio::test]
    async fn what_another_connection_writes_is_noticed_and_a_failed_look_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(super::super::FILE_NAME);
        let (store, other) =
            (super::super::Store::open(&file).await.unwrap(), super::super::Store::open(&file).await.unwrap());
        let (mut writes, now) = (store.writes(), Moment::now());
        assert!(writes.to_look(now) && writes.to_look(now));
        assert!(!writes.to_look(now), "nobody wrote");

        let mut tx = other.write().await.unwrap();
        sqlx::query("CREATE TABLE written (by_another INTEGER)").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        assert!(writes.to_look(now));
        assert!(writes.to_look(now) && !writes.to_look(now));
        writes.failed();
        assert!(writes.to_look(now));
    }
}
