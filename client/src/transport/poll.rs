//! Long-poll: one request waits for frames, another brings ours. Both are numbered, so that one whose answer was lost is
//! made again and nothing is lost or doubled. For where no WebSocket gets through.

use std::time::Duration;

use reqwest::{StatusCode, header};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};
use url::Url;
use watchbell_protocol::{
    CloseCode,
    http::{CONNECTION, Poll, Polled, SendFrames},
    limits,
};

use super::{INBOUND, Inbound, Link, OUTBOUND, Outbound, Refused, parsed, sentence};
use crate::{
    address,
    http::{self, ANSWER_BYTES},
    session::OpenFailure,
};

/// A request is made again after each of these; after the last the connection is given up.
const AGAIN: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(2)];
/// An answer that is later than this will not come.
const LATE: Duration = Duration::from_secs(15);
/// Frames are gathered into one send up to about this.
const SEND_BYTES: usize = 256 * 1024;
/// No answer with frames is larger.
const FRAMES_BYTES: usize = 4 * limits::FRAME_BYTES;

/// Why a request has no answer.
enum Trouble {
    /// Making it again may help.
    Passing(String),
    /// The server asks for a pause.
    Busy(Duration, String),
    /// The connection is over, with a code when it is known.
    Over(Option<CloseCode>, String),
    /// There is no connection from this attempt.
    Refused(OpenFailure),
}

/// Makes the requests of one connection.
#[derive(Clone)]
struct Caller {
    http: reqwest::Client,
    server: Url,
    bearer: watch::Receiver<String>,
    connection: Option<String>,
}

/// Opens a connection. Time limits are the caller's.
pub(super) async fn open(server: &Url, bearer: &str) -> Result<Link, OpenFailure> {
    let builder = http::builder(server).map_err(|error| OpenFailure::Network(error.to_string()))?;
    let http = builder.build().map_err(|error| OpenFailure::Network(http::innermost(&error)))?;
    let (bearer, watched) = watch::channel(bearer.to_owned());
    let mut caller = Caller { http, server: server.clone(), bearer: watched, connection: None };
    let first = caller.poll(0).await.map_err(|trouble| match trouble {
        Trouble::Refused(failure) => failure,
        Trouble::Busy(pause, reason) => OpenFailure::Busy(pause, reason),
        Trouble::Passing(reason) | Trouble::Over(_, reason) => OpenFailure::Network(reason),
    })?;
    if first.connection.is_none() {
        return Err(OpenFailure::Blocked(format!("{} opens no connection by long-poll", http::host(server))));
    }
    caller.connection.clone_from(&first.connection);
    let (heard, inbound) = mpsc::channel(INBOUND);
    let (outbound, orders) = mpsc::channel(OUTBOUND);
    let reader = tokio::spawn(read(caller.clone(), first, heard.clone())).abort_handle();
    let writer = tokio::spawn(write(caller, orders, heard));
    Ok(Link { first: None, inbound, outbound, bearer, reader, writer: Some(writer) })
}

async fn read(caller: Caller, first: Polled, driver: mpsc::Sender<Inbound>) {
    let (mut polled, mut ack) = (first, 0);
    loop {
        let Polled { n, frames, close, .. } = polled;
        if frames.is_empty() && driver.send(Inbound::Alive).await.is_err() {
            return;
        }
        for frame in frames {
            if driver.send(parsed(frame.get())).await.is_err() {
                return;
            }
        }
        if let Some(close) = close {
            let _ = driver.send(Inbound::Closed(Some(close.code), sentence(Some(close.code), close.reason))).await;
            return;
        }
        ack = n.max(ack);
        polled = match caller.next(ack).await {
            Ok(next) => next,
            Err(end) => {
                let _ = driver.send(end).await;
                return;
            }
        };
    }
}

async fn write(caller: Caller, mut orders: mpsc::Receiver<Outbound>, driver: mpsc::Sender<Inbound>) {
    let (mut n, mut held_over) = (0, None);
    loop {
        let next = match held_over.take() {
            Some(next) => Some(next),
            None => orders.recv().await,
        };
        let Some(next) = next else { return };
        let gathered = Gathered::from(next, &mut orders, &mut held_over);
        n += 1;
        let send = SendFrames { n, frames: gathered.frames, close: gathered.close };
        if let Err(end) = caller.bring(&send).await {
            let _ = driver.send(end).await;
            return;
        }
        for ping in gathered.pings {
            if driver.send(Inbound::Pong(ping)).await.is_err() {
                return;
            }
        }
        if send.close {
            return;
        }
    }
}

/// What goes into one send.
#[derive(Default)]
struct Gathered {
    frames: Vec<Box<RawValue>>,
    bytes: usize,
    pings: Vec<[u8; 8]>,
    close: bool,
}

impl Gathered {
    /// Takes `next`, and what waits behind it as far as it fits; what does not is held over.
    fn from(next: Outbound, orders: &mut mpsc::Receiver<Outbound>, held_over: &mut Option<Outbound>) -> Self {
        let mut gathered = Self::default();
        let mut next = Some(next);
        while let Some(outbound) = next {
            match outbound {
                Outbound::Frame(text) if !gathered.frames.is_empty() && gathered.bytes + text.len() > SEND_BYTES => {
                    *held_over = Some(Outbound::Frame(text));
                    break;
                }
                Outbound::Frame(text) => gathered.add(text),
                Outbound::Ping(payload) => gathered.pings.push(payload),
                Outbound::Close(_) => {
                    gathered.close = true;
                    break;
                }
            }
            next = orders.try_recv().ok();
        }
        gathered
    }

    fn add(&mut self, text: String) {
        self.bytes += text.len();
        match RawValue::from_string(text) {
            Ok(frame) => self.frames.push(frame),
            Err(error) => tracing::error!(%error, "a frame that is not JSON is not sent"),
        }
    }
}

/// The patience with one request: it is made again a few times, then the connection is at its end.
struct Patience(std::array::IntoIter<Duration, { AGAIN.len() }>);

impl Patience {
    fn new() -> Self {
        Self(AGAIN.into_iter())
    }

    /// Waits until the request may be made again, or says how the connection ended.
    async fn wait(&mut self, trouble: Trouble) -> Result<(), Inbound> {
        let (asked, reason) = match trouble {
            Trouble::Passing(reason) => (Duration::ZERO, reason),
            Trouble::Busy(pause, reason) => (pause, reason),
            Trouble::Over(code, reason) => return Err(Inbound::Closed(code.map(CloseCode::number), reason)),
            Trouble::Refused(failure) => return Err(Inbound::Closed(None, failure.reason())),
        };
        let Some(pause) = self.0.next() else {
            return Err(Inbound::Closed(None, format!("the connection was lost: {reason}")));
        };
        tracing::debug!(reason, "a request of the connection is made again");
        sleep(pause.max(asked)).await;
        Ok(())
    }
}

impl Caller {
    /// The answer after `ack`, or how the connection ended.
    async fn next(&self, ack: u64) -> Result<Polled, Inbound> {
        let mut patience = Patience::new();
        loop {
            match self.poll(ack).await {
                Ok(next) if next.n == ack + 1 || (next.n == ack && next.frames.is_empty()) => return Ok(next),
                Ok(next) => {
                    return Err(Inbound::Closed(None, format!("answer {} came after answer {ack}", next.n)));
                }
                Err(trouble) => patience.wait(trouble).await?,
            }
        }
    }

    /// Brings frames to the server, once; or says how the connection ended.
    async fn bring(&self, send: &SendFrames) -> Result<(), Inbound> {
        let mut patience = Patience::new();
        loop {
            match self.send(send).await {
                Ok(()) => return Ok(()),
                Err(trouble) => patience.wait(trouble).await?,
            }
        }
    }

    async fn poll(&self, ack: u64) -> Result<Polled, Trouble> {
        let body = self.call("v1/poll", &Poll { ack }, limits::POLL_HOLD + LATE).await?;
        serde_json::from_slice(&body).map_err(|_| Trouble::Passing("the answer is not the expected JSON".to_owned()))
    }

    async fn send(&self, send: &SendFrames) -> Result<(), Trouble> {
        // The server may keep a send waiting while it has enough to do with the one before.
        self.call("v1/send", send, 2 * LATE).await.map(drop)
    }

    async fn call(&self, path: &str, body: &impl Serialize, within: Duration) -> Result<Vec<u8>, Trouble> {
        let bearer = self.bearer.borrow().clone();
        let url = address::endpoint(&self.server, path);
        let mut request = self.http.post(url).bearer_auth(bearer).timeout(within).json(body);
        if let Some(connection) = &self.connection {
            request = request.header(CONNECTION, connection);
        }
        let passing = |error: &reqwest::Error| {
            let reason = if error.is_timeout() { "no answer in time".to_owned() } else { http::innermost(error) };
            Trouble::Passing(format!("{}: {reason}", http::host(&self.server)))
        };
        let mut response = request.send().await.map_err(|error| passing(&error))?;
        let (status, most) = match response.status() {
            status if status.is_success() => (status, FRAMES_BYTES),
            status => (status, ANSWER_BYTES),
        };
        let retry_after = response.headers().get(header::RETRY_AFTER).cloned();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| passing(&error))? {
            if body.len() + chunk.len() > most {
                return Err(Trouble::Over(None, format!("an answer beyond {most} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(body);
        }
        let retry_after = retry_after.as_ref().and_then(|value| value.to_str().ok());
        Err(self.trouble(status, Refused { status: status.as_u16(), retry_after, body: &body }.failure(&self.server)))
    }

    /// What a refusal means, on an open connection and before there is one.
    fn trouble(&self, status: StatusCode, failure: OpenFailure) -> Trouble {
        match failure {
            OpenFailure::Busy(pause, reason) => Trouble::Busy(pause, reason),
            _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Trouble::Passing(failure.reason())
            }
            failure if self.connection.is_some() => {
                let code = matches!(failure, OpenFailure::Unauthorized(_)).then_some(CloseCode::TokenExpired);
                Trouble::Over(code, failure.reason())
            }
            // A server, or a proxy, that has no such thing.
            OpenFailure::Network(reason) => Trouble::Refused(OpenFailure::Blocked(reason)),
            failure => Trouble::Refused(failure),
        }
    }
}

#[cfg(test)]
#[path = "poll_tests.rs"]
mod tests;
