//! The WebSocket.

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        self, Bytes, ClientRequestBuilder, Message,
        error::ProtocolError,
        http::{Uri, header},
        protocol::{CloseFrame, WebSocketConfig, frame::coding},
    },
};
use url::Url;
use watchbell_protocol::{SUBPROTOCOL, limits};

use super::{INBOUND, Inbound, Link, OUTBOUND, Outbound, Refused, parsed, sentence};
use crate::{address, http, session::OpenFailure};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens the socket. Time limits are the caller's.
pub(super) async fn open(server: &Url, bearer: &str) -> Result<Link, OpenFailure> {
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
    // The bearer was for the handshake.
    Link { first: None, inbound, outbound, bearer: watch::Sender::default(), reader, writer: Some(writer) }
}

async fn read(mut stream: SplitStream<Socket>, driver: mpsc::Sender<Inbound>) {
    loop {
        let inbound = match stream.next().await {
            Some(Ok(Message::Text(text))) => parsed(&text),
            Some(Ok(Message::Ping(_) | Message::Binary(_) | Message::Frame(_))) => Inbound::Alive,
            Some(Ok(Message::Pong(payload))) => {
                <[u8; 8]>::try_from(payload.as_ref()).map_or(Inbound::Alive, Inbound::Pong)
            }
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

async fn write(mut sink: SplitSink<Socket, Message>, mut driver: mpsc::Receiver<Outbound>) {
    while let Some(outbound) = driver.recv().await {
        let mut last = matches!(outbound, Outbound::Close(_));
        let written = async {
            sink.feed(message(outbound)).await?;
            while !last && let Ok(outbound) = driver.try_recv() {
                last = matches!(outbound, Outbound::Close(_));
                sink.feed(message(outbound)).await?;
            }
            sink.flush().await
        };
        // What went wrong is heard by the reader.
        if written.await.is_err() || last {
            return;
        }
    }
}

fn message(outbound: Outbound) -> Message {
    match outbound {
        Outbound::Frame(text) => Message::text(text),
        Outbound::Ping(payload) => Message::Ping(Bytes::copy_from_slice(&payload)),
        Outbound::Close(code) => {
            let (number, reason) = (coding::CloseCode::from(code.number()), code.reason().into());
            Message::Close(Some(CloseFrame { code: number, reason }))
        }
    }
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
        // The server, or somebody before it, answered the upgrade with something else.
        tungstenite::Error::Http(response) => {
            let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let body = response.body().as_deref().unwrap_or_default();
            Refused { status: response.status().as_u16(), retry_after, body }.failure(server)
        }
        tungstenite::Error::Io(error) => network(format!("{} cannot be reached: {error}", http::host(server))),
        error => network(format!("{}: {}", http::host(server), http::innermost(&error))),
    }
}
