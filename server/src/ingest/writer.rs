//! The one task that writes: it takes all waiting jobs into one transaction, a savepoint for each, so that one failure
//! harms no neighbour and one sync to the disk serves them all.

use std::{sync::Arc, time::Duration};

use metrics::Histogram;
use sqlx::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use watchbell_protocol::{AnalysisId, Answer, ErrorCode, UnixMillis, WireError};

use super::{
    Ingest, Job, QUEUE, Submission,
    apply::{Effect, IDS_KEPT, apply},
    number::{Ids, number},
};
use crate::{
    bus::Bus,
    clock::Clock,
    config::Config,
    domain::{LeaseChange, Refusal, analysis, lease::Leases},
    hub::Entry,
    metrics::Metrics,
    store::{self, Conn, Store},
};

/// Jobs in one transaction.
const TOGETHER: usize = 128;
/// Rows of a table that one pruning deletes, so that commands don't wait long behind it.
const PRUNED: u32 = 1000;

/// What the writer task works with.
pub struct Writer {
    jobs: mpsc::Receiver<Job>,
    store: Store,
    leases: Arc<Leases>,
    bus: Bus,
    clock: Clock,
    journal_kept: Duration,
    journal_events: u32,
    /// How long a transaction takes until it is on the disk …
    took: Histogram,
    /// … and how many jobs it serves.
    together: Histogram,
}

/// What a sender is told.
type Answered = Result<Answer, WireError>;

/// What is done once the transaction is on the disk.
#[derive(Default)]
struct AfterCommit {
    answers: Vec<(oneshot::Sender<Answered>, Answered)>,
    entries: Vec<Entry>,
    leases: Vec<LeaseChange>,
    /// Whether there is more to prune. Whoever waits learns of a commit that failed by hearing nothing.
    pruned: Vec<(oneshot::Sender<bool>, bool)>,
}

impl Writer {
    /// A writer and the handle to it.
    pub fn new(
        store: Store,
        leases: Arc<Leases>,
        bus: Bus,
        clock: Clock,
        config: &Config,
        metrics: &Metrics,
    ) -> (Ingest, Self) {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let (journal_kept, journal_events) = (config.limits.journal_kept.0, config.limits.journal_events);
        let (took, together) = (metrics.commit.clone(), metrics.commit_jobs.clone());
        let writer = Self { jobs, store, leases, bus, clock, journal_kept, journal_events, took, together };
        (Ingest { jobs: sender }, writer)
    }

    /// Writes until `stop`, and then what waits.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut jobs = Vec::with_capacity(TOGETHER);
        loop {
            tokio::select! {
                biased;
                count = self.jobs.recv_many(&mut jobs, TOGETHER) => if count == 0 { return },
                () = stop.cancelled() => {
                    self.jobs.close();
                    if self.jobs.recv_many(&mut jobs, TOGETHER).await == 0 {
                        return;
                    }
                }
            }
            self.write(&mut jobs).await;
        }
    }

    async fn write(&self, jobs: &mut Vec<Job>) {
        let mut after = AfterCommit::default();
        self.together.record(jobs.len() as f64);
        let began = self.clock.moment();
        let committed = match self.store.write().await {
            Ok(mut tx) => {
                let mut waiting = jobs.drain(..);
                match self.work_all(&mut tx, &mut waiting, &mut after).await {
                    Ok(()) => {
                        #[cfg(feature = "sabotage")]
                        super::sabotage::before_commit(&mut after.answers).await;
                        tx.commit().await
                    }
                    Err(error) => {
                        refuse_all(waiting, &mut after);
                        Err(error)
                    }
                }
            }
            Err(error) => {
                refuse_all(jobs.drain(..), &mut after);
                Err(error)
            }
        };
        match committed {
            Ok(()) => {
                self.took.record(self.clock.moment() - began);
                self.publish(after).await;
            }
            Err(error) => {
                tracing::error!(%error, "nothing could be written");
                for (sender, _) in after.answers {
                    let _ = sender.send(Err(unavailable()));
                }
            }
        }
    }

    /// Does job after job until one fails.
    async fn work_all(
        &self,
        conn: &mut Conn,
        jobs: &mut impl Iterator<Item = Job>,
        after: &mut AfterCommit,
    ) -> sqlx::Result<()> {
        let mut ids = Ids::open(conn).await?;
        for job in jobs {
            self.work(conn, &mut ids, job, after).await?;
        }
        ids.close(conn).await
    }

    /// Acknowledges, then sends out.
    async fn publish(&self, after: AfterCommit) {
        let now = self.clock.moment();
        for change in after.leases {
            self.leases.apply(change, now);
        }
        for (sender, answer) in after.answers {
            // A sender that has gone asks again when it comes back.
            let _ = sender.send(answer);
        }
        for (sender, more) in after.pruned {
            // Nobody waits any more when the loops are ended.
            let _ = sender.send(more);
        }
        if !after.entries.is_empty() {
            self.bus.publish(now, after.entries).await;
        }
    }

    /// Fails when the whole transaction has: nothing may be written outside of one.
    async fn work(&self, conn: &mut Conn, ids: &mut Ids, job: Job, after: &mut AfterCommit) -> sqlx::Result<()> {
        let now = self.clock.now();
        match job {
            Job::Command(submission, sender) => {
                let answer = match in_savepoint(conn, ids, *submission, now).await {
                    Ok(Ok(effect)) => {
                        after.entries.extend(effect.entries);
                        after.leases.extend(effect.lease);
                        Ok(effect.answer)
                    }
                    Ok(Err(refusal)) => Err(told(refusal)),
                    Err(broken) => {
                        after.answers.push((sender, Err(unavailable())));
                        return Err(broken);
                    }
                };
                after.answers.push((sender, answer));
            }
            Job::LeasesLost(analyses) => {
                let moment = self.clock.moment();
                for analysis in analyses.into_iter().filter(|analysis| self.leases.is_lost(*analysis, moment)) {
                    match lose(conn, ids, analysis, now).await? {
                        Ok((entries, lease)) => {
                            after.entries.extend(entries);
                            after.leases.extend(lease);
                        }
                        Err(error) => tracing::error!(%error, analysis.id = %analysis, "a lost run was not ended"),
                    }
                }
            }
            Job::Seen(members, at) => {
                for member in members {
                    store::project::seen(conn, member, at).await?;
                }
            }
            Job::Prune(now, sender) => after.pruned.push((sender, self.prune(conn, now).await?)),
        }
        Ok(())
    }

    async fn prune(&self, conn: &mut Conn, now: UnixMillis) -> sqlx::Result<bool> {
        let before = |kept: Duration| UnixMillis(now.0.saturating_sub(kept.as_millis() as i64));
        let rows = store::journal::prune(conn, before(self.journal_kept), PRUNED).await?;
        let surplus = store::journal::prune_beyond(conn, self.journal_events, PRUNED).await?;
        let commands = store::command::prune(conn, before(IDS_KEPT), PRUNED).await?;
        let notifications = store::notification::prune(conn, before(store::state::NOTIFICATIONS_KEPT), PRUNED).await?;
        tracing::debug!(rows, surplus, commands, notifications, "pruned");
        Ok(surplus > 0 || rows.max(commands).max(notifications) == u64::from(PRUNED))
    }
}

/// What came of a command. Fails when its savepoint is gone, and with it the transaction: the engine ends that by itself
/// when the disk is full.
async fn in_savepoint(
    conn: &mut Conn,
    ids: &mut Ids,
    submission: Submission,
    now: UnixMillis,
) -> sqlx::Result<Result<Effect, Refusal>> {
    let (mut savepoint, before) = (conn.begin().await?, *ids);
    let effect = apply(&mut savepoint, ids, submission, now).await;
    if effect.is_ok() {
        savepoint.commit().await?;
    } else {
        savepoint.rollback().await?;
        *ids = before;
    }
    Ok(effect)
}

/// The end of an analysis whose runner was lost, in a savepoint as above.
async fn lose(
    conn: &mut Conn,
    ids: &mut Ids,
    analysis: AnalysisId,
    now: UnixMillis,
) -> sqlx::Result<sqlx::Result<Lost>> {
    let (mut savepoint, before) = (conn.begin().await?, *ids);
    let lost = lost(&mut savepoint, ids, analysis, now).await;
    if lost.is_ok() {
        savepoint.commit().await?;
    } else {
        savepoint.rollback().await?;
        *ids = before;
    }
    Ok(lost)
}

/// What a lost runner leaves behind.
type Lost = (Vec<Entry>, Option<LeaseChange>);

async fn lost(conn: &mut Conn, ids: &mut Ids, analysis: AnalysisId, now: UnixMillis) -> sqlx::Result<Lost> {
    let Some(outcome) = analysis::lose(conn, now, analysis).await? else {
        return Ok((Vec::new(), Some(LeaseChange::Ended(analysis))));
    };
    Ok((number(conn, ids, outcome.drafts, now).await?, outcome.lease))
}

/// The one place where a failed query of a command is logged.
fn told(refusal: Refusal) -> WireError {
    match refusal {
        Refusal::Wire(error) => error,
        Refusal::Store(error) => {
            tracing::error!(%error, "a command could not be applied");
            WireError::new(ErrorCode::Internal, "the server failed; nothing was applied")
        }
    }
}

fn unavailable() -> WireError {
    WireError::new(ErrorCode::Unavailable, "the server could not write; nothing was applied").retry_after_ms(1000)
}

fn refuse_all(jobs: impl Iterator<Item = Job>, after: &mut AfterCommit) {
    for job in jobs {
        if let Job::Command(_, sender) = job {
            after.answers.push((sender, Err(unavailable())));
        }
    }
}
