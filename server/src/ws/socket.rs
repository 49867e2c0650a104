//! A WebSocket as a link. `tungstenite` reads: it checks what clients send and writes the replies that the protocol
//! itself asks for. Writing is ours: a head and the shared text of every frame that waits, in one write (vectored, unless
//! there is little) and without a buffer of the connection's own.

use std::{
    future::poll_fn,
    io::{self, IoSlice, Read, Write},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use parking_lot::Mutex;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tungstenite::{
    Message,
    error::{CapacityError, Error, ProtocolError},
    protocol::{Role, WebSocketConfig, WebSocketContext},
};
use watchbell_protocol::{
    CloseCode, limits,
    packed::{self, Unpackable},
};

use super::{
    frames::Frames,
    link::{Begun, Direct, Gone, Heard, Moved, Sink, Source},
    outbox::{Batch, Outbox},
    shared::Packing,
};
use crate::listener::Stream;

/// Bytes read from the socket at once, and kept for it; most frames from clients are small.
const READ_BUFFER: usize = 1024;
/// Bytes that are copied together to be written.
const LITTLE: usize = 2048;
/// Parts of one write, at most.
const PARTS: usize = 64;

/// A socket after its handshake. Whoever reads and whoever writes share it.
pub(super) struct Socket(Mutex<Ends>);

struct Ends {
    stream: Stream,
    /// What was begun and not written to its end, or why nothing can be written.
    begun: Option<io::Result<Box<Frames>>>,
}

/// The reading half.
pub(super) struct SocketSource {
    socket: Arc<Socket>,
    context: Box<WebSocketContext>,
    /// Where replies to pings and closes go.
    outbox: Arc<Outbox>,
}

/// The writing half.
pub(super) struct SocketSink {
    socket: Arc<Socket>,
}

impl Socket {
    pub(super) fn new(stream: Stream) -> Self {
        Self(Mutex::new(Ends { stream, begun: None }))
    }
}

/// The halves of a socket; `read` came with the handshake. It is taken, and let go: even when it is empty, it keeps the
/// whole buffer that the handshake was read into.
pub(super) fn open(socket: Arc<Socket>, read: Bytes, outbox: Arc<Outbox>) -> (SocketSource, SocketSink) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(limits::FRAME_BYTES))
        .max_frame_size(Some(limits::FRAME_BYTES));
    let context = WebSocketContext::from_partially_read(read.to_vec(), Role::Server, Some(config));
    drop(read);
    (SocketSource { socket: socket.clone(), context: Box::new(context), outbox }, SocketSink { socket })
}

impl SocketSource {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Error>> {
        let mut wire = Wire { socket: &self.socket, cx, outbox: &self.outbox };
        match self.context.read(&mut wire) {
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            // The reply is for the other side to see even if nothing is read any more, and nothing may follow it.
            Ok(Message::Close(frame)) => {
                self.outbox.leave();
                let _ = self.context.flush(&mut wire);
                Poll::Ready(Ok(Message::Close(frame)))
            }
            done => Poll::Ready(done),
        }
    }
}

impl Source for SocketSource {
    async fn next(&mut self) -> Option<Heard> {
        match poll_fn(|cx| self.poll(cx)).await {
            Ok(Message::Text(text)) => Some(Heard::Text(text)),
            Ok(Message::Binary(bytes)) => Some(binary(&bytes, self.outbox.packing())),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Some(Heard::Alive),
            Ok(Message::Close(_)) => None,
            Err(error) => broken(&error),
        }
    }

    async fn bye(&mut self) {
        while poll_fn(|cx| self.poll(cx)).await.is_ok_and(|message| !message.is_close()) {}
    }
}

impl Sink for SocketSink {
    /// A socket that does not take a few KiB for so long is full.
    const LATE: Duration = Duration::from_millis(250);

    async fn write(&mut self, batch: Batch, moved: &Moved) -> Result<(), Gone> {
        let is_last = batch.close.is_some();
        let socket = &self.socket.0;
        let written = async {
            if self.socket.begin(batch) == Begun::Unfinished {
                poll_fn(|cx| socket.lock().go_on(cx, moved)).await?;
            }
            if is_last { poll_fn(|cx| Pin::new(&mut socket.lock().stream).poll_shutdown(cx)).await } else { Ok(()) }
        };
        written.await.map_err(|_: io::Error| Gone)
    }
}

impl Direct for Socket {
    fn begin(&self, batch: Batch) -> Begun {
        let Ends { stream, begun } = &mut *self.0.lock();
        if begun.is_some() {
            // Only the sink writes now, and with this it says that it goes on.
            debug_assert!(batch.outs.is_empty() && batch.close.is_none());
            return Begun::Unfinished;
        }
        let mut frames = Frames::from(batch);
        *begun = match write_out(stream, &mut Context::from_waker(Waker::noop()), &mut frames) {
            Poll::Ready(Ok(())) => return Begun::Done,
            Poll::Ready(Err(error)) => Some(Err(error)),
            Poll::Pending => Some(Ok(Box::new(frames))),
        };
        Begun::Unfinished
    }
}

impl Ends {
    /// Writes what was begun.
    fn go_on(&mut self, cx: &mut Context<'_>, moved: &Moved) -> Poll<io::Result<()>> {
        let Some(mut frames) = self.begun.take().transpose()? else { return Poll::Ready(Ok(())) };
        let before = frames.remaining();
        let written = write_out(&mut self.stream, cx, &mut frames);
        if frames.remaining() < before {
            moved.note();
        }
        if written.is_pending() {
            self.begun = Some(Ok(frames));
        }
        written
    }
}

/// Writes all that is still to go of these frames.
fn write_out(stream: &mut Stream, cx: &mut Context<'_>, frames: &mut Frames) -> Poll<io::Result<()>> {
    while frames.has_remaining() {
        match ready!(write_some(stream, cx, frames))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            count => frames.advance(count),
        }
    }
    Pin::new(stream).poll_flush(cx)
}

/// Writes what the socket takes. A little is copied together first: that costs less than a system call with several parts.
fn write_some(stream: &mut Stream, cx: &mut Context<'_>, frames: &Frames) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    if let Some(whole) = frames.whole(&mut [0; LITTLE]) {
        return stream.poll_write(cx, whole);
    }
    let mut parts = [IoSlice::new(&[]); PARTS];
    let filled = frames.chunks_vectored(&mut parts);
    stream.poll_write_vectored(cx, &parts[..filled])
}

/// A binary message: a packed frame, where that was agreed on. A frame is unpacked at once and whole, so that nothing of
/// how is kept for the connection.
fn binary(bytes: &[u8], packing: Packing) -> Heard {
    match packing {
        Packing::None => Heard::Binary,
        Packing::Zstd => match packed::unpack(bytes, limits::FRAME_BYTES) {
            Ok(text) => Heard::Text(text.into()),
            Err(Unpackable::TooLarge) => Heard::TooLarge,
            Err(Unpackable::Malformed) => Heard::Broken(CloseCode::Protocol),
        },
    }
}

/// Why the socket cannot be read; `None` if there is nobody left to tell.
fn broken(error: &Error) -> Option<Heard> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(Heard::TooLarge),
        Error::Utf8(_) => Some(Heard::Broken(CloseCode::Protocol)),
        Error::Protocol(error) if *error != ProtocolError::ResetWithoutClosingHandshake => {
            Some(Heard::Broken(CloseCode::Protocol))
        }
        _ => None,
    }
}

/// The socket as `tungstenite` sees it: it reads without waiting, and its replies join what waits to be written.
struct Wire<'a, 'cx> {
    socket: &'a Socket,
    cx: &'a mut Context<'cx>,
    outbox: &'a Outbox,
}

impl Wire<'_, '_> {
    fn poll_read(&mut self, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(bytes);
        ready!(Pin::new(&mut self.socket.0.lock().stream).poll_read(self.cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.poll_read(bytes) {
            Poll::Ready(read) => read,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Wire<'_, '_> {
    /// Takes whole frames: `tungstenite` writes its replies one by one.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbox.reply(Bytes::copy_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };
    use watchbell_protocol::{ProjectId, Room};

    use super::*;
    use crate::{
        listener::Door,
        metrics::Deliveries,
        store::journal::Mark,
        ws::{
            flushers::Flusher,
            outbox::{Express, Out, Put},
        },
    };

    /// A client, and the server's side of its socket, without a task.
    async fn connected() -> (TcpStream, SocketSource, SocketSink, Arc<Outbox>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let arrival = Door::new(listener, None).accept().await;
        let socket = Arc::new(Socket::new(arrival.open(Duration::from_secs(10)).await.unwrap().upgraded()));
        let outbox = Arc::new_cyclic(|outbox| {
            let (outbox, flusher) = (outbox.clone(), Arc::new(Flusher::default()));
            Outbox::new(Deliveries::off()).by(Express { outbox, direct: socket.clone(), flusher })
        });
        let (source, sink) = open(socket, Bytes::new(), outbox.clone());
        (client, source, sink, outbox)
    }

    #[tokio::test]
    async fn nothing_of_a_room_follows_the_answer_to_a_close() {
        let (mut client, mut source, _sink, outbox) = connected().await;
        client.write_all(b"\x88\x80....").await.unwrap();
        assert_eq!(source.next().await, None);
        let room = Room::Project(ProjectId::fresh());
        assert_eq!(outbox.event(room, Mark::default(), "late".into()), Put::Waits);
        outbox.flush();
        // As whoever ends the connection does before its own task writes again.
        outbox.purge(room);
        let last = outbox.next().await;
        assert!(last.is_last);
        assert_eq!(last.outs[..], [Out::Reply(Bytes::from_static(b"\x88\x00"))]);
    }

    #[tokio::test]
    async fn what_a_full_socket_did_not_take_from_a_flusher_goes_on_where_it_stopped() {
        let (mut client, _source, mut sink, outbox) = connected().await;
        let room = Room::Project(ProjectId::fresh());
        let text = "x".repeat(10_000);
        let mut puts = 0;
        let rest = loop {
            assert_eq!(outbox.event(room, Mark::default(), text.as_str().into()), Put::Waits);
            puts += 1;
            outbox.flush();
            // Only what was left is its own task's.
            if let Some(rest) = futures_util::FutureExt::now_or_never(outbox.next()) {
                break rest;
            }
        };
        assert!(rest.outs.is_empty() && rest.is_owed);
        let moved = Moved::default();
        let reading = async {
            let mut all = vec![0; puts * (text.len() + 4)];
            client.read_exact(&mut all).await.unwrap();
            all
        };
        let (written, all) = tokio::join!(sink.write(rest, &moved), reading);
        assert!(written.is_ok() && moved.take());
        for frame in all.chunks(text.len() + 4) {
            assert_eq!((&frame[..2], &frame[4..]), (&b"\x81\x7e"[..], text.as_bytes()));
        }
    }

    #[tokio::test]
    async fn a_flusher_that_cannot_write_leaves_it_to_the_own_task_to_find_out() {
        let (client, _source, mut sink, outbox) = connected().await;
        client.set_zero_linger().unwrap();
        drop(client);
        let room = Room::Project(ProjectId::fresh());
        let rest = loop {
            assert_eq!(outbox.event(room, Mark::default(), "event".into()), Put::Waits);
            outbox.flush();
            if let Some(rest) = futures_util::FutureExt::now_or_never(outbox.next()) {
                break rest;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(sink.write(rest, &Moved::default()).await, Err(Gone));
    }
}
