//! What a client is opened with.

use std::{fmt, path::PathBuf, time::Duration};

use url::Url;
use watchbell_protocol::{List, ProjectId, Text, http::SignInDevice, limits};

/// Everything that is decided before a client runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's address, see [`crate::address::parse`].
    pub server: Url,
    /// Where the cache is kept.
    pub cache: CacheLocation,
    /// This installation.
    pub device: SignInDevice,
    /// How long things take at most.
    pub timing: Timing,
    /// Whether this device says that its member is here (`presence:update` after every connect).
    pub presence: bool,
    /// Which rooms to join.
    pub follow: Follow,
}

impl Options {
    /// The usual: everything is followed, and the member is shown as here.
    pub fn new(server: Url, cache: CacheLocation, device: SignInDevice) -> Self {
        Self { server, cache, device, timing: Timing::default(), presence: true, follow: Follow::Everything }
    }
}

/// Where the cache is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheLocation {
    /// In this `SQLite` file, one per account. Only one client at a time opens it.
    File(PathBuf),
    /// In memory: everything is fetched again next time, and a command that was not yet answered is lost on exit.
    Memory,
}

/// Which rooms a client joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Follow {
    /// The member's own room and every project they belong to; for an API token every project it was made for.
    #[default]
    Everything,
    /// The member's own room and this project.
    Only(ProjectId),
    /// The member's own room only; for an API token nothing.
    Own,
}

/// Streams of a room, by name: `logs:{source}`.
pub type Streams = List<Text<{ limits::NAME_BYTES }>, { limits::STREAMS }>;

/// Proof of who is asking.
#[derive(Clone)]
pub enum Credentials {
    /// A member's refresh token, from [`crate::http::sign_in`] or the session store.
    Refresh(String),
    /// An API token.
    Token(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refresh(_) => "Refresh(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

/// Keeps the refresh token between runs. Called on a thread that may block, never on an async one.
pub trait SessionStore: Send + Sync {
    /// A renewal begins. Whoever shares the sign-in with other processes waits here for its turn and names the newest
    /// token, which another process may have brought in meanwhile: the use of an outdated one ends the sign-in. The
    /// default suits a token that nobody else has.
    fn turn(&self) -> Turn {
        Turn::default()
    }

    /// The token has a successor; the old one works until the successor is first used, so a failure here loses nothing
    /// yet. Failures are the implementation's to report.
    fn save(&self, refresh_token: &str);

    /// The server refused the token: it is worthless.
    fn clear(&self);
}

/// The turn to renew a sign-in.
#[derive(Default)]
pub struct Turn {
    /// The token to renew; the client's own if absent.
    pub newest: Option<String>,
    /// Dropped when the successor is stored, or when the renewal came to nothing: a lock, say.
    pub guard: Option<Box<dyn Send>>,
}

/// Keeps nothing: for API tokens and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStore;

impl SessionStore for NoStore {
    fn save(&self, _: &str) {}

    fn clear(&self) {}
}

/// How long things take at most, and how long the pauses between attempts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// From the first byte to the server's `connected`. Default 20 s.
    pub connect: Duration,
    /// Without a sign of life for this long the socket is replaced. Default 60 s.
    pub silence: Duration,
    /// A ping of our own, which measures the round trip. Default 20 s.
    pub ping_every: Duration,
    /// Upper bounds of the pauses after the first retry, which is made at once; the last one repeats without end.
    /// Each pause is drawn between zero and its bound ("full jitter"). Default 1, 2, 4, 8, 16 s.
    pub pauses: Vec<Duration>,
    /// In the first moments of an outage no pause is longer than `quick_pause`, so that a server which restarts is
    /// found at once. Default 4 s.
    pub quick_for: Duration,
    /// See `quick_for`. Default 800 ms.
    pub quick_pause: Duration,
    /// After so many attempts in a row that came to nothing the client stays disconnected, until somebody connects or
    /// wants to retry. `None`, the default, is without end.
    pub attempts: Option<u32>,
    /// A connection that was up to date for this long is stable: the next loss counts as a new outage. Default 1 s.
    pub stable_after: Duration,
    /// How often the wall clock is held against the monotonic one. Default 5 s.
    pub clock_check: Duration,
    /// A difference beyond this means that the machine slept. Default 5 s.
    pub clock_jump: Duration,
    /// After so many attempts in a row at a WebSocket that did not get through, though the server can be reached, frames
    /// go over long-poll. Default 3.
    pub blocked_after: u32,
    /// A WebSocket is tried again this long after that, beside the connection that works … Default 1 min.
    pub websocket_after: Duration,
    /// … and this often from then on. Default 5 min.
    pub websocket_every: Duration,
    /// How often the way to the server is looked at, to notice another network. Default 3 s.
    pub network_check: Duration,
    /// A connection that outlived a change of the network has this long to prove itself. Default 2 s.
    pub proof: Duration,
    /// A pause after a command was refused for the moment; doubles up to 30 times this. Default 1 s.
    pub command_pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(20),
            silence: limits::SILENCE,
            ping_every: seconds(20),
            pauses: [1, 2, 4, 8, 16].map(seconds).to_vec(),
            quick_for: seconds(4),
            quick_pause: Duration::from_millis(800),
            attempts: None,
            stable_after: seconds(1),
            clock_check: seconds(5),
            clock_jump: seconds(5),
            blocked_after: 3,
            websocket_after: seconds(60),
            websocket_every: seconds(300),
            network_check: seconds(3),
            proof: seconds(2),
            command_pause: seconds(1),
        }
    }
}

impl Timing {
    /// For a server on this machine or in tests: pauses of milliseconds.
    pub fn fast() -> Self {
        let ms = Duration::from_millis;
        Self {
            connect: ms(5_000),
            pauses: [20, 40, 80, 160].map(ms).to_vec(),
            quick_for: ms(1_000),
            quick_pause: ms(50),
            stable_after: ms(100),
            command_pause: ms(20),
            ..Self::default()
        }
    }
}
