//! What many ask for at the same moment is asked of the engine as one, as after a restart, when everybody comes back. Each
//! alone would be handed to a thread and back, which costs more than to find its row.
//!
//! Whatever is told was read after it was asked for. Deliberately absent: keeping anything of it, and anything large, which
//! one would wait for while another gets it.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    panic::AssertUnwindSafe,
};

use futures_util::FutureExt as _;
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
    time::timeout,
};

use super::{
    Conn,
    accounts::SignInOf,
    journal::{HeadOf, TagOf},
    project::{ProjectsOf, StandingOf},
    readers::{LONGEST, Readers},
};

/// Who may wait behind those that are asked for; whoever comes then waits to be let in.
const WAITING: usize = 256;
/// So many are asked for as one, at most.
const AT_ONCE: usize = 128;

/// Something that is looked up by what it is of.
pub trait Wish: Ord + Copy + Send + Sync + 'static {
    /// What there is; the default is what there is of something unknown.
    type Found: Clone + Default + Send + 'static;

    /// Where those wait that ask for such things.
    fn queue(together: &Together) -> &Queue<Self>;

    /// What there is of each, all of one moment; what is unknown may be left out.
    fn find(
        conn: &mut Conn,
        wishes: &BTreeSet<Self>,
    ) -> impl Future<Output = sqlx::Result<BTreeMap<Self, Self::Found>>> + Send;
}

/// A queue for each kind of wish.
#[derive(Debug, Clone)]
pub struct Together {
    pub(super) sign_ins: Queue<SignInOf>,
    pub(super) standings: Queue<StandingOf>,
    pub(super) projects: Queue<ProjectsOf>,
    pub(super) heads: Queue<HeadOf>,
    pub(super) tags: Queue<TagOf>,
}

impl Together {
    /// Starts a task for each kind, which ends with the last handle.
    pub(super) fn start(readers: &Readers) -> Self {
        Self {
            sign_ins: Queue::start(readers),
            standings: Queue::start(readers),
            projects: Queue::start(readers),
            heads: Queue::start(readers),
            tags: Queue::start(readers),
        }
    }
}

/// Those who ask for one kind of thing.
#[derive(Debug)]
pub struct Queue<W: Wish>(mpsc::Sender<Asked<W>>);

/// What is wished for, and where it goes.
type Asked<W> = (W, oneshot::Sender<sqlx::Result<<W as Wish>::Found>>);

impl<W: Wish> Queue<W> {
    fn start(readers: &Readers) -> Self {
        let (ask, asked) = mpsc::channel(WAITING);
        tokio::spawn(answer(readers.clone(), asked));
        Self(ask)
    }

    /// What there is, once it is this one's turn. Nobody waits longer than for a connection of their own.
    pub(super) async fn find(&self, wish: W) -> sqlx::Result<W::Found> {
        let found = async {
            let (tell, told) = oneshot::channel();
            self.0.send((wish, tell)).await.map_err(|_| sqlx::Error::WorkerCrashed)?;
            told.await.map_err(|_| sqlx::Error::WorkerCrashed)?
        };
        timeout(LONGEST, found).await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }
}

impl<W: Wish> Clone for Queue<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Asks for all that wait, again and again; those who come meanwhile wait for the next time.
async fn answer<W: Wish>(readers: Readers, mut asked: mpsc::Receiver<Asked<W>>) {
    let mut waiting: Vec<Asked<W>> = Vec::new();
    while let Some(first) = asked.recv().await {
        waiting.push(first);
        // Whoever else can go on at this moment asks first. Nobody waits for a time.
        yield_now().await;
        while waiting.len() < AT_ONCE
            && let Ok(next) = asked.try_recv()
        {
            waiting.push(next);
        }
        waiting.retain(|(_, tell)| !tell.is_closed());
        let wishes: BTreeSet<W> = waiting.iter().map(|(wish, _)| *wish).collect();
        match find(&readers, &wishes).await {
            Ok(found) => tell_all(&mut waiting, |wish| Ok(found.get(wish).cloned().unwrap_or_default())),
            // There was nothing to ask with, for none of them.
            Err(sqlx::Error::PoolTimedOut) => tell_all(&mut waiting, |_| Err(sqlx::Error::PoolTimedOut)),
            Err(sqlx::Error::PoolClosed) => tell_all(&mut waiting, |_| Err(sqlx::Error::PoolClosed)),
            Err(error) => {
                tracing::warn!(%error, wishes = wishes.len(), "what was asked for as one is asked for one by one");
                each_alone(&readers, &mut waiting).await;
            }
        }
    }
}

fn tell_all<W: Wish>(waiting: &mut Vec<Asked<W>>, answer: impl Fn(&W) -> sqlx::Result<W::Found>) {
    for (wish, tell) in waiting.drain(..) {
        // Whoever went away needs no answer.
        let _ = tell.send(answer(&wish));
    }
}

/// Asks for each by itself, for what is wrong with one must not be told to the others.
async fn each_alone<W: Wish>(readers: &Readers, waiting: &mut Vec<Asked<W>>) {
    for (wish, tell) in waiting.drain(..) {
        if !tell.is_closed() {
            let found = find(readers, &BTreeSet::from([wish])).await;
            let _ = tell.send(found.map(|mut found| found.remove(&wish).unwrap_or_default()));
        }
    }
}

/// What there is of each. A defect that one of them meets is an error, and not the end of all that come later.
async fn find<W: Wish>(readers: &Readers, wishes: &BTreeSet<W>) -> sqlx::Result<BTreeMap<W, W::Found>> {
    if wishes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut conn = readers.look().await?;
    let found = AssertUnwindSafe(W::find(&mut conn, wishes)).catch_unwind().await;
    found.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

#[cfg(test)]
mod tests;
