//! The reconnect machine: `handle(input, moment) -> effects`.

use std::time::Duration;

use watchbell_protocol::{CloseCode, Reconnect, UnixMillis};

use super::{
    Effect, Input, Moment, OpenFailure,
    backoff::Outage,
    clocks::Clocks,
    open::Open,
    route::Route,
    state::State,
    token::{Kind, Token},
};
use crate::{
    options::Timing,
    view::{ConnectionState, Transport},
};

/// A server may ask for a pause up to this long.
const LONGEST_ASKED: Duration = Duration::from_mins(2);
/// A connection that lived this long is stable even if it never got up to date.
const LONG_LIVED: Duration = Duration::from_secs(30);
/// Between attempts to renew a token that is still good.
const RENEW_PAUSE: Duration = Duration::from_secs(10);

/// The machine.
#[derive(Debug)]
pub(crate) struct Session {
    timing: Timing,
    state: State,
    token: Token,
    route: Route,
    outage: Outage,
    offline_since: Option<UnixMillis>,
    clocks: Clocks,
}

impl Session {
    pub(crate) fn new(kind: Kind, timing: Timing) -> Self {
        let state = State::Stopped { since: UnixMillis(0), reason: None };
        Self {
            timing,
            state,
            token: Token::new(kind),
            route: Route::default(),
            outage: Outage::default(),
            offline_since: None,
            clocks: Clocks::default(),
        }
    }

    /// What a status bar says.
    pub(crate) fn view(&self) -> ConnectionState {
        self.state.view(self.offline_since)
    }

    /// Whether frames can be exchanged.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// What carries the frames, while any can be exchanged.
    pub(crate) fn transport(&self) -> Option<Transport> {
        match &self.state {
            State::Open(open) => Some(open.via),
            _ => None,
        }
    }

    /// When `Tick` is due next.
    pub(crate) fn deadline(&self, at: Moment) -> Duration {
        let clock_check = self.clocks.deadline(&self.timing, at);
        let own = match &self.state {
            State::Stopped { .. } | State::GaveUp { .. } | State::SignInNeeded { .. } | State::Renewing => None,
            State::Opening { until, .. } | State::Waiting { until, .. } => Some(*until),
            State::Open(open) => {
                let others = self.token.deadline(at).into_iter().chain(self.route.deadline());
                Some(others.fold(open.deadline(&self.timing), Duration::min))
            }
        };
        own.map_or(clock_check, |own| own.min(clock_check))
    }

    /// Something happened.
    pub(crate) fn handle(&mut self, input: Input, at: Moment) -> Vec<Effect> {
        match input {
            Input::Connect => self.connect(at),
            Input::Disconnect => self.stop(None, at),
            Input::RetryNow => self.retry_now(at),
            Input::Woke => self.woke(at),
            Input::NetworkChanged => self.network_changed(at),
            Input::Opened => self.opened(at),
            Input::OpenFailed(failure) => self.open_failed(failure, at),
            Input::Tried { works } => self.tried(works, at),
            Input::Heard => self.open(|open| open.heard = at.mono),
            Input::Pong => self.open(Open::proved),
            Input::Rooms { done, of } => self.rooms(done, of, at),
            Input::GoingAway(pause) => self.open(|open| open.asked_pause = Some(pause.min(LONGEST_ASKED))),
            Input::Closed(code, reason) => self.closed(code, reason, at),
            Input::Broken(reason) => self.give_up(CloseCode::Normal, reason, Reconnect::Later, at),
            Input::Renewed(life) => self.renewed(life, at),
            Input::RenewRefused(reason) => self.sign_in_needed(reason),
            Input::RenewFailed(reason) => self.renew_failed(reason, at),
            Input::Tick => self.tick(at),
        }
    }

    fn connect(&mut self, at: Moment) -> Vec<Effect> {
        match self.state {
            State::Stopped { .. } | State::GaveUp { .. } | State::SignInNeeded { .. } | State::Waiting { .. } => {
                self.outage.begin(at);
                self.outage.first();
                self.token.refused = false;
                self.attempt(at)
            }
            State::Renewing | State::Opening { .. } | State::Open(_) => Vec::new(),
        }
    }

    fn retry_now(&mut self, at: Moment) -> Vec<Effect> {
        match self.state {
            State::Waiting { .. } => self.attempt(at),
            State::GaveUp { .. } => self.connect(at),
            _ => Vec::new(),
        }
    }

    fn woke(&mut self, at: Moment) -> Vec<Effect> {
        self.clocks.set(at);
        match self.state {
            State::Stopped { .. } | State::GaveUp { .. } | State::SignInNeeded { .. } => return Vec::new(),
            State::Open(_) => self.offline_since = Some(at.wall),
            State::Renewing | State::Opening { .. } | State::Waiting { .. } => {}
        }
        self.route.try_soon(at);
        self.outage.begin(at);
        self.outage.first();
        let mut effects = vec![Effect::Close(CloseCode::Normal)];
        effects.extend(self.attempt(at));
        effects
    }

    /// An open connection gets a short time to prove itself: many changes do it no harm. An attempt starts over.
    fn network_changed(&mut self, at: Moment) -> Vec<Effect> {
        match &mut self.state {
            State::Open(open) => {
                open.doubt(&self.timing, at);
                self.route.try_soon(at);
                self.outage.begin(at);
                vec![Effect::Ping]
            }
            _ => self.woke(at),
        }
    }

    /// Connects now, with a token that will do.
    fn attempt(&mut self, at: Moment) -> Vec<Effect> {
        self.outage.attempts += 1;
        if self.token.is_stale(at) {
            self.state = State::Renewing;
            self.token.renewing = true;
            return vec![Effect::Renew];
        }
        self.try_open(at)
    }

    fn try_open(&mut self, at: Moment) -> Vec<Effect> {
        let via = self.route.transport();
        self.state = State::Opening { via, until: at.mono + self.timing.connect };
        vec![Effect::Open(via)]
    }

    fn opened(&mut self, at: Moment) -> Vec<Effect> {
        if let State::Opening { via, .. } = self.state {
            self.token.refused = false;
            self.route.opened(via, at);
            self.state = State::Open(Open::new(via, at));
        }
        Vec::new()
    }

    /// A WebSocket was tried beside a connection by long-poll. If it works, it takes the other one's place: the rooms are
    /// joined from their positions, as after any reconnect.
    fn tried(&mut self, works: bool, at: Moment) -> Vec<Effect> {
        self.route.tried(works, &self.timing, at);
        match &self.state {
            State::Open(Open { via: Transport::LongPoll, .. }) if works => {
                self.state = State::Open(Open::new(Transport::WebSocket, at));
                vec![Effect::Switch]
            }
            _ => Vec::new(),
        }
    }

    fn open_failed(&mut self, failure: OpenFailure, at: Moment) -> Vec<Effect> {
        if !matches!(self.state, State::Opening { .. }) {
            return Vec::new();
        }
        if !matches!(failure, OpenFailure::Blocked(_)) {
            self.route.not_blocked();
        }
        match failure {
            OpenFailure::Unauthorized(reason) if self.token.kind() == Kind::Fixed || self.token.refused => {
                self.sign_in_needed(reason)
            }
            OpenFailure::Unauthorized(_) => {
                self.token.refused = true;
                self.token.spoil();
                self.attempt(at)
            }
            OpenFailure::Forbidden(reason) => {
                self.state = State::SignInNeeded { reason };
                Vec::new()
            }
            OpenFailure::Busy(pause, reason) => {
                let pause = pause.min(LONGEST_ASKED).max(self.outage.pause(&self.timing, at));
                self.wait(pause, reason, at)
            }
            OpenFailure::Blocked(_) if self.route.blocked(&self.timing, at) => self.attempt(at),
            OpenFailure::Blocked(reason) | OpenFailure::Network(reason) => self.lost(reason, Reconnect::Now, at),
        }
    }

    /// Changes what is known of the open connection, if there is one.
    fn open(&mut self, change: impl FnOnce(&mut Open)) -> Vec<Effect> {
        if let State::Open(open) = &mut self.state {
            change(open);
        }
        Vec::new()
    }

    fn rooms(&mut self, done: u32, of: u32, at: Moment) -> Vec<Effect> {
        if let State::Open(open) = &mut self.state {
            open.reached(done, of, at);
            if open.live.is_some() {
                self.offline_since = None;
            }
        }
        Vec::new()
    }

    fn closed(&mut self, code: Option<u16>, reason: String, at: Moment) -> Vec<Effect> {
        let next = code.and_then(CloseCode::from_number).map_or(Reconnect::Now, CloseCode::reconnect);
        match self.state {
            // Whatever is left of the socket.
            State::Open(_) | State::Opening { .. } => self.give_up(CloseCode::Normal, reason, next, at),
            _ => Vec::new(),
        }
    }

    fn give_up(&mut self, code: CloseCode, reason: String, next: Reconnect, at: Moment) -> Vec<Effect> {
        let mut effects = vec![Effect::Close(code)];
        effects.extend(self.lost(reason, next, at));
        effects
    }

    /// The connection, or the attempt at one, is over.
    fn lost(&mut self, reason: String, next: Reconnect, at: Moment) -> Vec<Effect> {
        let mut asked_pause = None;
        match &self.state {
            State::Open(open) => {
                self.offline_since = Some(self.offline_since.unwrap_or(at.wall));
                asked_pause = open.asked_pause;
                let stable = open.live.is_some_and(|(since, _)| at.mono >= since + self.timing.stable_after);
                if stable || at.mono >= open.since + LONG_LIVED {
                    self.outage.begin(at);
                }
            }
            State::Opening { .. } => {
                self.offline_since = Some(self.offline_since.unwrap_or(at.wall));
                self.route.unanswered();
            }
            State::Renewing => self.offline_since = Some(self.offline_since.unwrap_or(at.wall)),
            _ => return Vec::new(),
        }
        if let Some(pause) = asked_pause {
            return self.wait(pause, reason, at);
        }
        match next {
            Reconnect::Now => self.again(reason, at),
            Reconnect::AfterRefresh => {
                self.token.spoil();
                self.again(reason, at)
            }
            Reconnect::Later => {
                let pause = self.outage.pause(&self.timing, at);
                self.wait(pause, reason, at)
            }
            Reconnect::SignIn => self.sign_in_needed(reason),
            Reconnect::Never => self.stop(Some(reason), at),
        }
    }

    /// At once, if this is the outage's first attempt, and after a pause otherwise.
    fn again(&mut self, reason: String, at: Moment) -> Vec<Effect> {
        if self.outage.first() && !self.outage.is_used_up(&self.timing) {
            return self.attempt(at);
        }
        let pause = self.outage.pause(&self.timing, at);
        self.wait(pause, reason, at)
    }

    /// Until the next attempt, if there may be one.
    fn wait(&mut self, pause: Duration, reason: String, at: Moment) -> Vec<Effect> {
        self.state = if self.outage.is_used_up(&self.timing) {
            State::GaveUp { since: self.offline_since.unwrap_or(at.wall), reason }
        } else {
            State::Waiting { until: at.mono + pause, until_wall: at.wall.plus(pause), reason }
        };
        Vec::new()
    }

    fn stop(&mut self, reason: Option<String>, at: Moment) -> Vec<Effect> {
        self.state = State::Stopped { since: at.wall, reason };
        self.offline_since = Some(at.wall);
        vec![Effect::Close(CloseCode::Normal)]
    }

    fn sign_in_needed(&mut self, reason: String) -> Vec<Effect> {
        self.token.renewing = false;
        self.token.spoil();
        self.state = State::SignInNeeded { reason };
        let mut effects = vec![Effect::Close(CloseCode::Normal)];
        if self.token.kind() == Kind::Member {
            effects.push(Effect::Forget);
        }
        effects
    }

    fn renewed(&mut self, life: Duration, at: Moment) -> Vec<Effect> {
        self.token.renewed(life, at);
        match self.state {
            State::Renewing => self.try_open(at),
            State::Open(_) => vec![Effect::OfferToken],
            _ => Vec::new(),
        }
    }

    fn renew_failed(&mut self, reason: String, at: Moment) -> Vec<Effect> {
        self.token.postpone(RENEW_PAUSE, at);
        if matches!(self.state, State::Renewing) {
            // Whatever was good of the token has to be asked for again.
            self.token.spoil();
            return self.lost(reason, Reconnect::Now, at);
        }
        Vec::new()
    }

    fn tick(&mut self, at: Moment) -> Vec<Effect> {
        if self.clocks.jumped(&self.timing, at) {
            return self.woke(at);
        }
        match &mut self.state {
            State::Opening { until, .. } if *until <= at.mono => {
                let reason = format!("no answer within {} s", self.timing.connect.as_secs_f32());
                self.give_up(CloseCode::Normal, reason, Reconnect::Now, at)
            }
            State::Waiting { until, .. } if *until <= at.mono => self.attempt(at),
            State::Open(open) => {
                if let Some(reason) = open.is_dead(&self.timing, at) {
                    return self.give_up(CloseCode::Silent, reason, Reconnect::Now, at);
                }
                let mut effects = Vec::new();
                if open.ping_at <= at.mono {
                    open.ping_at = at.mono + self.timing.ping_every;
                    effects.push(Effect::Ping);
                }
                if self.route.tries(at) {
                    effects.push(Effect::TryWebSocket);
                }
                if !self.token.renewing && self.token.is_stale(at) {
                    self.token.renewing = true;
                    effects.push(Effect::Renew);
                }
                effects
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
