//! The one task that writes: it takes all waiting jobs into one transaction, so that one sync to the disk serves them all,
//! and what they have in common is read and written once. When the database refuses something of that, they are done
//! again, a savepoint for each, so that one failure harms no neighbour.

use std::{fmt, sync::Arc, time::Duration};

use metrics::Histogram;
use sqlx::Connection;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use watchbell_protocol::{Answer, ErrorCode, UnixMillis, WireError};

use super::{
    Ingest, Job, QUEUE, Submission,
    apply::{Decision, Effect, IDS_KEPT, apply, decide},
    known::Known,
    number::Numbers,
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

/// What came of a job; done once the transaction is on the disk.
#[derive(Default)]
struct Done {
    /// What the sender of a command is told.
    answer: Option<Result<Answer, WireError>>,
    entries: Vec<Entry>,
    lease: Option<LeaseChange>,
    /// Whether there is more to prune.
    is_more: bool,
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
        self.together.record(jobs.len() as f64);
        let began = self.clock.moment();
        match self.commit(jobs).await {
            Ok(done) => {
                self.took.record(self.clock.moment() - began);
                self.publish(jobs.drain(..).zip(done)).await;
            }
            Err(error) => {
                tracing::error!(%error, "nothing could be written");
                for job in jobs.drain(..) {
                    if let Job::Command(_, sender) = job {
                        // A sender that has gone asks again when it comes back.
                        let _ = sender.send(Err(unavailable()));
                    }
                }
            }
        }
    }

    /// Does the jobs in one transaction; gives what came of each when it is on the disk.
    async fn commit(&self, jobs: &[Job]) -> sqlx::Result<Vec<Done>> {
        let mut tx = self.store.write().await?;
        let done = match self.work(&mut tx, jobs).await {
            Ok(done) => done,
            // What failed may have left half of what it does, and must harm no neighbour.
            Err(error) => {
                tracing::warn!(%error, jobs = jobs.len(), "something could not be written; each is tried by itself");
                tx.rollback().await.map_err(|_| error)?;
                tx = self.store.write().await?;
                self.work_apart(&mut tx, jobs).await?
            }
        };
        #[cfg(feature = "sabotage")]
        super::sabotage::commit(tx).await?;
        #[cfg(not(feature = "sabotage"))]
        tx.commit().await?;
        Ok(done)
    }

    /// Does the jobs, each in a savepoint of its own. Fails when the whole transaction has, for nothing may be written outside
    /// of one, and when the disk takes nothing more: that is nobody's fault, and everybody tries again.
    async fn work_apart(&self, conn: &mut Conn, jobs: &[Job]) -> sqlx::Result<Vec<Done>> {
        let mut done = Vec::with_capacity(jobs.len());
        for job in jobs {
            let mut savepoint = conn.begin().await?;
            match self.work(&mut savepoint, std::slice::from_ref(job)).await {
                Ok(came) => {
                    savepoint.commit().await?;
                    done.extend(came);
                }
                Err(error) if store::is_out_of_room(&error) => return Err(error),
                Err(error) => {
                    tracing::error!(%error, %job, "it could not be written");
                    savepoint.rollback().await.map_err(|_| error)?;
                    done.push(Done { answer: Some(Err(broken())), ..Done::default() });
                }
            }
        }
        Ok(done)
    }

    /// Does the jobs; all of them, or it fails. What they share is read before and written after, once for all.
    async fn work(&self, conn: &mut Conn, jobs: &[Job]) -> sqlx::Result<Vec<Done>> {
        let submissions: Vec<&Submission> = jobs.iter().filter_map(Job::submission).collect();
        let mut known = Known::of(conn, &submissions).await?;
        let rooms = submissions.iter().map(|submission| submission.place.room()).collect();
        let mut numbers = Numbers::open(conn, &rooms).await?;
        let mut done = Vec::with_capacity(jobs.len());
        for job in jobs {
            done.push(match self.one(conn, &mut numbers, &mut known, job).await {
                Ok(done) => done,
                Err(Refusal::Wire(error)) => Done { answer: Some(Err(error)), ..Done::default() },
                Err(Refusal::Store(error)) => return Err(error),
            });
        }
        numbers.close(conn).await?;
        known.close(conn).await?;
        Ok(done)
    }

    async fn one(&self, conn: &mut Conn, numbers: &mut Numbers, known: &mut Known, job: &Job) -> Result<Done, Refusal> {
        let now = self.clock.now();
        match job {
            Job::Command(submission, _) => match decide(known, submission, now)? {
                Decision::Apply => {
                    let Effect { answer, entries, lease } = apply(conn, numbers, known, submission, now).await?;
                    Ok(Done { answer: Some(Ok(answer)), entries, lease, ..Done::default() })
                }
                Decision::Again(answer) => Ok(Done { answer: Some(Ok(answer)), ..Done::default() }),
            },
            Job::LeaseLost(analysis) if !self.leases.is_lost(*analysis, self.clock.moment()) => Ok(Done::default()),
            Job::LeaseLost(analysis) => {
                let Some(outcome) = analysis::lose(conn, now, *analysis).await? else {
                    return Ok(Done { lease: Some(LeaseChange::Ended(*analysis)), ..Done::default() });
                };
                let entries = numbers.number(conn, outcome.drafts, now).await?;
                Ok(Done { entries, lease: outcome.lease, ..Done::default() })
            }
            Job::Seen(members, at) => {
                for member in members {
                    store::project::seen(conn, *member, *at).await?;
                }
                Ok(Done::default())
            }
            Job::Prune(now, _) => Ok(Done { is_more: self.prune(conn, *now).await?, ..Done::default() }),
        }
    }

    /// Acknowledges, then sends out.
    async fn publish(&self, done: impl Iterator<Item = (Job, Done)>) {
        let now = self.clock.moment();
        let (mut answers, mut published) = (Vec::new(), Vec::new());
        for (job, Done { answer, entries, lease, is_more }) in done {
            if let Some(change) = lease {
                self.leases.apply(change, now);
            }
            published.extend(entries);
            match (job, answer) {
                (Job::Command(_, sender), Some(answer)) => answers.push((sender, answer)),
                // Nobody waits any more when the loops are ended.
                (Job::Prune(_, sender), _) => drop(sender.send(is_more)),
                _ => {}
            }
        }
        for (sender, answer) in answers {
            // A sender that has gone asks again when it comes back.
            let _ = sender.send(answer);
        }
        if !published.is_empty() {
            self.bus.publish(now, published).await;
        }
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

impl Job {
    fn submission(&self) -> Option<&Submission> {
        if let Self::Command(submission, _) = self { Some(submission) } else { None }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(submission, _) => f.write_str(submission.command.name()),
            Self::LeaseLost(analysis) => write!(f, "the end of the analysis {analysis}"),
            Self::Seen(..) => f.write_str("when members were last here"),
            Self::Prune(..) => f.write_str("pruning"),
        }
    }
}

fn broken() -> WireError {
    WireError::new(ErrorCode::Internal, "the server failed; nothing was applied")
}

fn unavailable() -> WireError {
    WireError::new(ErrorCode::Unavailable, "the server could not write; nothing was applied").retry_after_ms(1000)
}
