//! Where clients come in: plain, or through TLS.
//!
//! Deliberately absent: how long a TLS handshake may take, and how many there may be at a time; whoever serves the client
//! says so (`serve`).

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::server::TlsStream;

use crate::tls::Tls;

/// Where clients come in.
pub struct Door {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

/// A client that came in and was not heard yet.
pub struct Arrival {
    stream: TcpStream,
    /// From where.
    pub peer: SocketAddr,
    tls: Option<Arc<Tls>>,
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
        Self { listener, tls }
    }

    /// The next client. Nothing is heard of it, so that none holds up the one behind it.
    pub async fn accept(&mut self) -> Arrival {
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        // Frames are small and go out whole: none should wait for the one before to be acknowledged.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "small packets may be late");
        }
        Arrival { stream, peer, tls: self.tls.clone() }
    }
}

impl Arrival {
    /// Its bytes, after the handshake where there is one. That takes as long as the client likes.
    pub async fn open(self) -> io::Result<Stream> {
        Ok(match self.tls {
            None => Stream::Plain(self.stream),
            Some(tls) => Stream::Tls(Box::new(tls.acceptor().accept(self.stream).await?)),
        })
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
