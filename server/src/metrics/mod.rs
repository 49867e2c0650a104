//! What the server counts and measures, for Prometheus.
//!
//! Every number has a handle that is looked up once, at the start: counting is an addition to an atomic number, without
//! a lock or an allocation. Without a listener nothing is kept at all.
//!
//! Deliberately absent: who and what. No label has more values than this code names, and none carries a user, a room or
//! a payload.

mod labels;
mod listener;

use std::{sync::Arc, time::Duration};

use metrics::{
    Counter, Gauge, Histogram, NoopRecorder, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram, with_local_recorder,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use watchbell_protocol::{ErrorCode, WireError};

pub use self::{
    labels::{Attempt, AuthFailure, Counters, Ended, Join, Label, Limit},
    listener::serve,
};

/// Bounds for what takes from microseconds to seconds.
const LATENCY: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Bounds for how long connections last.
const SESSION: [f64; 9] = [1.0, 10.0, 60.0, 300.0, 1_800.0, 7_200.0, 28_800.0, 86_400.0, 604_800.0];
/// Bounds for how many jobs share a transaction.
const JOBS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

const SESSION_SECONDS: &str = "watchbell_session_seconds";
const COMMIT_JOBS: &str = "watchbell_commit_jobs";
const FAN_OUT: &str = "watchbell_fan_out_seconds";

/// Everything that is counted and measured.
pub struct Metrics {
    /// Live connections.
    pub connections: Gauge,
    /// Tries to connect, by what came of them.
    pub attempts: Counters<Attempt>,
    /// Connections that ended, by how.
    pub ended: Counters<Ended>,
    /// Clients that were connected before and came back with their position.
    pub reconnects: Counter,
    /// How long connections lasted, seconds.
    pub session: Histogram,
    /// Joins, by how they were served.
    pub joins: Counters<Join>,
    /// What goes to receivers.
    pub deliveries: Arc<Deliveries>,
    /// How long transactions take until they are on the disk, seconds.
    pub commit: Histogram,
    /// Jobs of a transaction.
    pub commit_jobs: Histogram,
    /// From the commit until its events are in the outbox of every receiver, seconds.
    pub fan_out: Histogram,
    /// From a command that says how far an analysis is until that is in the outbox of every receiver, seconds.
    pub latest_fan_out: Histogram,
    /// Failed proofs of who somebody is.
    pub auth_failures: Counters<AuthFailure>,
    /// Refusals because of a limit.
    pub limited: Counters<Limit>,
    rooms: Gauge,
    /// Set when somebody listens.
    page: Option<PrometheusHandle>,
}

/// What goes to receivers, counted when it is handed to the socket.
pub struct Deliveries {
    /// Events of the journal, live.
    pub durable: Counter,
    /// Values of boards.
    pub latest: Counter,
    /// Lines of streams.
    pub stream: Counter,
    /// Signals.
    pub signal: Counter,
    /// Answers, pages and other frames that are no live event.
    pub control: Counter,
    /// Values that were replaced while they waited.
    pub conflated: Counter,
    /// Lines of streams that were dropped.
    pub dropped_lines: Counter,
    /// Signals that were dropped.
    pub dropped_signals: Counter,
    /// Receivers that went back to reading a room's journal.
    pub fell_behind: Counter,
    /// Bytes that wait for receivers. Texts are shared, so this is more than the memory they take.
    pub queue_bytes: Gauge,
    /// How long receivers' sockets took for what they did not take at once, seconds.
    pub write: Histogram,
}

impl Metrics {
    /// Counts nothing.
    pub fn off() -> Self {
        with_local_recorder(&NoopRecorder, || Self::register(None))
    }

    /// Counts, to be read from [`Self::page`].
    pub fn on() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&LATENCY)?
            .set_buckets_for_metric(Matcher::Full(SESSION_SECONDS.into()), &SESSION)?
            .set_buckets_for_metric(Matcher::Full(COMMIT_JOBS.into()), &JOBS)?
            .build_recorder();
        let page = recorder.handle();
        Ok(with_local_recorder(&recorder, || Self::register(Some(page))))
    }

    fn register(page: Option<PrometheusHandle>) -> Self {
        gauge!("watchbell_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        describe();
        Self {
            connections: gauge!("watchbell_connections"),
            attempts: Counters::register("watchbell_connection_attempts_total"),
            ended: Counters::register("watchbell_connections_ended_total"),
            reconnects: counter!("watchbell_reconnects_total"),
            session: histogram!(SESSION_SECONDS),
            joins: Counters::register("watchbell_joins_total"),
            deliveries: Arc::new(Deliveries::register()),
            commit: histogram!("watchbell_commit_seconds"),
            commit_jobs: histogram!(COMMIT_JOBS),
            fan_out: histogram!(FAN_OUT, "class" => "durable"),
            latest_fan_out: histogram!(FAN_OUT, "class" => "latest"),
            auth_failures: Counters::register("watchbell_auth_failures_total"),
            limited: Counters::register("watchbell_limited_total"),
            rooms: gauge!("watchbell_rooms"),
            page,
        }
    }

    /// Counts a proof of who somebody is, if it failed as one.
    pub fn auth_failed(&self, proof: AuthFailure, error: Option<&WireError>) {
        match error.map(|error| error.code) {
            Some(ErrorCode::Unauthenticated) => self.auth_failures.count(proof),
            Some(ErrorCode::RateLimited) => self.limited.count(Limit::SignIns),
            _ => {}
        }
    }

    /// The text for Prometheus; `None` when nothing is counted.
    pub fn page(&self, rooms: usize) -> Option<String> {
        self.rooms.set(rooms as f64);
        self.page.as_ref().map(PrometheusHandle::render)
    }

    /// Sorts in what was measured since the last time, so that it does not pile up while nobody reads.
    pub fn tidy(&self) {
        if let Some(page) = &self.page {
            page.run_upkeep();
        }
    }

    /// How often [`Self::tidy`] is wanted.
    pub const TIDY_EVERY: Duration = Duration::from_secs(5);
}

impl Deliveries {
    fn register() -> Self {
        const DELIVERIES: &str = "watchbell_deliveries_total";
        const DROPPED: &str = "watchbell_dropped_total";
        Self {
            durable: counter!(DELIVERIES, "class" => "durable"),
            latest: counter!(DELIVERIES, "class" => "latest"),
            stream: counter!(DELIVERIES, "class" => "stream"),
            signal: counter!(DELIVERIES, "class" => "signal"),
            control: counter!(DELIVERIES, "class" => "control"),
            conflated: counter!("watchbell_conflated_total"),
            dropped_lines: counter!(DROPPED, "class" => "stream"),
            dropped_signals: counter!(DROPPED, "class" => "signal"),
            fell_behind: counter!("watchbell_fell_behind_total"),
            queue_bytes: gauge!("watchbell_queue_bytes"),
            write: histogram!("watchbell_write_seconds"),
        }
    }

    /// Counts nothing.
    pub fn off() -> Arc<Self> {
        with_local_recorder(&NoopRecorder, || Arc::new(Self::register()))
    }
}

/// The help texts.
fn describe() {
    describe_gauge!("watchbell_info", "The server's version");
    describe_gauge!("watchbell_connections", "Live connections");
    describe_gauge!("watchbell_rooms", "Rooms in memory");
    describe_counter!("watchbell_connection_attempts_total", "Tries to connect, by what came of them");
    describe_counter!("watchbell_connections_ended_total", "Connections that ended, by close code or `lost`");
    describe_counter!("watchbell_reconnects_total", "Connections whose first join brought a position");
    describe_histogram!(SESSION_SECONDS, Unit::Seconds, "How long connections lasted");
    describe_counter!("watchbell_joins_total", "Joins: served from the journal, or from the state and why");
    describe_counter!("watchbell_deliveries_total", "Handed to sockets, by delivery class");
    describe_counter!("watchbell_conflated_total", "Latest values replaced while they waited");
    describe_counter!("watchbell_dropped_total", "Dropped for slow receivers, by delivery class");
    describe_counter!("watchbell_fell_behind_total", "Slow receivers that went back to reading the journal");
    describe_gauge!("watchbell_queue_bytes", Unit::Bytes, "Waiting for receivers; texts are shared");
    describe_histogram!("watchbell_write_seconds", Unit::Seconds, "A socket took what it did not take at once");
    describe_histogram!("watchbell_commit_seconds", Unit::Seconds, "A transaction reached the disk");
    describe_histogram!(COMMIT_JOBS, "Jobs in one transaction");
    describe_histogram!(
        FAN_OUT,
        Unit::Seconds,
        "To every receiver's outbox: of durable events from the commit, of progress from the command"
    );
    describe_counter!("watchbell_auth_failures_total", "Failed proofs of who somebody is, by kind");
    describe_counter!("watchbell_limited_total", "Refused because of a limit");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_stands_on_the_page_and_off_has_none() {
        let metrics = Metrics::on().unwrap();
        metrics.connections.increment(2);
        metrics.attempts.count(Attempt::Accepted);
        metrics.ended.count(Ended(None));
        metrics.fan_out.record(0.003);
        metrics.deliveries.durable.increment(7);
        metrics.tidy();
        let page = metrics.page(3).unwrap();
        for line in [
            "watchbell_connections 2",
            "watchbell_rooms 3",
            "watchbell_connection_attempts_total{result=\"accepted\"} 1",
            "watchbell_connection_attempts_total{result=\"limited\"} 0",
            "watchbell_connections_ended_total{code=\"lost\"} 1",
            "watchbell_connections_ended_total{code=\"4008\"} 0",
            "watchbell_deliveries_total{class=\"durable\"} 7",
            "watchbell_fan_out_seconds_bucket{class=\"durable\",le=\"0.005\"} 1",
            "watchbell_joins_total{kind=\"resumed\"} 0",
        ] {
            assert!(page.lines().any(|it| it == line), "{line} in\n{page}");
        }
        assert_eq!(Metrics::off().page(3), None);
    }
}
