//! The reconnect machine: `handle(input, moment) -> effects`.

use std::time::Duration;

use watchbell_protocol::{CloseCode, Reconnect, UnixMillis};

use super::{
    Effect, Input, Moment, OpenFailure,
    backoff::Outage,
    token::{Kind, Token},
};
use crate::{options::Timing, view::ConnectionState};

/// A server may ask for a pause up to this long.
const LONGEST_ASKED: Duration = Duration::from_mins(2);
/// A connection that lived this long is stable even if it never got up to date.
const LONG_LIVED: Duration = Duration::from_secs(30);
/// Between attempts to renew a token that is still good.
const RENEW_PAUSE: Duration = Duration::from_secs(10);

/// Where the connection stands; each state has only what it needs.
#[derive(Debug)]
enum State {
    Stopped { since: UnixMillis, reason: Option<String> },
    SignInNeeded { reason: String },
    Renewing,
    Opening { until: Duration },
    Open(Open),
    Waiting { until: Duration, until_wall: UnixMillis, reason: String },
}

#[derive(Debug)]
struct Open {
    since: Duration,
    heard: Duration,
    /// When the next ping is due.
    ping_at: Duration,
    rooms: (u32, u32),
    live: Option<(Duration, UnixMillis)>,
    asked_pause: Option<Duration>,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Session {
    timing: Timing,
    state: State,
    token: Token,
    outage: Outage,
    offline_since: Option<UnixMillis>,
    clocks: Option<Moment>,
}

impl Session {
    pub(crate) fn new(kind: Kind, timing: Timing) -> Self {
        let state = State::Stopped { since: UnixMillis(0), reason: None };
        Self { timing, state, token: Token::new(kind), outage: Outage::default(), offline_since: None, clocks: None }
    }

    /// What a status bar says.
    pub(crate) fn view(&self) -> ConnectionState {
        match &self.state {
            State::Stopped { since, reason } => ConnectionState::Disconnected { since: *since, reason: reason.clone() },
            State::SignInNeeded { reason } => ConnectionState::SignInNeeded { reason: reason.clone() },
            State::Renewing | State::Opening { .. } => {
                ConnectionState::Connecting { offline_since: self.offline_since }
            }
            State::Open(Open { live: Some((_, since)), .. }) => ConnectionState::Live { since: *since },
            State::Open(Open { rooms: (done, of), .. }) => ConnectionState::CatchingUp { done: *done, of: *of },
            State::Waiting { until_wall, reason, .. } => ConnectionState::Offline {
                since: self.offline_since.unwrap_or(*until_wall),
                next_try_at: *until_wall,
                reason: reason.clone(),
            },
        }
    }

    /// Whether frames can be exchanged.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// When `Tick` is due next.
    pub(crate) fn deadline(&self, at: Moment) -> Duration {
        let clock_check = self.clocks.map_or(at.mono, |clocks| clocks.mono) + self.timing.clock_check;
        let own = match &self.state {
            State::Stopped { .. } | State::SignInNeeded { .. } | State::Renewing => None,
            State::Opening { until } | State::Waiting { until, .. } => Some(*until),
            State::Open(open) => {
                let socket = (open.heard + self.timing.silence).min(open.ping_at);
                Some(self.token.deadline(at).map_or(socket, |renewal| renewal.min(socket)))
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
            Input::Opened => self.opened(at),
            Input::OpenFailed(failure) => self.open_failed(failure, at),
            Input::Heard => self.heard(at),
            Input::Rooms { done, of } => self.rooms(done, of, at),
            Input::GoingAway(pause) => self.going_away(pause),
            Input::Closed(code, reason) => self.closed(code, reason, at),
            Input::Broken(reason) => {
                let mut effects = vec![Effect::Close(CloseCode::Normal)];
                effects.extend(self.lost(reason, Reconnect::Later, at));
                effects
            }
            Input::Renewed(life) => self.renewed(life, at),
            Input::RenewRefused(reason) => self.sign_in_needed(reason),
            Input::RenewFailed(reason) => self.renew_failed(reason, at),
            Input::Tick => self.tick(at),
        }
    }

    fn connect(&mut self, at: Moment) -> Vec<Effect> {
        match self.state {
            State::Stopped { .. } | State::SignInNeeded { .. } | State::Waiting { .. } => {
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
            _ => Vec::new(),
        }
    }

    fn woke(&mut self, at: Moment) -> Vec<Effect> {
        self.clocks = Some(at);
        match self.state {
            State::Stopped { .. } | State::SignInNeeded { .. } => return Vec::new(),
            State::Open(_) => self.offline_since = Some(at.wall),
            State::Renewing | State::Opening { .. } | State::Waiting { .. } => {}
        }
        self.outage.begin(at);
        self.outage.first();
        let mut effects = vec![Effect::Close(CloseCode::Normal)];
        effects.extend(self.attempt(at));
        effects
    }

    /// Connects now, with a token that will do.
    fn attempt(&mut self, at: Moment) -> Vec<Effect> {
        if self.token.is_stale(at) {
            self.state = State::Renewing;
            self.token.renewing = true;
            return vec![Effect::Renew];
        }
        self.state = State::Opening { until: at.mono + self.timing.connect };
        vec![Effect::Open]
    }

    fn opened(&mut self, at: Moment) -> Vec<Effect> {
        if matches!(self.state, State::Opening { .. }) {
            self.token.refused = false;
            self.state = State::Open(Open {
                since: at.mono,
                heard: at.mono,
                // The first ping goes out at once: the round trip is known from the start.
                ping_at: at.mono,
                rooms: (0, 0),
                live: None,
                asked_pause: None,
            });
        }
        Vec::new()
    }

    fn open_failed(&mut self, failure: OpenFailure, at: Moment) -> Vec<Effect> {
        if !matches!(self.state, State::Opening { .. }) {
            return Vec::new();
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
            OpenFailure::Network(reason) => self.lost(reason, Reconnect::Now, at),
        }
    }

    fn heard(&mut self, at: Moment) -> Vec<Effect> {
        if let State::Open(open) = &mut self.state {
            open.heard = at.mono;
        }
        Vec::new()
    }

    fn rooms(&mut self, done: u32, of: u32, at: Moment) -> Vec<Effect> {
        if let State::Open(open) = &mut self.state {
            open.rooms = (done, of);
            if done < of {
                open.live = None;
            } else if open.live.is_none() {
                open.live = Some((at.mono, at.wall));
                self.offline_since = None;
            }
        }
        Vec::new()
    }

    fn going_away(&mut self, pause: Duration) -> Vec<Effect> {
        if let State::Open(open) = &mut self.state {
            open.asked_pause = Some(pause.min(LONGEST_ASKED));
        }
        Vec::new()
    }

    fn closed(&mut self, code: Option<u16>, reason: String, at: Moment) -> Vec<Effect> {
        let next = code.and_then(CloseCode::from_number).map_or(Reconnect::Now, CloseCode::reconnect);
        match self.state {
            State::Open(_) | State::Opening { .. } => {
                // Whatever is left of the socket.
                let mut effects = vec![Effect::Close(CloseCode::Normal)];
                effects.extend(self.lost(reason, next, at));
                effects
            }
            _ => Vec::new(),
        }
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
            State::Opening { .. } | State::Renewing => {
                self.offline_since = Some(self.offline_since.unwrap_or(at.wall));
            }
            State::Stopped { .. } | State::SignInNeeded { .. } | State::Waiting { .. } => return Vec::new(),
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
        if self.outage.first() {
            return self.attempt(at);
        }
        let pause = self.outage.pause(&self.timing, at);
        self.wait(pause, reason, at)
    }

    fn wait(&mut self, pause: Duration, reason: String, at: Moment) -> Vec<Effect> {
        self.state = State::Waiting { until: at.mono + pause, until_wall: at.wall.plus(pause), reason };
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
            State::Renewing => {
                self.state = State::Opening { until: at.mono + self.timing.connect };
                vec![Effect::Open]
            }
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
        if self.clock_jumped(at) {
            return self.woke(at);
        }
        match &mut self.state {
            State::Opening { until } if *until <= at.mono => {
                let reason = format!("no answer within {} s", self.timing.connect.as_secs_f32());
                let mut effects = vec![Effect::Close(CloseCode::Normal)];
                effects.extend(self.lost(reason, Reconnect::Now, at));
                effects
            }
            State::Waiting { until, .. } if *until <= at.mono => self.attempt(at),
            State::Open(open) if open.heard + self.timing.silence <= at.mono => {
                let reason = format!("nothing was heard for {} s", self.timing.silence.as_secs_f32());
                let mut effects = vec![Effect::Close(CloseCode::Silent)];
                effects.extend(self.lost(reason, Reconnect::Now, at));
                effects
            }
            State::Open(open) => {
                let mut effects = Vec::new();
                if open.ping_at <= at.mono {
                    open.ping_at = at.mono + self.timing.ping_every;
                    effects.push(Effect::Ping);
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

    /// Whether the wall clock ran ahead of the one that stands still in sleep.
    fn clock_jumped(&mut self, at: Moment) -> bool {
        let Some(last) = self.clocks else {
            self.clocks = Some(at);
            return false;
        };
        let (mono, wall) = (at.mono.saturating_sub(last.mono), at.wall.since(last.wall));
        if mono < self.timing.clock_check && wall < self.timing.clock_check + self.timing.clock_jump {
            return false;
        }
        self.clocks = Some(at);
        wall > mono + self.timing.clock_jump
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
