//! One connection of the load generator: a socket, what of a frame has come so far, and nothing else.
//!
//! Everything is read into one buffer that all connections share, for there is one thread. Pings are answered here.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf},
    net::{
        TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use watchbell_protocol::Position;

use crate::{
    clock,
    peer::{Seat, Server, Step},
    wire::{self, Kind},
};

/// The shared buffer: more than the largest frame any server sends here.
const SCRATCH: usize = 256 * 1024;
/// How long one answer may take before something is wrong.
const PATIENCE: Duration = Duration::from_mins(1);
/// The heartbeat of `engine.io`, under Socket.IO: a text of its own instead of a ping.
const ENGINE_PING: &[u8] = b"2";
/// Its answer.
const ENGINE_PONG: &str = "3";

/// What a narrow connection's system keeps for it at most, about …
const NARROW_BUFFER: u32 = 4096;
/// … and the largest part in which it wants to be sent anything: an Ethernet's, where loopback has 64 KiB. The other
/// side's system keeps a multiple of that.
const NARROW_SEGMENT: u32 = 1448;

thread_local! {
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// A connection.
pub struct Connection {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    /// The beginning of a frame that has not come whole.
    carry: Vec<u8>,
    /// Bytes that its socket got and sent since this was last taken.
    traffic: u64,
}

/// What a connection heard while it joined.
#[derive(Debug, Default)]
pub struct Joined {
    /// Where it is in its own room and in the project, as Watchbell says it.
    pub positions: [Option<Position>; 2],
    /// Entries of the feed that it was given from the journal.
    pub replayed: usize,
    /// From before the TCP connect until the answer to the last join.
    pub took: Duration,
}

impl Connection {
    /// Connects and joins, from these positions if there are any.
    pub async fn open(server: &Server, seat: Seat, since: [Option<Position>; 2]) -> Result<(Self, Joined)> {
        let (began, mut joined) = (Instant::now(), Joined::default());
        let mut connection = Self::upgrade(server, seat).await?;
        for step in server.joining(seat, since)? {
            connection.say(&step, |text| joined.hear(text)).await?;
        }
        joined.took = began.elapsed();
        Ok((connection, joined))
    }

    /// The same for the first time, with little room between the two ends: one that does not read is noticed soon.
    pub async fn open_narrow(server: &Server, seat: Seat) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(NARROW_BUFFER)?;
        setsockopt(&socket, sockopt::TcpMaxSeg, &NARROW_SEGMENT)?;
        let mut connection = Self::over(socket.connect(server.address()).await?, server, seat).await?;
        for step in server.joining(seat, [None; 2])? {
            connection.say(&step, |_| {}).await?;
        }
        Ok(connection)
    }

    /// Connects and joins nothing.
    pub async fn upgrade(server: &Server, seat: Seat) -> Result<Self> {
        Self::over(TcpStream::connect(server.address()).await.context("cannot connect")?, server, seat).await
    }

    async fn over(stream: TcpStream, server: &Server, seat: Seat) -> Result<Self> {
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let mut connection = Self { read, write, carry: Vec::new(), traffic: 0 };
        connection.send(&server.handshake(seat)?).await?;
        timeout(PATIENCE, connection.accepted()).await.context("the handshake was not answered")??;
        Ok(connection)
    }

    async fn accepted(&mut self) -> Result<()> {
        loop {
            self.read.readable().await?;
            match self.read.try_read_buf(&mut self.carry) {
                Ok(0) => bail!("the connection was closed in the handshake"),
                Ok(length) => self.traffic += length as u64,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            if let Some(end) = wire::accepted(&self.carry)? {
                self.carry = self.carry.split_off(end);
                return Ok(());
            }
        }
    }

    /// Sends something and waits for its answers; `heard` gets all texts that come meanwhile.
    pub async fn say(&mut self, step: &Step, mut heard: impl FnMut(&[u8])) -> Result<()> {
        self.send(&step.send).await?;
        let (mut answers, mut refusal) = (0, None);
        while answers < step.times {
            let turn = self.turn(|text, _| {
                heard(text);
                if text.starts_with(step.answer) {
                    answers += 1;
                    if memchr::memmem::find(text, b"\"error\":").is_some() {
                        refusal = Some(String::from_utf8_lossy(text).into_owned());
                    }
                }
            });
            timeout(PATIENCE, turn).await.context("no answer came")??;
            if let Some(refusal) = refusal.take() {
                bail!("refused: {refusal}");
            }
        }
        Ok(())
    }

    /// Sends frames.
    pub async fn send(&mut self, frames: &[u8]) -> Result<()> {
        self.write.write_all(frames).await?;
        self.traffic += frames.len() as u64;
        Ok(())
    }

    /// Says that it is there, which nobody has asked for.
    pub async fn pong(&mut self) -> Result<()> {
        let mut pong = Vec::new();
        wire::put(&mut pong, Kind::Pong, &[]);
        self.send(&pong).await
    }

    /// Bytes that its socket got and sent since this was last asked.
    pub fn take_traffic(&mut self) -> u64 {
        std::mem::take(&mut self.traffic)
    }

    /// Says goodbye and goes.
    pub async fn bye(mut self) -> Result<()> {
        let mut close = Vec::new();
        wire::put(&mut close, Kind::Close, &1000_u16.to_be_bytes());
        self.send(&close).await
    }

    /// Goes without a word: the other side gets a reset.
    pub fn vanish(self) -> Result<()> {
        Ok(self.read.as_ref().set_zero_linger()?)
    }

    /// Waits until something comes and takes it: `heard` gets every text and when it came.
    pub async fn turn(&mut self, mut heard: impl FnMut(&[u8], u64)) -> Result<()> {
        let mut replies = Vec::new();
        if !self.take_carried(&mut heard, &mut replies)? {
            let mut turn = |cx: &mut Context<'_>, scratch: &mut [u8]| {
                let end = ready!(self.fill(cx, scratch))?;
                Poll::Ready(self.take(&scratch[..end], &mut heard, &mut replies))
            };
            poll_fn(|cx| SHARED.with_borrow_mut(|scratch| turn(cx, scratch))).await?;
        }
        if !replies.is_empty() {
            self.send(&replies).await?;
        }
        Ok(())
    }

    /// Frames that came behind the answer to the handshake; `false` if there is none.
    fn take_carried(&mut self, heard: &mut impl FnMut(&[u8], u64), replies: &mut Vec<u8>) -> Result<bool> {
        if self.carry.is_empty() {
            return Ok(false);
        }
        let carried = std::mem::take(&mut self.carry);
        let taken = frames(&carried, heard, replies)?;
        self.carry = carried[taken..].to_vec();
        Ok(taken > 0)
    }

    /// Puts what has come behind what of a frame was there; gives where it ends. One system call: a buffer that is not
    /// filled says that nothing more is there.
    fn fill(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<Result<usize>> {
        let (begun, length) = (self.carry.len(), scratch.len());
        let Some((before, behind)) = scratch.split_at_mut_checked(begun).filter(|(_, behind)| !behind.is_empty())
        else {
            return Poll::Ready(Err(anyhow!("a frame larger than {length} bytes")));
        };
        let mut behind = ReadBuf::new(behind);
        ready!(Pin::new(&mut self.read).poll_read(cx, &mut behind))?;
        before.copy_from_slice(&self.carry);
        Poll::Ready(match behind.filled().len() {
            0 => Err(anyhow!("the server closed the connection")),
            length => Ok(begun + length),
        })
    }

    fn take(&mut self, bytes: &[u8], heard: &mut impl FnMut(&[u8], u64), replies: &mut Vec<u8>) -> Result<()> {
        self.traffic += (bytes.len() - self.carry.len()) as u64;
        let taken = frames(bytes, heard, replies)?;
        // Most of the time nothing is left, and a connection that waits holds no memory.
        if taken == bytes.len() {
            self.carry = Vec::new();
        } else {
            self.carry.clear();
            self.carry.extend(&bytes[taken..]);
        }
        Ok(())
    }
}

/// Takes all whole frames; gives their length.
fn frames(bytes: &[u8], heard: &mut impl FnMut(&[u8], u64), replies: &mut Vec<u8>) -> Result<usize> {
    let (now, mut taken) = (clock::now(), 0);
    while let Some((frame, length)) = wire::next(&bytes[taken..])? {
        match frame.kind {
            Kind::Text if frame.payload == ENGINE_PING => wire::put(replies, Kind::Text, ENGINE_PONG.as_bytes()),
            Kind::Text => heard(frame.payload, now),
            Kind::Ping => wire::put(replies, Kind::Pong, frame.payload),
            Kind::Close => {
                let reason = String::from_utf8_lossy(frame.payload.get(2..).unwrap_or_default()).into_owned();
                let code = frame.payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]));
                bail!("the server closed the connection: {code:?} {reason}");
            }
            Kind::Binary | Kind::Pong => {}
        }
        taken += length;
    }
    Ok(taken)
}

impl Joined {
    fn hear(&mut self, text: &[u8]) {
        const CAUGHT_UP: &[u8] = b"\"caught_up\":";
        self.replayed += memchr::memmem::find_iter(text, Server::marks().1).count();
        // It stands behind the room, near the beginning.
        let near = text.get(..128).unwrap_or(text);
        if let Some(at) = memchr::memmem::find(near, CAUGHT_UP) {
            let position = text[at + CAUGHT_UP.len()..].strip_suffix(b"}").unwrap_or_default();
            let room = usize::from(!text.starts_with(b"{\"room\":\"user:"));
            self.positions[room] = serde_json::from_slice(position).ok();
        }
    }
}
