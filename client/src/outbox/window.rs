//! Pure: which of the waiting commands may be on their way at once.
//!
//! Up to 64 travel together, so that a stream of reports is not a round trip each. A command that others build on (the
//! start of an analysis, the end of a detector) travels alone: if the server refuses one for the moment, none behind
//! it can have been applied before it.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use watchbell_protocol::{Command, CommandId, ErrorCode, WireError, command::ReportItem};

use super::Queued;

/// Commands on their way at once …
const COMMANDS: usize = 64;
/// … and their bytes; a single larger one still goes.
const BYTES: usize = 2 * 1024 * 1024;
/// The longest pause is this many times the first.
const LONGEST: u32 = 30;
/// A server that fails at one command this often will not do better.
const FAILURES: u32 = 8;

/// Whether nothing else may be on its way with the command.
pub(crate) fn goes_alone(command: &Command) -> bool {
    match command {
        Command::AnalysisStart(_) => true,
        Command::AnalysisReport(report) => report.items.iter().any(|item| !matches!(item, ReportItem::Issues(_))),
        _ => false,
    }
}

/// What becomes of a refused command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is sent again later.
    Again,
    /// It is given up.
    Final,
}

/// Commands on their way.
#[derive(Debug)]
pub(crate) struct Window {
    pause: Duration,
    on_their_way: HashMap<CommandId, Sent>,
    bytes: usize,
    /// Everything up to this place was looked at on this connection.
    seen: i64,
    paused_until: Option<Duration>,
    refusals: BTreeMap<CommandId, u32>,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    n: i64,
    bytes: usize,
    alone: bool,
}

impl Window {
    /// `pause` is the first pause after a refusal for the moment.
    pub(crate) fn new(pause: Duration) -> Self {
        let (on_their_way, refusals) = (HashMap::new(), BTreeMap::new());
        Self { pause, on_their_way, bytes: 0, seen: 0, paused_until: None, refusals }
    }

    /// A new connection: everything that was not answered is sent again.
    pub(crate) fn reconnected(&mut self) {
        self.on_their_way.clear();
        self.bytes = 0;
        self.seen = 0;
        self.paused_until = None;
    }

    /// From which place on to look for commands, and how many; `None` if none may be sent now.
    pub(crate) fn wants(&self, now: Duration) -> Option<(i64, usize)> {
        let open = self.paused_until.is_none_or(|until| until <= now)
            && self.on_their_way.len() < COMMANDS
            && self.bytes < BYTES
            && !self.on_their_way.values().any(|sent| sent.alone);
        // Those on their way may lie in between.
        open.then_some((self.seen, COMMANDS + self.on_their_way.len()))
    }

    /// Whether `next` may be sent now, and if so it counts as sent. Commands are offered in order; after a "no" the
    /// rest waits.
    pub(crate) fn offer(&mut self, next: &Queued) -> Offer {
        if self.on_their_way.contains_key(&next.id) {
            self.seen = self.seen.max(next.n);
            return Offer::Sent;
        }
        let full = self.on_their_way.len() >= COMMANDS || self.bytes >= BYTES;
        let blocked =
            self.on_their_way.values().any(|sent| sent.alone) || (next.alone && !self.on_their_way.is_empty());
        if full || blocked {
            return Offer::Wait;
        }
        let sent = Sent { n: next.n, bytes: next.frame.len(), alone: next.alone };
        self.bytes += sent.bytes;
        self.on_their_way.insert(next.id, sent);
        self.seen = next.n;
        Offer::Send
    }

    /// It could not be handed to the socket after all.
    pub(crate) fn take_back(&mut self, id: CommandId) {
        if let Some(sent) = self.remove(id) {
            self.seen = self.seen.min(sent.n - 1);
        }
    }

    /// The server applied it.
    pub(crate) fn applied(&mut self, id: CommandId) {
        self.remove(id);
        self.refusals.remove(&id);
    }

    /// The server refused it: for the moment, or for good.
    pub(crate) fn refused(&mut self, id: CommandId, error: &WireError, now: Duration, jitter: f64) -> Verdict {
        let refusals = self.refusals.entry(id).or_default();
        *refusals += 1;
        let refusals = *refusals;
        let again = match error.code {
            // The token is being renewed.
            ErrorCode::Unauthenticated => true,
            ErrorCode::Internal => refusals < FAILURES,
            code => code.is_transient(),
        };
        if !again {
            self.applied(id);
            return Verdict::Final;
        }
        self.take_back(id);
        let longest = self.pause.saturating_mul(2u32.saturating_pow(refusals.min(16) - 1).min(LONGEST));
        let asked = error.retry_after_ms.map_or(Duration::ZERO, |ms| Duration::from_millis(ms.into()));
        let until = now + asked + longest.mul_f64(0.5 + jitter / 2.0);
        self.paused_until = Some(self.paused_until.map_or(until, |earlier| earlier.max(until)));
        Verdict::Again
    }

    /// When sending goes on after a pause.
    pub(crate) fn deadline(&self, now: Duration) -> Option<Duration> {
        self.paused_until.filter(|&until| until > now)
    }

    /// Whether a pause has ended by now; it says so once.
    pub(crate) fn pause_ended(&mut self, now: Duration) -> bool {
        self.paused_until.take_if(|until| *until <= now).is_some()
    }

    fn remove(&mut self, id: CommandId) -> Option<Sent> {
        let sent = self.on_their_way.remove(&id)?;
        self.bytes -= sent.bytes;
        Some(sent)
    }
}

/// What to do with an offered command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Send it.
    Send,
    /// It is on its way already.
    Sent,
    /// Not yet, nor any behind it.
    Wait,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(n: i64, alone: bool) -> Queued {
        Queued { n, id: CommandId::fresh(), frame: "{}".into(), alone }
    }

    fn refusal(code: ErrorCode) -> WireError {
        WireError::new(code, "no")
    }

    #[test]
    fn sixty_four_travel_together_and_no_more() {
        let mut window = Window::new(Duration::from_secs(1));
        let sent = (1..=100).take_while(|&n| window.offer(&queued(n, false)) == Offer::Send).count();
        assert_eq!(sent, COMMANDS);
        assert_eq!(window.wants(Duration::ZERO), None);
    }

    #[test]
    fn what_others_build_on_travels_alone() {
        let mut window = Window::new(Duration::from_secs(1));
        let (issues, end, next) = (queued(1, false), queued(2, true), queued(3, false));
        assert_eq!(window.offer(&issues), Offer::Send);
        assert_eq!(window.offer(&end), Offer::Wait);
        window.applied(issues.id);
        assert_eq!(window.offer(&end), Offer::Send);
        assert_eq!(window.offer(&next), Offer::Wait);
        window.applied(end.id);
        assert_eq!(window.offer(&next), Offer::Send);
    }

    #[test]
    fn a_refusal_for_the_moment_pauses_and_sends_again_in_order() {
        let mut window = Window::new(Duration::from_secs(1));
        let (first, second) = (queued(1, false), queued(2, false));
        window.offer(&first);
        window.offer(&second);
        let error = refusal(ErrorCode::RateLimited).retry_after_ms(3000);
        assert_eq!(window.refused(first.id, &error, Duration::ZERO, 1.0), Verdict::Again);
        assert_eq!(window.wants(Duration::ZERO), None);
        assert_eq!(window.deadline(Duration::ZERO), Some(Duration::from_secs(4)));
        assert_eq!(window.wants(Duration::from_secs(4)), Some((0, COMMANDS + 1)));
        assert_eq!(window.offer(&first), Offer::Send);
        assert_eq!(window.offer(&second), Offer::Sent);
    }

    #[test]
    fn each_error_is_for_the_moment_or_for_good() {
        use ErrorCode::{
            BadRequest, Conflict, Expired, Forbidden, Internal, LeaseLost, NotFound, RateLimited, TooLarge,
            Unauthenticated, Unavailable, UnknownCommand,
        };
        for code in [RateLimited, Unavailable, Internal, Unauthenticated] {
            let mut window = Window::new(Duration::from_secs(1));
            assert_eq!(window.refused(CommandId::fresh(), &refusal(code), Duration::ZERO, 0.5), Verdict::Again);
        }
        for code in [BadRequest, UnknownCommand, TooLarge, Forbidden, NotFound, Conflict, Expired, LeaseLost] {
            let mut window = Window::new(Duration::from_secs(1));
            assert_eq!(window.refused(CommandId::fresh(), &refusal(code), Duration::ZERO, 0.5), Verdict::Final);
        }
    }

    #[test]
    fn a_server_that_always_fails_at_one_command_does_not_hold_up_the_rest_for_ever() {
        let mut window = Window::new(Duration::from_secs(1));
        let poison = queued(1, false);
        let refusals = (0..100)
            .take_while(|_| {
                window.offer(&poison);
                window.refused(poison.id, &refusal(ErrorCode::Internal), Duration::ZERO, 0.5) == Verdict::Again
            })
            .count();
        assert_eq!(refusals + 1, FAILURES as usize);
        assert!(window.on_their_way.is_empty());
    }
}
