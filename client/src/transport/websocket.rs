//! The WebSocket. Large frames go packed, both ways, where the server takes that.

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
use watchbell_protocol::{
    CloseCode, SUBPROTOCOL, SUBPROTOCOL_ZSTD, limits,
    packed::{self, Unpackable},
};

use super::{INBOUND, Inbound, Link, OUTBOUND, Outbound, Refused, parsed, sentence};
use crate::{address, http, session::OpenFailure};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// No frame of a server is larger.
const FRAME_BYTES: usize = 2 * limits::FRAME_BYTES;

/// What was agreed on with the server about large frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Zstd,
}

/// Opens the socket. Time limits are the caller's.
pub(super) async fn open(server: &Url, bearer: &str) -> Result<Link, OpenFailure> {
    let uri: Uri = address::websocket(server).as_str().parse().map_err(|_| network("the address is no URI"))?;
    let request = ClientRequestBuilder::new(uri)
        .with_header(header::AUTHORIZATION.as_str(), format!("Bearer {bearer}"))
        .with_header(header::USER_AGENT.as_str(), concat!("watchbell/", env!("CARGO_PKG_VERSION")))
        .with_sub_protocol(SUBPROTOCOL_ZSTD)
        .with_sub_protocol(SUBPROTOCOL);
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(8 * 1024)
        .max_write_buffer_size(FRAME_BYTES)
        .max_message_size(Some(FRAME_BYTES))
        .max_frame_size(Some(FRAME_BYTES));
    // Small frames that somebody waits for: no Nagle.
    let (socket, answer) =
        connect_async_with_config(request, Some(config), true).await.map_err(|error| failure(server, error))?;
    let chosen = answer.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
    let packing = if chosen.is_some_and(|name| name == SUBPROTOCOL_ZSTD) { Packing::Zstd } else { Packing::None };
    Ok(start(socket, packing))
}

fn start(socket: Socket, packing: Packing) -> Link {
    let (sink, stream) = socket.split();
    let (from_socket, inbound) = mpsc::channel(INBOUND);
    let (outbound, to_socket) = mpsc::channel(OUTBOUND);
    let reader = tokio::spawn(read(stream, packing, from_socket)).abort_handle();
    let writer = tokio::spawn(write(sink, packing, to_socket));
    // The bearer was for the handshake.
    Link { first: None, inbound, outbound, bearer: watch::Sender::default(), reader, writer: Some(writer) }
}

async fn read(mut stream: SplitStream<Socket>, packing: Packing, driver: mpsc::Sender<Inbound>) {
    loop {
        let inbound = match stream.next().await {
            Some(Ok(Message::Text(text))) => parsed(&text),
            Some(Ok(Message::Binary(bytes))) => binary(&bytes, packing),
            Some(Ok(Message::Ping(_) | Message::Frame(_))) => Inbound::Alive,
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

async fn write(mut sink: SplitSink<Socket, Message>, packing: Packing, mut driver: mpsc::Receiver<Outbound>) {
    while let Some(outbound) = driver.recv().await {
        let mut last = matches!(outbound, Outbound::Close(_));
        let written = async {
            sink.feed(message(outbound, packing)).await?;
            while !last && let Ok(outbound) = driver.try_recv() {
                last = matches!(outbound, Outbound::Close(_));
                sink.feed(message(outbound, packing)).await?;
            }
            sink.flush().await
        };
        // What went wrong is heard by the reader.
        if written.await.is_err() || last {
            return;
        }
    }
}

/// A packed frame. One that is larger than a frame may be ends the connection: there is no going on without it.
fn binary(bytes: &[u8], packing: Packing) -> Inbound {
    if packing == Packing::None {
        return Inbound::Alive;
    }
    let code = match packed::unpack(bytes, FRAME_BYTES) {
        Ok(text) => return parsed(&text),
        Err(Unpackable::TooLarge) => CloseCode::TooLarge,
        Err(Unpackable::Malformed) => CloseCode::Protocol,
    };
    Inbound::Closed(Some(code.number()), code.reason().to_owned())
}

fn message(outbound: Outbound, packing: Packing) -> Message {
    match outbound {
        Outbound::Frame(text) => match packing {
            Packing::None => Message::text(text),
            Packing::Zstd => packed::pack(&text).map_or_else(|| Message::text(text), Message::binary),
        },
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

#[cfg(test)]
mod tests {
    use watchbell_protocol::{ServerFrame, WireError};

    use super::*;

    fn frame(length: usize) -> String {
        let error = WireError::new(watchbell_protocol::ErrorCode::Internal, "x".repeat(length));
        ServerFrame::Error(error).to_text()
    }

    #[test]
    fn a_packed_frame_is_taken_where_that_was_agreed_on() {
        let packed = packed::pack(&frame(5000)).unwrap();
        assert!(matches!(binary(&packed, Packing::Zstd), Inbound::Frame(_)));
        assert!(matches!(binary(&packed, Packing::None), Inbound::Alive));
    }

    #[test]
    fn a_bomb_and_what_is_not_packed_end_the_connection() {
        let closed = |bytes: &[u8]| match binary(bytes, Packing::Zstd) {
            Inbound::Closed(code, _) => code.and_then(CloseCode::from_number),
            inbound => panic!("{inbound:?}"),
        };
        assert_eq!(closed(&packed::pack(&frame(FRAME_BYTES)).unwrap()), Some(CloseCode::TooLarge));
        assert_eq!(closed(b"nonsense"), Some(CloseCode::Protocol));
    }

    #[test]
    fn a_large_frame_goes_packed_where_that_was_agreed_on_and_a_small_one_as_text() {
        let sent = |length, packing| message(Outbound::Frame(frame(length)), packing);
        assert!(sent(5000, Packing::Zstd).is_binary());
        assert!(sent(5, Packing::Zstd).is_text());
        assert!(sent(5000, Packing::None).is_text());
    }
}
