//! A proxy that lets no WebSocket through, and everything else: the reason for long-poll.
//!
//! It looks at the head of the first request of a connection only. Clients open a WebSocket on a connection of its own, so
//! that is where an upgrade stands.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use url::Url;

/// No head of a request is longer.
const HEAD_BYTES: usize = 16 * 1024;

/// What becomes of an upgrade. Proxies in the wild do each of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// It is let through, as by a proxy whose configuration was mended.
    Passes,
    /// It is answered with this status.
    Refused(u16),
    /// The server never sees that an upgrade was meant.
    Stripped,
    /// The connection is broken off.
    CutOff,
    /// Nothing is ever answered.
    Swallowed,
}

/// The proxy; it is gone when dropped.
#[derive(Debug)]
pub struct RefusingProxy {
    address: SocketAddr,
    upgrade: watch::Sender<Upgrade>,
    task: JoinHandle<()>,
}

impl Drop for RefusingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RefusingProxy {
    /// A proxy before `server` that answers every upgrade with 426.
    pub async fn before(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (upgrade, watched) = watch::channel(Upgrade::Refused(426));
        Ok(Self { address, upgrade, task: tokio::spawn(accept(listener, server, watched)) })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a client is told it.
    pub fn url(&self) -> Url {
        format!("http://{}", self.address).parse().expect("is an address")
    }

    /// What becomes of upgrades from now on. Connections that are open stay.
    pub fn set(&self, upgrade: Upgrade) {
        self.upgrade.send_replace(upgrade);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, upgrade: watch::Receiver<Upgrade>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                let upgrade = *upgrade.borrow();
                // A client that breaks off is no matter of the proxy's.
                connections.spawn(async move { let _ = connection(client, server, upgrade).await; });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(mut client: TcpStream, server: SocketAddr, upgrade: Upgrade) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (mut request, length) = head(&mut client).await?;
    if is_upgrade(&request[..length]) {
        match upgrade {
            Upgrade::Passes => {}
            Upgrade::Refused(status) => return answer(&mut client, status).await,
            Upgrade::Stripped => {
                let rest = request.split_off(length);
                request = [without_upgrade(&request), rest].concat();
            }
            Upgrade::CutOff => return Ok(()),
            Upgrade::Swallowed => std::future::pending().await,
        }
    }
    let Ok(mut far) = TcpStream::connect(server).await else { return answer(&mut client, 502).await };
    far.set_nodelay(true)?;
    far.write_all(&request).await?;
    copy_bidirectional(&mut client, &mut far).await.map(drop)
}

/// What was read up to the end of the head of a request, and how long that head is.
async fn head(client: &mut TcpStream) -> io::Result<(Vec<u8>, usize)> {
    let mut read = Vec::new();
    loop {
        if client.read_buf(&mut read).await? == 0 || read.len() > HEAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok((read, end + 4));
        }
    }
}

fn is_upgrade(head: &[u8]) -> bool {
    lines(head).any(|line| is_named(&line, "upgrade"))
}

fn without_upgrade(head: &[u8]) -> Vec<u8> {
    let kept = lines(head).filter(|line| !is_named(line, "upgrade") && !is_named(line, "connection"));
    kept.flat_map(|line| [line.as_slice(), b"\r\n"].concat()).collect()
}

/// The lines of a head, the empty one at its end included.
fn lines(head: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let whole = head.strip_suffix(b"\n").unwrap_or(head);
    whole.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec())
}

/// Whether a line is the header of this name.
fn is_named(line: &[u8], name: &str) -> bool {
    line.split(|byte| *byte == b':').next().is_some_and(|given| given.eq_ignore_ascii_case(name.as_bytes()))
}

async fn answer(client: &mut TcpStream, status: u16) -> io::Result<()> {
    let page = "<html>Not through here.</html>";
    let length = page.len();
    let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{page}");
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}
