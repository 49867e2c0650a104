//! The least that a broadcast server can be in Rust: `tokio-tungstenite`, rooms, one reader and one writer task per
//! connection. It is what Watchbell's delivery is measured against.
//!
//! Deliberately absent: who may do what, anything that is kept, and bounds worth their name. A text `join ROOM` joins and
//! is answered with `joined`; `publish ROOM PAYLOAD` sends the payload to everybody who joined.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
};
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config,
    tungstenite::{Message, Utf8Bytes, protocol::WebSocketConfig},
};

/// What may wait for a receiver. One that is slower loses messages, and the measurement counts them.
const QUEUE: usize = 4096;
/// The buffer that each connection reads into.
const READ_BUFFER: usize = 4 * 1024;
/// How many may wait to be accepted.
const BACKLOG: u32 = 4096;

/// Who receives in each room.
type Rooms = Mutex<HashMap<String, Vec<mpsc::Sender<Message>>>>;

/// Serves on loopback until it is killed; prints its address.
pub async fn serve(port: u16) -> Result<()> {
    let listener = listen(port)?;
    println!("listening on http://{}", listener.local_addr()?);
    let rooms = Arc::new(Rooms::default());
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let rooms = rooms.clone();
        tokio::spawn(async move {
            // A client that goes away is no news.
            let _ = connection(socket, &rooms).await;
        });
    }
}

fn listen(port: u16) -> Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    Ok(socket.listen(BACKLOG)?)
}

async fn connection(socket: TcpStream, rooms: &Rooms) -> Result<()> {
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let (sink, mut source) = accept_async_with_config(socket, Some(config)).await?.split();
    let (sender, queue) = mpsc::channel(QUEUE);
    let writing = tokio::spawn(write(sink, queue));
    while let Some(Ok(message)) = source.next().await {
        let Message::Text(text) = message else { continue };
        match text.split_once(' ') {
            Some(("join", room)) => {
                let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
                rooms.entry(room.to_owned()).or_default().push(sender.clone());
                let _ = sender.try_send(Message::text("joined"));
            }
            Some(("publish", rest)) => {
                if let Some((room, payload)) = rest.split_once(' ') {
                    publish(rooms, room, payload)?;
                }
            }
            _ => {}
        }
    }
    writing.abort();
    Ok(())
}

/// One copy for all, whatever came with it in the read buffer.
fn publish(rooms: &Rooms, room: &str, payload: &str) -> Result<()> {
    let message = Message::Text(Utf8Bytes::try_from(Bytes::copy_from_slice(payload.as_bytes()))?);
    let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(receivers) = rooms.get_mut(room) {
        receivers.retain(|receiver| {
            !matches!(receiver.try_send(message.clone()), Err(mpsc::error::TrySendError::Closed(_)))
        });
    }
    Ok(())
}

/// Writes everything that waits, then flushes once.
async fn write(mut sink: SplitSink<WebSocketStream<TcpStream>, Message>, mut queue: mpsc::Receiver<Message>) {
    while let Some(message) = queue.recv().await {
        let mut next = Some(message);
        while let Some(message) = next {
            if sink.feed(message).await.is_err() {
                return;
            }
            next = queue.try_recv().ok();
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
}
