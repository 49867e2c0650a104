//! How frames get to the server and back: over a WebSocket, or over long-poll. Knows bytes and TLS, knows nothing of
//! rooms.
//!
//! Either way two tasks move frames between the network and the driver. Reading and writing are apart, so that a peer
//! that reads nothing cannot keep us from hearing it. Both channels are bounded; the driver asks for room first.

mod poll;
pub(crate) mod tls;
mod websocket;

use std::time::Duration;

use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinHandle},
    time::timeout,
};
use url::Url;
use watchbell_protocol::{CloseCode, ServerFrame, http::ErrorBody};

use crate::{http, session::OpenFailure, view::Transport};

/// Frames read and not yet taken.
const INBOUND: usize = 8;
/// Frames to be written.
const OUTBOUND: usize = 256;
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What comes from the other side.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A frame.
    Frame(Box<ServerFrame>),
    /// A sign of life without content.
    Alive,
    /// The answer to the ping of this number.
    Pong([u8; 8]),
    /// The end, with the server's code if it gave one.
    Closed(Option<u16>, String),
}

/// What goes to the other side.
#[derive(Debug)]
enum Outbound {
    Frame(String),
    Ping([u8; 8]),
    Close(CloseCode),
}

/// No room in the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// An open connection. Dropping it ends both tasks.
#[derive(Debug)]
pub(crate) struct Link {
    /// What was heard while it was being opened.
    first: Option<Inbound>,
    inbound: mpsc::Receiver<Inbound>,
    outbound: mpsc::Sender<Outbound>,
    bearer: watch::Sender<String>,
    reader: AbortHandle,
    writer: Option<JoinHandle<()>>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
        if let Some(writer) = &self.writer {
            writer.abort();
        }
    }
}

/// Opens a connection. Of `patience` a WebSocket gets one half, and finding out why it does not come the other.
pub(crate) async fn open(via: Transport, server: &Url, bearer: &str, patience: Duration) -> Result<Link, OpenFailure> {
    tls::prepare();
    match via {
        Transport::WebSocket => {
            let opened = timeout(patience / 2, open_and_hear(server, bearer)).await;
            let reason = match opened {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(OpenFailure::Network(reason))) => reason,
                Ok(Err(failure)) => return Err(failure),
                Err(_) => format!("{} did not answer in time", http::host(server)),
            };
            // Whether the server is there at all decides what to try next.
            let is_there = matches!(timeout(patience / 2, http::server_info(server)).await, Ok(Ok(_)));
            Err(if is_there { OpenFailure::Blocked(reason) } else { OpenFailure::Network(reason) })
        }
        Transport::LongPoll => poll::open(server, bearer).await,
    }
}

/// Opens a WebSocket on which the server speaks: there are proxies that let the handshake through and nothing else.
async fn open_and_hear(server: &Url, bearer: &str) -> Result<Link, OpenFailure> {
    let mut link = websocket::open(server, bearer).await?;
    match link.next().await {
        Inbound::Closed(None, reason) => Err(OpenFailure::Network(reason)),
        first => {
            link.first = Some(first);
            Ok(link)
        }
    }
}

impl Link {
    /// The next thing from the other side; `Closed` is the last.
    pub(crate) async fn next(&mut self) -> Inbound {
        if let Some(first) = self.first.take() {
            return first;
        }
        self.inbound.recv().await.unwrap_or_else(|| Inbound::Closed(None, "the connection was lost".to_owned()))
    }

    /// Sends a frame, if there is room.
    pub(crate) fn send(&self, text: String) -> Result<(), Full> {
        self.outbound.try_send(Outbound::Frame(text)).map_err(|_| Full)
    }

    /// How many frames there is room for.
    pub(crate) fn room(&self) -> usize {
        self.outbound.capacity()
    }

    /// Sends a ping. One that finds no room is not missed: the silence is watched anyway.
    pub(crate) fn ping(&self, payload: [u8; 8]) {
        let _ = self.outbound.try_send(Outbound::Ping(payload));
    }

    /// There is a fresh access token, for requests yet to be made.
    pub(crate) fn renewed(&self, bearer: &str) {
        self.bearer.send_replace(bearer.to_owned());
    }

    /// Says goodbye, behind what was already handed over, and waits for it to be written; not for long.
    pub(crate) async fn close(mut self, code: CloseCode) {
        let Some(mut writer) = self.writer.take() else { return };
        let farewell = async {
            // An error means that the connection is gone: nobody is left to say goodbye to.
            let _ = self.outbound.send(Outbound::Close(code)).await;
            let _ = (&mut writer).await;
        };
        if timeout(FAREWELL, farewell).await.is_err() {
            writer.abort();
        }
    }
}

/// A frame as text; one that cannot be read is a sign of life all the same.
fn parsed(text: &str) -> Inbound {
    match ServerFrame::parse(text) {
        Ok(frame) => Inbound::Frame(Box::new(frame)),
        Err(error) => {
            tracing::warn!(code = ?error.code, field = error.field, "a frame that cannot be read: skipped");
            Inbound::Alive
        }
    }
}

/// Why the server closed, for people.
fn sentence(code: Option<u16>, reason: String) -> String {
    if !reason.is_empty() {
        return reason;
    }
    let known = code.and_then(CloseCode::from_number).map(CloseCode::reason);
    known.unwrap_or("the server closed the connection").to_owned()
}

/// A refusal instead of a connection.
struct Refused<'a> {
    status: u16,
    /// `Retry-After`.
    retry_after: Option<&'a str>,
    body: &'a [u8],
}

impl Refused<'_> {
    /// What it means. Only our server refuses in its own words; what else has none may be anybody on the way.
    fn failure(&self, server: &Url) -> OpenFailure {
        let said = serde_json::from_slice::<ErrorBody>(self.body).ok().map(|body| body.error);
        let (host, status) = (http::host(server), self.status);
        match (status, said) {
            (401, said) => OpenFailure::Unauthorized(
                said.map_or_else(|| format!("{host} does not accept the sign-in"), |error| error.message),
            ),
            (403, Some(error)) => OpenFailure::Forbidden(error.message),
            (429 | 503, said) => {
                let asked = said.as_ref().and_then(|error| error.retry_after_ms);
                let asked = asked.map(|ms| Duration::from_millis(ms.into()));
                let header = || self.retry_after?.parse().ok().map(Duration::from_secs);
                let pause = asked.or_else(header).unwrap_or(Duration::ZERO);
                OpenFailure::Busy(
                    pause,
                    said.map_or_else(|| format!("{host} is busy ({status})"), |error| error.message),
                )
            }
            (_, Some(error)) => OpenFailure::Network(error.message),
            (_, None) => OpenFailure::Network(format!("{host}, or a proxy before it, answered with {status}")),
        }
    }
}
