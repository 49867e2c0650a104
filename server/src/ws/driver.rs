//! The timers and the work of one connection: feeds the session, and does what it says.
//!
//! Two loops in one task: one reads, does, and brings rooms up to date; one writes what the flushers don't. A slow socket
//! holds back only the second.

mod catching_up;
mod seat;
mod writing;

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::oneshot,
    time::{sleep_until, timeout},
};
use watchbell_protocol::{Answer, ClientFrame, CloseCode, CommandId, Position, ServerFrame, WireError};

use self::{
    catching_up::{CatchingUp, Join},
    seat::Seat,
    writing::write,
};
use super::{
    greeting::greeting,
    link::{Heard, Sink, Source},
    outbox::Outbox,
    registry::Ending,
    session::{Ear, Effect, Input, Now, Session},
};
use crate::{
    App,
    auth::Principal,
    ingest,
    limits::{Share, Ticket},
    metrics::{AuthFailure, Ended, Limit},
};

/// How long the other side gets to answer a close.
const CLOSING: Duration = Duration::from_secs(1);

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
    pub principal: Arc<Principal>,
    /// What the connection may send.
    pub share: Share,
    /// Its place, given back at its end.
    pub ticket: Ticket,
}

/// Serves a connection until its end. What is to be written waits in `outbox`, which the source may know as well.
pub async fn serve(app: App, outbox: Arc<Outbox>, mut source: impl Source, sink: impl Sink, admission: Box<Admission>) {
    let (mut seat, ending) = Seat::take(&app, outbox.clone(), &admission.principal);
    tracing::debug!(connection.id = %seat.id, "connected");
    // Boxed, as everything that is rarely at work: an idle connection keeps no place for it.
    Box::pin(seat.greet(&admission.principal)).await;

    let mut writing = std::pin::pin!(write(&app, seat.id, &outbox, sink));
    let ended = {
        let reading = std::pin::pin!(read(&app, &seat, &admission, &mut source, ending));
        tokio::select! {
            biased;
            code = &mut writing => Err(code),
            said = reading => Ok(said),
        }
    };
    let code = match ended {
        Ok(said) => {
            seat.ends(said);
            match said {
                Some(code) => outbox.close(code),
                None => outbox.leave(),
            }
            Box::pin(async {
                // The other side may be gone, or stalled: then this is all that can be done.
                let _ = timeout(app.timing.farewell, writing).await;
                if said.is_some() {
                    let _ = timeout(CLOSING, source.bye()).await;
                }
            })
            .await;
            said
        }
        Err(code) => code,
    };
    app.metrics.ended.count(Ended(code));
    tracing::debug!(connection.id = %seat.id, code = code.map(CloseCode::number), "disconnected");
}

/// Reads, keeps the time, and does what the session says; gives the code to close with, if there is anybody to tell.
async fn read(
    app: &App,
    seat: &Seat,
    admission: &Admission,
    source: &mut impl Source,
    mut ending: oneshot::Receiver<Ending>,
) -> Option<CloseCode> {
    let now = || Now { wall: app.clock.now(), moment: app.clock.moment() };
    let mut session = Session::new(admission.principal.clone(), app.timing, now());
    let mut work: FuturesUnordered<Work> = FuturesUnordered::new();
    let mut catching_up = CatchingUp::new(app, seat);
    // Nothing is heard before it is done, and everything else goes on meanwhile.
    let mut doing: Option<Doing<'_>> = None;
    // One for all turns: it is seldom set anew, for the deadline seldom changes.
    let mut timer = std::pin::pin!(sleep_until(session.deadline()));
    loop {
        if timer.deadline() != session.deadline() {
            timer.as_mut().reset(session.deadline());
        }
        let effects = tokio::select! {
            heard = next(source, &seat.outbox), if doing.is_none() && !session.is_busy() => {
                session.handle(said(app, &heard?, &admission.share), now())
            }
            done = finished(&mut doing) => {
                work.extend(done);
                continue;
            }
            Some(done) = work.next(), if !work.is_empty() => session.handle(done.into(), now()),
            done = catching_up.next() => session.handle(done.into(), now()),
            Ok(ending) = &mut ending, if !ending.is_terminated() => session.handle(ending.into(), now()),
            () = &mut timer => {
                let listens = doing.is_none() && !session.is_busy() && seat.outbox.is_light();
                session.handle(Input::Tick(if listens { Ear::Open } else { Ear::Closed }), now())
            }
        };
        for effect in effects {
            match perform(app, seat, &mut session, &mut catching_up, effect) {
                Next::Goes => {}
                Next::Works(done) => work.push(done),
                Next::Waits(until) => doing = Some(until),
                Next::Ends(code) => return Some(code),
            }
        }
    }
}

/// What has to be done before anything more is heard; what comes out of it is at work.
type Doing<'a> = Pin<Box<dyn Future<Output = Option<Work>> + Send + 'a>>;

/// Waits until it is done.
async fn finished(doing: &mut Option<Doing<'_>>) -> Option<Work> {
    let Some(until) = doing else { return std::future::pending().await };
    let done = until.await;
    *doing = None;
    done
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
async fn next(source: &mut impl Source, outbox: &Outbox) -> Option<Heard> {
    outbox.light().await;
    source.next().await
}

/// What was heard is to the session. It keeps nothing of a text: that is a slice of the read buffer, which would stay as
/// long.
fn said<'a>(app: &App, heard: &'a Heard, share: &Share) -> Input<'a> {
    let taken = share.take();
    if taken.is_err() {
        app.metrics.limited.count(Limit::Commands);
    }
    match (heard, taken) {
        (Heard::Broken(code), _) => Input::Ended(*code),
        (Heard::TooLarge, _) => Input::TooLarge,
        (Heard::Binary, _) => Input::Binary,
        (Heard::Text(text), Ok(())) => Input::Text(text),
        (Heard::Text(text), Err(wait)) => Input::Beyond { text: Some(text), wait },
        (Heard::Alive, Ok(())) => Input::Heard,
        (Heard::Alive, Err(wait)) => Input::Beyond { text: None, wait },
    }
}

impl From<Ending> for Input<'_> {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Closed(code) => Self::Ended(code),
            Ending::Stopping { reconnect_in_ms } => Self::Stopping { reconnect_in_ms },
        }
    }
}

/// How it goes on after an effect.
enum Next<'a> {
    /// At once.
    Goes,
    /// At once, and this is at work meanwhile.
    Works(Work),
    /// After this: it comes alone.
    Waits(Doing<'a>),
    /// Not at all: it is over.
    Ends(CloseCode),
}

/// Does what the session says.
fn perform<'a>(
    app: &'a App,
    seat: &'a Seat,
    session: &mut Session,
    catching_up: &mut CatchingUp<'_>,
    effect: Effect,
) -> Next<'a> {
    let principal = session.principal().clone();
    match effect {
        Effect::Send(frame) => seat.outbox.control(frame.to_text().into()),
        Effect::Ping => seat.outbox.ping(),
        Effect::Heads => heads(app, seat),
        Effect::Submit(id, frame) => return Next::Waits(Box::pin(submit(app, principal, id, frame))),
        Effect::Momentary(frame) => {
            let mut doing: Doing<'_> = Box::pin(async move {
                momentary(app, seat, &principal, frame).await;
                None
            });
            // Most are done at once.
            return if doing.as_mut().now_or_never().is_some() { Next::Goes } else { Next::Waits(doing) };
        }
        Effect::Join(id, room, asked) => {
            seat.enters(room);
            catching_up.add(Join { id, principal, room, asked });
        }
        Effect::Leave(room) => seat.leaves(room),
        Effect::Verify(id, token) => return Next::Works(Box::pin(verify(app.clone(), id, token))),
        Effect::Close(code) => return Next::Ends(code),
    }
    Next::Goes
}

/// Hands a durable command over; its answer is to come.
async fn submit(app: &App, principal: Arc<Principal>, id: CommandId, frame: ClientFrame) -> Option<Work> {
    let pending = app.ingest.submit(principal, frame).await;
    Some(Box::pin(async move {
        let result = match pending {
            Ok(pending) => pending.await.unwrap_or_else(|_| Err(ingest::stopping())),
            Err(error) => Err(error),
        };
        Done::Answered(id, result)
    }))
}

/// Checks a fresh token.
async fn verify(app: App, id: CommandId, token: String) -> Done {
    let verified = app.auth.authenticate_token(&token, app.clock.now()).await;
    app.metrics.auth_failed(AuthFailure::Token, verified.as_ref().err());
    Done::Refreshed(id, verified)
}

/// Does a momentary command, and says why if it is refused.
async fn momentary(app: &App, seat: &Seat, principal: &Principal, frame: ClientFrame) {
    let id = frame.id;
    if let Err(error) = app.momentary.take(principal, frame).await {
        let refused = match id {
            Some(re) => ServerFrame::Answer { re, result: Err(error) },
            None => ServerFrame::Error(error),
        };
        seat.outbox.control(refused.to_text().into());
    }
}

/// Puts the heads of the live rooms behind their events.
fn heads(app: &App, seat: &Seat) {
    let heads: BTreeMap<_, Position> =
        seat.rooms().into_iter().filter_map(|room| Some((room, app.hub.position(room, seat.id)?))).collect();
    if !heads.is_empty() {
        seat.outbox.heads(ServerFrame::Heads(heads).to_text().into());
    }
}
