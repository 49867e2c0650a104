//! The network between one member and the server: a proxy that can be cut, frozen, slowed and healed.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};
use url::Url;

/// Bytes carried at once.
const CHUNK: usize = 4 * 1024;
/// A slow network carries this little at once …
const SLOW_CHUNK: usize = 1024;
/// … and pauses this long before each.
const SLOW_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Healthy,
    Cut,
    Frozen,
    Slow,
}

/// The network; it is gone when dropped.
#[derive(Debug)]
pub struct Net {
    address: SocketAddr,
    condition: watch::Sender<Condition>,
    task: JoinHandle<()>,
}

impl Drop for Net {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Net {
    /// A healthy network that leads to `server`.
    pub async fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (condition, watched) = watch::channel(Condition::Healthy);
        Ok(Self { address, condition, task: tokio::spawn(accept(listener, server, watched)) })
    }

    /// Where the member connects to.
    pub fn url(&self) -> Url {
        format!("http://{}", self.address).parse().expect("is an address")
    }

    /// Breaks every connection; new ones break at once.
    pub fn cut(&self) {
        self.condition.send_replace(Condition::Cut);
    }

    /// Nothing passes any more, not even the end of a connection.
    pub fn freeze(&self) {
        self.condition.send_replace(Condition::Frozen);
    }

    /// Some 50 KB a second, each way.
    pub fn slow(&self) {
        self.condition.send_replace(Condition::Slow);
    }

    /// Everything passes; what was held back first.
    pub fn heal(&self) {
        self.condition.send_replace(Condition::Healthy);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, condition: watch::Receiver<Condition>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((near, _)) = accepted {
                connections.spawn(connection(near, server, condition.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until either end closes it or the network is cut. Dropping the sockets tells both ends.
async fn connection(near: TcpStream, server: SocketAddr, mut condition: watch::Receiver<Condition>) {
    if *condition.borrow() == Condition::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect(server).await else { return };
    let no_delay = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
    if no_delay.is_err() {
        return;
    }
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let (there, back) = (condition.clone(), condition.clone());
    tokio::select! {
        () = carry(near_in, far_out, there) => {}
        () = carry(far_in, near_out, back) => {}
        _ = condition.wait_for(|condition| *condition == Condition::Cut) => {}
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut condition: watch::Receiver<Condition>) {
    let mut buffer = [0; CHUNK];
    loop {
        let is_slow = *condition.borrow() == Condition::Slow;
        let room = if is_slow { SLOW_CHUNK } else { CHUNK };
        let read = from.read(&mut buffer[..room]).await;
        if is_slow {
            sleep(SLOW_PAUSE).await;
        }
        // A frozen network does not tell either that the other end is gone.
        if condition.wait_for(|condition| *condition != Condition::Frozen).await.is_err() {
            return;
        }
        match read {
            Ok(count) if count > 0 && to.write_all(&buffer[..count]).await.is_ok() => {}
            Ok(_) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets, and a connection to it through a network.
    async fn echo() -> (Net, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let net = Net::to(listener.local_addr().unwrap()).await.unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = socket.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        let stream = TcpStream::connect(net.address).await.unwrap();
        (net, stream)
    }

    async fn ask(stream: &mut TcpStream) -> io::Result<[u8; 4]> {
        let mut answer = [0; 4];
        stream.write_all(b"ahoy").await?;
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_healthy_network_carries_both_ways() {
        let (_net, mut stream) = echo().await;
        assert_eq!(&ask(&mut stream).await.unwrap(), b"ahoy");
    }

    #[tokio::test]
    async fn a_cut_ends_connections_and_new_ones_work_after_it_is_healed() {
        let (net, mut stream) = echo().await;
        ask(&mut stream).await.unwrap();
        net.cut();
        assert!(ask(&mut stream).await.is_err());
        let mut refused = TcpStream::connect(net.address).await.unwrap();
        assert!(ask(&mut refused).await.is_err());
        net.heal();
        let mut fresh = TcpStream::connect(net.address).await.unwrap();
        assert!(ask(&mut fresh).await.is_ok());
    }

    #[tokio::test]
    async fn a_frozen_network_holds_everything_back_until_it_is_healed() {
        let (net, mut stream) = echo().await;
        ask(&mut stream).await.unwrap();
        net.freeze();
        let held = tokio::time::timeout(Duration::from_millis(100), ask(&mut stream)).await;
        assert!(held.is_err(), "nothing comes");
        net.heal();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ahoy");
    }
}
