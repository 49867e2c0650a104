//! Where clients come in: plain, or through TLS.
//!
//! Deliberately absent: how long a TLS handshake may take, and how many there may be at a time; whoever serves the client
//! says so (`serve`).

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
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Sleep, sleep},
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
pub struct Stream {
    bytes: Bytes,
    /// Until it is upgraded; then whoever serves it knows better what may be late.
    deadline: Option<Deadline>,
}

enum Bytes {
    /// As they come.
    Plain(TcpStream),
    /// Through TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// How long a client may take nothing of what is written to it.
struct Deadline {
    within: Duration,
    /// Set while it takes nothing.
    until: Option<Pin<Box<Sleep>>>,
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
    /// Its bytes, after the handshake where there is one. That takes as long as the client likes; afterwards it may take
    /// nothing of what is written to it for so long.
    pub async fn open(self, taking: Duration) -> io::Result<Stream> {
        let bytes = match self.tls {
            None => Bytes::Plain(self.stream),
            Some(tls) => Bytes::Tls(Box::new(tls.acceptor().accept(self.stream).await?)),
        };
        Ok(Stream { bytes, deadline: Some(Deadline { within: taking, until: None }) })
    }
}

impl Stream {
    /// The same without a deadline.
    #[must_use]
    pub fn upgraded(self) -> Self {
        Self { deadline: None, ..self }
    }

    /// Fails a write that has waited for too long.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let Some(Deadline { within, until }) = &mut self.deadline else { return written };
        if written.is_ready() {
            *until = None;
            return written;
        }
        let until = until.get_or_insert_with(|| Box::pin(sleep(*within)));
        until.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Bytes::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Bytes::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        };
        this.in_time(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = match &mut this.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Bytes::Tls(stream) => Pin::new(stream).poll_flush(cx),
        };
        this.in_time(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = match &mut this.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Bytes::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        };
        this.in_time(cx, shut)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.bytes {
            Bytes::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Bytes::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        };
        this.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.bytes {
            Bytes::Plain(stream) => stream.is_write_vectored(),
            Bytes::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
