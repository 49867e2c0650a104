//! Many receive what one reports.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{interval, sleep},
};
use watchbell_protocol::{
    AnalysisId, Event, List, Room, Text,
    command::{AnalysisRenew, AnalysisStart, Runner},
    event::{AnalysisProgress, Counts, TimeLeft},
};

use crate::{
    connection::Connection,
    server::{Server, now},
};

/// How long the last values may take to arrive.
const LAST_ONES: Duration = Duration::from_secs(1);

/// Measures and prints.
pub async fn run(server: &Server, receivers: usize, rate: u32, during: Duration) -> Result<()> {
    let mut runner = Connection::open(server).await?;
    let room = runner.project().await?;
    let started = runner.send(Some(room), start()).await?;
    let analysis = runner.answer(started).await?.started.context("the answer names the analysis")?.analysis;

    let mut receiving = JoinSet::new();
    let (end, ended) = watch::channel(());
    for _ in 0..receivers {
        let mut connection = Connection::open(server).await?;
        connection.join(room).await?;
        receiving.spawn(receive(connection, ended.clone()));
    }
    let cpu = server.cpu()?;
    let sent = report(&mut runner, room, analysis, rate, during).await?;
    sleep(LAST_ONES).await;
    drop(end);
    let mut latencies = Vec::new();
    while let Some(received) = receiving.join_next().await {
        latencies.extend(received?);
    }
    let cpu = server.cpu()?.saturating_sub(cpu);

    latencies.sort_unstable();
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default();
    println!("{receivers} receivers, {sent} values sent, {} delivered", latencies.len());
    println!("latency: {} ms half of the time, {} ms at the 99th percentile", at(0.5), at(0.99));
    println!("server CPU per delivery: {:.1} µs", cpu.as_secs_f64() * 1e6 / latencies.len().max(1) as f64);
    Ok(())
}

/// Sends a value at every tick; how many.
async fn report(runner: &mut Connection, room: Room, analysis: AnalysisId, rate: u32, during: Duration) -> Result<u32> {
    let total = rate * u32::try_from(during.as_secs())?;
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    for n in 0..total {
        ticks.tick().await;
        runner.tell(room, AnalysisRenew { progress: progress(analysis, n as f32 * 99.0 / total as f32) }).await?;
    }
    Ok(total)
}

/// How long each value took, milliseconds, until the measurement has ended.
async fn receive(mut connection: Connection, mut ended: watch::Receiver<()>) -> Vec<i64> {
    let mut latencies = Vec::new();
    let receive = async {
        while let Ok(events) = connection.events().await {
            for event in events {
                if let Event::AnalysisProgress(progress) = event {
                    latencies.push(now().0 - progress.measured_at.0);
                }
            }
        }
    };
    tokio::select! {
        () = receive => {}
        _ = ended.changed() => {}
    }
    latencies
}

fn progress(analysis: AnalysisId, percent: f32) -> AnalysisProgress {
    AnalysisProgress {
        analysis,
        percent,
        left: TimeLeft::Unknown,
        detectors: List::default(),
        counts: Counts::default(),
        measured_at: now(),
    }
}

fn start() -> AnalysisStart {
    AnalysisStart {
        runner: Runner::Own,
        runner_name: Text::clip("bench"),
        root: Text::clip("bench"),
        branch: None,
        revision: None,
        files: 0,
        detectors: List::default(),
    }
}
