//! The WebSocket: opening it, and two tasks that move frames between it and the driver.
//!
//! Reading and writing are apart, so that a peer that reads nothing cannot keep us from hearing it. Both channels are
//! bounded; the driver's outgoing ones are small, and it asks for room first.

use std::time::Duration;

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::{AbortHandle, JoinHandle},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        self, Bytes, ClientRequestBuilder, Message,
        error::ProtocolError,
        handshake::client::Response,
        http::{StatusCode, Uri, header},
        protocol::{CloseFrame, WebSocketConfig, frame::coding},
    },
};
use url::Url;
use watchbell_protocol::{CloseCode, SUBPROTOCOL, ServerFrame, http::ErrorBody, limits};

use super::tls;
use crate::{address, http, session::OpenFailure};

/// Frames read and not yet taken.
const INBOUND: usize = 8;
/// Frames to be written.
const OUTBOUND: usize = 256;
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What comes from the socket.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A frame.
    Frame(Box<ServerFrame>),
    /// A sign of life without content.
    Ping,
    /// The answer to our ping.
    Pong(Bytes),
    /// The end, with the server's code if it gave one.
    Closed(Option<u16>, String),
}

/// No room in the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// An open socket. Dropping it ends both tasks.
#[derive(Debug)]
pub(crate) struct Link {
    inbound: mpsc::Receiver<Inbound>,
    outbound: mpsc::Sender<Message>,
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

/// Opens the socket. Time limits are the caller's.
pub(crate) async fn open(server: &Url, bearer: &str) -> Result<Link, OpenFailure> {
    tls::prepare();
    let uri: Uri = address::websocket(server).as_str().parse().map_err(|_| network("the address is no URI"))?;
    let request = ClientRequestBuilder::new(uri)
        .with_header(header::AUTHORIZATION.as_str(), format!("Bearer {bearer}"))
        .with_header(header::USER_AGENT.as_str(), concat!("watchbell/", env!("CARGO_PKG_VERSION")))
        .with_sub_protocol(SUBPROTOCOL);
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(8 * 1024)
        .max_write_buffer_size(2 * limits::FRAME_BYTES)
        .max_message_size(Some(2 * limits::FRAME_BYTES))
        .max_frame_size(Some(2 * limits::FRAME_BYTES));
    // Small frames that somebody waits for: no Nagle.
    let (socket, _) =
        connect_async_with_config(request, Some(config), true).await.map_err(|error| failure(server, error))?;
    Ok(start(socket))
}

fn start(socket: Socket) -> Link {
    let (sink, stream) = socket.split();
    let (from_socket, inbound) = mpsc::channel(INBOUND);
    let (outbound, to_socket) = mpsc::channel(OUTBOUND);
    let reader = tokio::spawn(read(stream, from_socket)).abort_handle();
    let writer = tokio::spawn(write(sink, to_socket));
    Link { inbound, outbound, reader, writer: Some(writer) }
}

impl Link {
    /// The next thing from the socket; `Closed` is the last.
    pub(crate) async fn next(&mut self) -> Inbound {
        self.inbound.recv().await.unwrap_or_else(|| Inbound::Closed(None, "the connection was lost".to_owned()))
    }

    /// Sends a frame, if there is room.
    pub(crate) fn send(&self, text: String) -> Result<(), Full> {
        self.outbound.try_send(Message::text(text)).map_err(|_| Full)
    }

    /// How many frames there is room for.
    pub(crate) fn room(&self) -> usize {
        self.outbound.capacity()
    }

    /// Sends a ping. One that finds no room is not missed: the silence is watched anyway.
    pub(crate) fn ping(&self, payload: [u8; 8]) {
        let _ = self.outbound.try_send(Message::Ping(Bytes::copy_from_slice(&payload)));
    }

    /// Says goodbye, behind what was already handed over, and waits for it to be written; not for long.
    pub(crate) async fn close(mut self, code: CloseCode) {
        let frame = CloseFrame { code: coding::CloseCode::from(code.number()), reason: code.reason().into() };
        let Some(mut writer) = self.writer.take() else { return };
        let farewell = async {
            // An error means that the socket is gone: nobody is left to say goodbye to.
            let _ = self.outbound.send(Message::Close(Some(frame))).await;
            let _ = (&mut writer).await;
        };
        if timeout(FAREWELL, farewell).await.is_err() {
            writer.abort();
        }
    }
}

async fn read(mut stream: SplitStream<Socket>, driver: mpsc::Sender<Inbound>) {
    loop {
        let inbound = match stream.next().await {
            Some(Ok(Message::Text(text))) => match ServerFrame::parse(&text) {
                Ok(frame) => Inbound::Frame(Box::new(frame)),
                Err(error) => {
                    tracing::warn!(code = ?error.code, field = error.field, "a frame that cannot be read: skipped");
                    Inbound::Ping
                }
            },
            Some(Ok(Message::Ping(_) | Message::Binary(_) | Message::Frame(_))) => Inbound::Ping,
            Some(Ok(Message::Pong(payload))) => Inbound::Pong(payload),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = frame
                    .map_or((None, String::new()), |frame| (Some(u16::from(frame.code)), frame.reason.to_string()));
                Inbound::Closed(code, sentence(code, reason))
            }
            Some(Err(error)) => Inbound::Closed(None, lost(&error)),
            None => Inbound::Closed(None, "the connection was lost".to_owned()),
        };
        let last = matches!(inbound, Inbound::Closed(..));
        if driver.send(inbound).await.is_err() || last {
            return;
        }
    }
}

async fn write(mut sink: SplitSink<Socket, Message>, mut driver: mpsc::Receiver<Message>) {
    while let Some(message) = driver.recv().await {
        let mut last = matches!(message, Message::Close(_));
        let written = async {
            sink.feed(message).await?;
            while !last && let Ok(message) = driver.try_recv() {
                last = matches!(message, Message::Close(_));
                sink.feed(message).await?;
            }
            sink.flush().await
        };
        // What went wrong is heard by the reader.
        if written.await.is_err() || last {
            return;
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

fn lost(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            "the connection was lost".to_owned()
        }
        error => format!("the connection was lost: {}", http::innermost(error)),
    }
}

fn network(reason: impl Into<String>) -> OpenFailure {
    OpenFailure::Network(reason.into())
}

fn failure(server: &Url, error: tungstenite::Error) -> OpenFailure {
    match error {
        tungstenite::Error::Http(response) => refused(server, &response),
        tungstenite::Error::Io(error) => network(format!("{} cannot be reached: {error}", http::host(server))),
        error => network(format!("{}: {}", http::host(server), http::innermost(&error))),
    }
}

/// The server answered the upgrade with something else.
fn refused(server: &Url, response: &Response) -> OpenFailure {
    let body = response.body().as_deref().and_then(|body| serde_json::from_slice::<ErrorBody>(body).ok());
    let status = response.status();
    let host = http::host(server);
    let said = body.as_ref().map(|body| body.error.message.clone());
    match status {
        StatusCode::UNAUTHORIZED => {
            OpenFailure::Unauthorized(said.unwrap_or_else(|| format!("{host} does not accept the sign-in")))
        }
        StatusCode::FORBIDDEN => {
            OpenFailure::Forbidden(said.unwrap_or_else(|| format!("{host} refuses the connection")))
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let asked =
                body.as_ref().and_then(|body| body.error.retry_after_ms).map(|ms| Duration::from_millis(ms.into()));
            let header =
                response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let pause = asked.or(header.map(Duration::from_secs)).unwrap_or(Duration::ZERO);
            OpenFailure::Busy(pause, said.unwrap_or_else(|| format!("{host} is busy ({status})")))
        }
        status => network(said.unwrap_or_else(|| format!("{host} does not speak WebSocket here ({status})"))),
    }
}
