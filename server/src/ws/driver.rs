//! The socket and the timers of one connection: feeds the session, and does what it says.
//!
//! Three loops in one task: one reads and does, one brings rooms up to date, one writes. A slow socket holds back only
//! the last.

use std::{collections::BTreeSet, future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Error,
    extract::ws::{CloseFrame, Message, WebSocket},
};
use futures_util::{
    SinkExt, StreamExt,
    stream::{FuturesUnordered, SplitSink, SplitStream},
};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    time::{sleep_until, timeout},
};
use tungstenite::error::{CapacityError, Error as Broken, ProtocolError};
use watchbell_protocol::{Answer, CloseCode, CommandId, ConnectionId, Position, Room, ServerFrame, WireError};

use super::{
    catch_up::{Reader, left_before},
    greeting::greeting,
    outbox::{Out, Outbox},
    registry::Ending,
    session::{Effect, Input, Now, Session},
};
use crate::{
    App,
    auth::Principal,
    clock::Moment,
    ingest,
    limits::{Share, Ticket},
    metrics::{AuthFailure, Ended, Limit},
    store,
};

/// About how much goes out in one write.
const WRITE_BYTES: usize = 64 * 1024;
/// Joins that may wait; the session has fewer commands at work.
const JOINS: usize = 64;
/// How long the other side gets to answer a close.
const CLOSING: Duration = Duration::from_secs(1);

/// A join that waits.
type Join = (CommandId, Arc<Principal>, Room, Option<Position>);
/// Something at work.
type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What became of something at work.
enum Done {
    Answered(CommandId, Result<Answer, WireError>),
    Refreshed(CommandId, Result<Principal, WireError>),
}

/// Who was let in, and what they may take.
pub struct Admission {
    /// Who.
    pub principal: Principal,
    /// What the connection may send.
    pub share: Share,
    /// Its place, given back at its end.
    pub ticket: Ticket,
}

/// Serves a connection until its end.
pub async fn serve(app: App, socket: WebSocket, admission: Admission) {
    let Admission { principal, share, ticket: _ticket } = admission;
    let principal = Arc::new(principal);
    let seat = Seat::take(&app, &principal);
    tracing::debug!(connection.id = %seat.id, "connected");
    seat.outbox.control(ServerFrame::Connected(greeting(&app, seat.id, &principal).await).to_text().into());
    if let Err(error) = seat.tell_projects(&principal).await {
        tracing::error!(%error, connection.id = %seat.id, "somebody's projects could not be read: no presence");
    }

    let (sink, mut stream) = socket.split();
    let (joins, waiting) = mpsc::channel(JOINS);
    let (answers, joined) = mpsc::channel(JOINS);
    let mut write = std::pin::pin!(write(&app, &seat.outbox, sink));
    let (code, is_told) = tokio::select! {
        code = &mut write => (code, true),
        () = catch_up(&app, &seat, waiting, answers) => (None, true),
        code = read(&app, &seat, (principal, share), &mut stream, joins, joined) => (code, false),
    };
    if let Some(code) = code
        && !is_told
    {
        seat.outbox.close(code);
        // The other side may be gone, or stalled: then this is all that can be done.
        let _ = timeout(app.timing.farewell, write).await;
        let _ = timeout(CLOSING, async { while let Some(Ok(_)) = stream.next().await {} }).await;
    }
    app.metrics.ended.count(Ended(code));
    tracing::debug!(connection.id = %seat.id, code = code.map(CloseCode::number), "disconnected");
}

/// A connection's place in the shared parts; left on drop, however the connection ends.
struct Seat {
    app: App,
    id: ConnectionId,
    since: Moment,
    user: Option<(watchbell_protocol::UserId, watchbell_protocol::DeviceId)>,
    outbox: Arc<Outbox>,
    ending: watch::Receiver<Option<Ending>>,
    rooms: Mutex<BTreeSet<Room>>,
    /// Set when the projects of a member who just appeared have to be read.
    generation: Option<u64>,
}

impl Seat {
    fn take(app: &App, principal: &Principal) -> Self {
        let id = ConnectionId::fresh();
        let ending = app.connections.add(id, principal);
        let (user, generation) = match principal {
            Principal::User { id, device, device_kind, .. } => {
                let generation = app.presences.connect(*id, *device, *device_kind, app.clock.now());
                (Some((*id, *device)), generation)
            }
            Principal::Token { .. } => (None, None),
        };
        let outbox = Arc::new(Outbox::new(app.metrics.deliveries.clone()));
        app.metrics.connections.increment(1);
        let since = app.clock.moment();
        Self { app: app.clone(), id, since, user, outbox, ending, rooms: Mutex::default(), generation }
    }

    /// Tells presence the projects of somebody who just appeared.
    async fn tell_projects(&self, principal: &Principal) -> sqlx::Result<()> {
        let (Some(user), Some(mut generation)) = (principal.user(), self.generation) else { return Ok(()) };
        loop {
            let projects = {
                let mut tx = self.app.store.read().await?;
                store::project::of_member(&mut tx, user).await?
            };
            let ids: Vec<_> = projects.iter().map(|project| project.id).collect();
            match self.app.presences.knows(user, &ids, generation) {
                Some(changed) => generation = changed,
                None => return Ok(()),
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.app.connections.remove(self.id);
        self.app.metrics.connections.decrement(1);
        self.app.metrics.session.record(self.app.clock.moment() - self.since);
        for room in self.rooms.get_mut().iter() {
            self.app.hub.leave(*room, self.id);
        }
        if let Some((user, device)) = self.user {
            self.app.presences.disconnect(user, device, self.app.clock.moment());
        }
    }
}

/// Reads, keeps the time, and does what the session says; gives the code to close with, if there is anybody to tell.
async fn read(
    app: &App,
    seat: &Seat,
    (principal, share): (Arc<Principal>, Share),
    stream: &mut SplitStream<WebSocket>,
    joins: mpsc::Sender<Join>,
    mut joined: mpsc::Receiver<Done>,
) -> Option<CloseCode> {
    let now = || Now { wall: app.clock.now(), moment: app.clock.moment() };
    let mut session = Session::new(principal, app.timing, now());
    let mut work: FuturesUnordered<Work> = FuturesUnordered::new();
    let mut ending = seat.ending.clone();
    loop {
        let effects = tokio::select! {
            message = next(stream, &seat.outbox), if !session.is_busy() => match message {
                Some(Ok(message)) => session.handle(said(app, &message, &share)?, now()),
                Some(Err(error)) => session.handle(broken(error)?, now()),
                None => return None,
            },
            Some(done) = work.next(), if !work.is_empty() => session.handle(done.into(), now()),
            Some(done) = joined.recv() => session.handle(done.into(), now()),
            ended = ended(&mut ending) => session.handle(ended, now()),
            () = sleep_until(session.deadline()) => session.handle(Input::Tick, now()),
        };
        for effect in effects {
            if let Some(code) = perform(app, seat, &mut session, &joins, &mut work, effect).await {
                return Some(code);
            }
        }
    }
}

impl From<Done> for Input<'_> {
    fn from(done: Done) -> Self {
        match done {
            Done::Answered(id, result) => Self::Answered(id, result),
            Done::Refreshed(id, result) => Self::Refreshed(id, result),
        }
    }
}

/// The next message, once the other side has taken enough of what waits for it.
async fn next(stream: &mut SplitStream<WebSocket>, outbox: &Outbox) -> Option<Result<Message, Error>> {
    outbox.light().await;
    stream.next().await
}

/// What a message is to the session; `None` if it is the end. The session keeps nothing of its text: that is a slice of
/// the read buffer, which would stay as long.
fn said<'a>(app: &App, message: &'a Message, share: &Share) -> Option<Input<'a>> {
    let taken = share.take();
    if taken.is_err() {
        app.metrics.limited.count(Limit::Commands);
    }
    Some(match (message, taken) {
        (Message::Close(_), _) => return None,
        (Message::Binary(_), _) => Input::Binary,
        (Message::Text(text), Ok(())) => Input::Text(text),
        (Message::Text(text), Err(wait)) => Input::Beyond { text: Some(text), wait },
        (Message::Ping(_) | Message::Pong(_), Ok(())) => Input::Heard,
        (Message::Ping(_) | Message::Pong(_), Err(wait)) => Input::Beyond { text: None, wait },
    })
}

/// Why the socket cannot be read; `None` if there is nobody left to tell.
fn broken(error: Error) -> Option<Input<'static>> {
    let error = error.into_inner();
    match error.downcast_ref::<Broken>() {
        Some(Broken::Capacity(CapacityError::MessageTooLong { .. })) => Some(Input::TooLarge),
        Some(Broken::Utf8(_)) => Some(Input::Ended(CloseCode::Protocol)),
        Some(Broken::Protocol(error)) if *error != ProtocolError::ResetWithoutClosingHandshake => {
            Some(Input::Ended(CloseCode::Protocol))
        }
        _ => None,
    }
}

/// Waits until the connection is ended from outside.
async fn ended(ending: &mut watch::Receiver<Option<Ending>>) -> Input<'static> {
    let ending = ending.wait_for(Option::is_some).await.map(|ending| *ending);
    match ending {
        Ok(Some(Ending::Closed(code))) => Input::Ended(code),
        Ok(Some(Ending::Stopping { reconnect_in_ms })) => Input::Stopping { reconnect_in_ms },
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

/// Does what the session says; gives the code when it is over.
async fn perform(
    app: &App,
    seat: &Seat,
    session: &mut Session,
    joins: &mpsc::Sender<Join>,
    work: &mut FuturesUnordered<Work>,
    effect: Effect,
) -> Option<CloseCode> {
    match effect {
        Effect::Send(frame) => seat.outbox.control(frame.to_text().into()),
        Effect::Ping => seat.outbox.ping(),
        Effect::Heads => heads(app, seat, session.rooms()),
        Effect::Submit(id, frame) => {
            let pending = app.ingest.submit(session.principal().clone(), frame).await;
            work.push(Box::pin(async move {
                let result = match pending {
                    Ok(pending) => pending.await.unwrap_or_else(|_| Err(ingest::stopping())),
                    Err(error) => Err(error),
                };
                Done::Answered(id, result)
            }));
        }
        Effect::Momentary(frame) => {
            let id = frame.id;
            if let Err(error) = app.momentary.take(session.principal(), frame).await {
                let refused = match id {
                    Some(re) => ServerFrame::Answer { re, result: Err(error) },
                    None => ServerFrame::Error(error),
                };
                seat.outbox.control(refused.to_text().into());
            }
        }
        Effect::Join(id, room, since) => {
            seat.rooms.lock().insert(room);
            if joins.send((id, session.principal().clone(), room, since)).await.is_err() {
                return Some(CloseCode::Internal);
            }
        }
        Effect::Leave(room) => {
            seat.rooms.lock().remove(&room);
            app.hub.leave(room, seat.id);
        }
        Effect::Verify(id, token) => {
            let app = app.clone();
            work.push(Box::pin(async move {
                let verified = app.auth.authenticate_token(&token, app.clock.now()).await;
                app.metrics.auth_failed(AuthFailure::Token, verified.as_ref().err());
                Done::Refreshed(id, verified)
            }));
        }
        Effect::Close(code) => return Some(code),
    }
    None
}

/// Puts the heads of the live rooms behind their events.
fn heads(app: &App, seat: &Seat, rooms: &BTreeSet<Room>) {
    let heads: std::collections::BTreeMap<Room, Position> =
        rooms.iter().filter_map(|room| Some((*room, app.hub.position(*room, seat.id)?))).collect();
    if !heads.is_empty() {
        seat.outbox.control(ServerFrame::Heads(heads).to_text().into());
    }
}

/// Brings rooms up to date, one after the other.
async fn catch_up(app: &App, seat: &Seat, mut joins: mpsc::Receiver<Join>, answers: mpsc::Sender<Done>) {
    let reader = Reader { app: app.clone(), connection: seat.id, outbox: seat.outbox.clone() };
    let mut is_first = true;
    loop {
        tokio::select! {
            Some((id, principal, room, since)) = joins.recv() => {
                if std::mem::take(&mut is_first) && since.is_some() {
                    app.metrics.reconnects.increment(1);
                }
                // It may have been left while its join waited behind another.
                let is_wanted = seat.rooms.lock().contains(&room);
                let result = if is_wanted { reader.join(&principal, room, since).await } else { Err(left_before()) };
                if answers.send(Done::Answered(id, result)).await.is_err() {
                    return;
                }
            }
            (room, after) = seat.outbox.next_behind() => {
                if !reader.resume(room, after).await {
                    seat.outbox.close(CloseCode::Internal);
                }
            }
            else => return,
        }
    }
}

/// Writes what waits until the connection is closed, broken, or takes nothing for `stalled`; gives the code in the first
/// and the last case.
async fn write(app: &App, outbox: &Outbox, mut sink: SplitSink<WebSocket, Message>) -> Option<CloseCode> {
    loop {
        outbox.ready().await;
        let batch = outbox.take(WRITE_BYTES);
        let closing = batch.close;
        let began = app.clock.moment();
        let sent = timeout(app.timing.stalled, async {
            for out in batch.outs {
                sink.feed(match out {
                    Out::Text(text) => Message::Text(text),
                    Out::Ping => Message::Ping(axum::body::Bytes::new()),
                })
                .await?;
            }
            if let Some(code) = closing {
                let reason = code.reason().into();
                sink.feed(Message::Close(Some(CloseFrame { code: code.number(), reason }))).await?;
            }
            sink.flush().await
        });
        match sent.await {
            Ok(Ok(())) if closing.is_none() => app.metrics.deliveries.write.record(app.clock.moment() - began),
            Ok(Ok(())) => return closing,
            Ok(Err(_)) => return None,
            Err(_) => {
                tracing::info!(code = CloseCode::TooSlow.number(), "a receiver took nothing for too long");
                return Some(CloseCode::TooSlow);
            }
        }
    }
}
