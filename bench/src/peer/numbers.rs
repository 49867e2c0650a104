//! What Watchbell itself counts.

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Server;

impl Server {
    /// One of its numbers, by name and labels as they stand on the page; zero if it is not there yet.
    pub async fn number(&self, name: &str) -> Result<f64> {
        let address = self.world().metrics()?;
        let mut socket = TcpStream::connect(address).await.context("the metrics cannot be read")?;
        socket.write_all(format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
        let mut page = String::new();
        socket.read_to_string(&mut page).await?;
        anyhow::ensure!(page.contains("watchbell_info"), "what is read there are no metrics: {page}");
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(Ok(0.0), |value| value.trim().parse().with_context(|| format!("{name} is {value}")))
    }
}
