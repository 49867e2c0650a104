//! A socket that sends any bytes, and what comes of them.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};
use watchbell_protocol::SUBPROTOCOL;

use super::cases::{CLOSE, Frame, PING, PONG, TEXT};

/// Nothing here takes longer.
const SOON: Duration = Duration::from_secs(10);
/// Sent behind everything: its pong says that the connection is still good.
const LAST: &[u8] = b"still there?";

/// Where to connect to.
pub struct Place<'a> {
    pub address: SocketAddr,
    pub path: &'a str,
    pub token: &'a str,
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Texts that were answered.
    pub answers: usize,
    /// Pongs, but for the last.
    pub pongs: Vec<Vec<u8>>,
    pub end: End,
}

/// How the connection is afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Open,
    /// With this code, or without one.
    Closed(Option<u16>),
    /// Without a close frame.
    Dropped,
}

impl Place<'_> {
    /// Connects, sends the bytes, and sees what comes of them.
    pub async fn outcome(&self, bytes: &[u8]) -> Outcome {
        timeout(SOON, self.exchange(bytes)).await.unwrap_or_else(|_| panic!("{} says nothing", self.address))
    }

    /// Sends a ping and waits for its pong.
    pub async fn ping(&self, payload: &[u8]) {
        let pong = timeout(SOON, async {
            let mut stream = self.connect().await;
            stream.write_all(&Frame::new(PING, payload).bytes()).await.unwrap();
            receive(&mut stream).await.expect("answers")
        });
        let pong = pong.await.expect("a pong in time");
        assert_eq!((pong.opcode, pong.payload.as_slice()), (PONG, payload));
    }

    /// A connection that was greeted.
    async fn connect(&self) -> BufReader<TcpStream> {
        let mut stream = BufReader::new(TcpStream::connect(self.address).await.unwrap());
        self.shake_hands(&mut stream).await;
        assert_eq!(receive(&mut stream).await.expect("greets").opcode, TEXT);
        stream
    }

    async fn exchange(&self, bytes: &[u8]) -> Outcome {
        let mut stream = self.connect().await;
        let last = Frame::new(PING, LAST).bytes();
        // The other side may have closed in the middle of it.
        let _ = stream.write_all(&[bytes, last.as_slice()].concat()).await;
        let mut outcome = Outcome { answers: 0, pongs: Vec::new(), end: End::Dropped };
        while let Some(frame) = receive(&mut stream).await {
            match frame.opcode {
                TEXT => outcome.answers += 1,
                PONG if frame.payload == LAST => {
                    outcome.end = End::Open;
                    return outcome;
                }
                PONG => outcome.pongs.push(frame.payload),
                CLOSE => {
                    let code = frame.payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    outcome.end = End::Closed(code);
                    return outcome;
                }
                other => panic!("a frame with opcode {other}"),
            }
        }
        outcome
    }

    async fn shake_hands(&self, stream: &mut BufReader<TcpStream>) {
        let Self { address, path, token } = self;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        // Of the key above, by RFC 6455, section 1.3.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    }
}

struct Received {
    opcode: u8,
    payload: Vec<u8>,
}

/// The next frame; `None` at the end of the stream. Servers must neither mask nor (without an extension) set reserved
/// bits, and neither of these two has reason to fragment.
async fn receive(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let first = stream.read_u8().await.ok()?;
    let second = stream.read_u8().await.ok()?;
    assert_eq!((first & 0xf0, second & 0x80), (0x80, 0), "final, no reserved bits, not masked");
    let length = match second {
        126 => u64::from(stream.read_u16().await.ok()?),
        127 => stream.read_u64().await.ok()?,
        short => u64::from(short),
    };
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).await.ok()?;
    Some(Received { opcode: first & 0x0f, payload })
}
