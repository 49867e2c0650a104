//! How many durable commands are acknowledged, which means: are on disk.

use std::time::Duration;

use anyhow::Result;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};
use watchbell_protocol::{Room, Text, command::ActivityPost};

use crate::{connection::Connection, server::Server};

/// Measures and prints.
pub async fn run(server: &Server, publishers: usize, during: Duration) -> Result<()> {
    let room = Connection::open(server).await?.project().await?;
    let mut publishing = JoinSet::new();
    let until = Instant::now() + during;
    for _ in 0..publishers {
        publishing.spawn(publish(Connection::open(server).await?, room, until));
    }
    let cpu = server.cpu()?;
    let mut acknowledged = 0;
    while let Some(count) = publishing.join_next().await {
        acknowledged += count??;
    }
    let cpu = server.cpu()?.saturating_sub(cpu);
    println!("{publishers} publishers: {:.0} acknowledged per second", acknowledged as f64 / during.as_secs_f64());
    println!("server CPU per command: {:.0} µs", cpu.as_secs_f64() * 1e6 / acknowledged.max(1) as f64);
    Ok(())
}

async fn publish(mut connection: Connection, room: Room, until: Instant) -> Result<usize> {
    let mut acknowledged = 0;
    loop {
        let post = ActivityPost { title: Text::clip("the watch is relieved"), body: None };
        let id = connection.send(Some(room), post).await?;
        match timeout_at(until, connection.answer(id)).await {
            Ok(answer) => answer.map(drop)?,
            Err(_) => return Ok(acknowledged),
        }
        acknowledged += 1;
    }
}
