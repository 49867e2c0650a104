//! Every limit of the wire, in one place. Bytes unless the name says otherwise.

use std::time::Duration;

/// A frame, either way.
pub const FRAME_BYTES: usize = 1024 * 1024;
/// Levels of nesting of a client frame's JSON, the frame itself included.
pub const FRAME_DEPTH: usize = 32;
/// A name: member, project, device, detector, runner, token.
pub const NAME_BYTES: usize = 128;
/// A title of a notification or activity.
pub const TITLE_BYTES: usize = 256;
/// A body of a notification or activity.
pub const BODY_BYTES: usize = 4096;
/// A path inside a project.
pub const PATH_BYTES: usize = 1024;
/// A web address.
pub const URL_BYTES: usize = 2048;
/// A rule's name.
pub const RULE_BYTES: usize = 256;
/// A fingerprint.
pub const FINGERPRINT_BYTES: usize = 128;
/// Issues in one report.
pub const ISSUES_PER_BATCH: usize = 500;
/// Issues of one analysis; beyond it the worst are kept.
pub const ISSUES_PER_ANALYSIS: usize = 25_000;
/// Detectors of one analysis.
pub const DETECTORS: usize = 64;
/// Parts of one report.
pub const REPORT_ITEMS: usize = 64;
/// Ids in one command.
pub const IDS: usize = 500;
/// Devices of one member that presence lists.
pub const DEVICES: usize = 16;
/// Streams that one connection may receive in one room.
pub const STREAMS: usize = 64;
/// The name of a log.
pub const SOURCE_BYTES: usize = 64;
/// A line of a log.
pub const LOG_LINE_BYTES: usize = 4096;
/// Lines of one `logs:append`.
pub const LOG_LINES: usize = 256;
/// A password, to keep the cost of hashing bounded.
pub const PASSWORD_BYTES: usize = 1024;
/// An access token, refresh token or API token.
pub const TOKEN_BYTES: usize = 4096;

/// The server pings a connection this often.
pub const PING_EVERY: Duration = Duration::from_secs(25);
/// A peer silent for this long is gone; both sides watch it.
pub const SILENCE: Duration = Duration::from_mins(1);
/// A runner renews its lease this often …
pub const LEASE_RENEW_EVERY: Duration = Duration::from_secs(10);
/// … and loses it after this long without.
pub const LEASE: Duration = Duration::from_secs(30);
/// The longest that `POST /v1/poll` waits for a frame.
pub const POLL_HOLD: Duration = Duration::from_secs(25);
/// The body of a `POST /v1/send`: at least the largest frame, and what is around it.
pub const SEND_BYTES: usize = FRAME_BYTES + 1024;
/// An access token's life.
pub const ACCESS_TOKEN: Duration = Duration::from_mins(10);
/// How long a command's id is remembered, so that resending it applies it once.
pub const COMMAND_IDS_KEPT: Duration = Duration::from_hours(35 * 24);
