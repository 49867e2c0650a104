//! Pages that many want at once, as after a restart: read and encoded once, and kept for a moment.
//!
//! Deliberately absent: who may have them. That is asked of everybody before, and of the database each time.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::OnceCell;
use watchbell_protocol::Room;

use crate::{
    clock::Moment,
    store::{journal::Mark, state::Cursor},
    ws::shared::Shared,
};

/// How long a page is kept. What it says about a moment, such as when somebody was last seen, may be as old.
const KEPT: Duration = Duration::from_secs(1);
/// Bytes of all that are kept; what comes on top is kept by nobody.
const BYTES: usize = 8 * 1024 * 1024;

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    /// Of the state with this head.
    State { room: Room, head: Mark, at: Cursor },
    /// Of the journal with this head.
    Journal { room: Room, head: Mark, after: Mark },
}

/// A page, as frames.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) frames: Vec<Shared>,
    pub(super) then: Then,
}

/// What comes after a page.
#[derive(Debug)]
pub(super) enum Then {
    /// More of the state.
    State(Cursor),
    /// The last of the state has been read.
    EndOfState,
    /// The journal after this, if there is more.
    Journal(Mark),
    /// The journal ended with this when it was read.
    EndOfJournal(Mark),
    /// The journal no longer reaches back so far; its head.
    Pruned(Mark),
}

/// The pages that were wanted a moment ago.
#[derive(Debug, Default)]
pub struct Pages {
    kept: Mutex<HashMap<Wanted, Arc<Kept>>>,
}

#[derive(Debug)]
struct Kept {
    since: Moment,
    page: OnceCell<Arc<Page>>,
}

impl Pages {
    /// The page, read by `read` unless somebody just did. Whoever comes while it is read waits for it.
    pub(super) async fn get(
        &self,
        wanted: Wanted,
        now: Moment,
        read: impl Future<Output = sqlx::Result<Page>>,
    ) -> sqlx::Result<Arc<Page>> {
        let kept = self.place(wanted, now);
        let page = kept.page.get_or_try_init(async || read.await.map(Arc::new)).await?;
        Ok(page.clone())
    }

    /// Forgets what is too old.
    pub fn forget(&self, now: Moment) {
        self.kept.lock().retain(|_, kept| now < kept.since + KEPT);
    }

    /// How many are kept.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.kept.lock().len()
    }

    fn place(&self, wanted: Wanted, now: Moment) -> Arc<Kept> {
        let mut all = self.kept.lock();
        if let Some(kept) = all.get(&wanted)
            && now < kept.since + KEPT
        {
            return kept.clone();
        }
        let fresh = Arc::new(Kept { since: now, page: OnceCell::new() });
        let bytes: usize = all.values().map(|kept| kept.page.get().map_or(0, |page| page.bytes())).sum();
        if bytes <= BYTES {
            all.insert(wanted, fresh.clone());
        }
        fresh
    }
}

impl Page {
    fn bytes(&self) -> usize {
        self.frames.iter().map(Shared::bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use watchbell_protocol::ProjectId;

    use super::*;

    fn wanted(room: Room) -> Wanted {
        Wanted::Journal { room, head: Mark::default(), after: Mark::default() }
    }

    fn page(text: &str) -> Page {
        Page { frames: vec![tungstenite::Utf8Bytes::from(text).into()], then: Then::EndOfState }
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_once_get_what_one_has_read() {
        let (pages, room, now) = (Pages::default(), Room::Project(ProjectId::fresh()), Moment::now());
        let reads = AtomicUsize::new(0);
        let read = async || {
            reads.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(page("one"))
        };
        let got = join_all((0..100).map(|_| pages.get(wanted(room), now, read()))).await;
        assert!(got.into_iter().all(|page| page.unwrap().frames[0].text() == "one"));
        assert_eq!(reads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_read_again_after_a_moment_and_after_a_failure() {
        let (pages, room, now) = (Pages::default(), Room::Project(ProjectId::fresh()), Moment::now());
        assert!(pages.get(wanted(room), now, async { Err(sqlx::Error::PoolTimedOut) }).await.is_err());
        let first = pages.get(wanted(room), now, async { Ok(page("first")) }).await.unwrap();
        let still = pages.get(wanted(room), now + KEPT / 2, async { Ok(page("second")) }).await.unwrap();
        let second = pages.get(wanted(room), now + KEPT, async { Ok(page("second")) }).await.unwrap();
        assert_eq!([first, still, second].map(|page| page.frames[0].text().to_owned()), ["first", "first", "second"]);
        pages.forget(now + KEPT * 2);
        assert_eq!(pages.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_is_bounded() {
        let (pages, now) = (Pages::default(), Moment::now());
        for _ in 0..20 {
            let large = async { Ok(page(&"x".repeat(BYTES / 4))) };
            pages.get(wanted(Room::Project(ProjectId::fresh())), now, large).await.unwrap();
        }
        assert_eq!(pages.count(), 5);
    }
}
