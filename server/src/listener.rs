//! Where clients come in: plain, or through TLS.
//!
//! A TLS handshake takes as long as the client likes, within a bound, and holds up nobody else's.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::server::TlsStream;

use crate::tls::Tls;

/// Handshakes under way at a time; further clients wait in the kernel.
const HANDSHAKES: usize = 1024;
/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A handshake under way; `None` if it came to nothing.
type Handshake = Pin<Box<dyn Future<Output = Option<(Stream, SocketAddr)>> + Send>>;

/// Where clients come in.
pub struct Door {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    handshakes: FuturesUnordered<Handshake>,
}

/// A client's bytes, readable.
pub enum Stream {
    /// As they come.
    Plain(TcpStream),
    /// Through TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Who connected.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl Door {
    /// Takes what comes to `listener`; through TLS if there is a certificate.
    pub fn new(listener: TcpListener, tls: Option<Arc<Tls>>) -> Self {
        Self { listener, tls, handshakes: FuturesUnordered::new() }
    }
}

impl Listener for Door {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.next(), if !self.handshakes.is_empty() => {
                    if let Some(client) = done {
                        return client;
                    }
                }
                (stream, peer) = Listener::accept(&mut self.listener), if self.handshakes.len() < HANDSHAKES => {
                    // Frames are small and go out whole: none should wait for the one before to be acknowledged.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, %peer, "small packets may be late");
                    }
                    let Some(tls) = &self.tls else { return (Stream::Plain(stream), peer) };
                    let handshake = tls.acceptor().accept(stream);
                    self.handshakes.push(Box::pin(async move {
                        match timeout(PATIENCE, handshake).await {
                            Ok(Ok(stream)) => return Some((Stream::Tls(Box::new(stream)), peer)),
                            Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS"),
                            Err(_) => tracing::debug!(%peer, "no TLS in time"),
                        }
                        None
                    }));
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
