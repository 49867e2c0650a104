//! The wire: everything that Watchbell's server, clients and producers say to each other.
//!
//! Deliberately absent: I/O, clocks, async, and any knowledge of how a thing is stored or shown.
//! Parsing into these types *is* the validation; the limits (lengths, counts) are part of the types.

#[macro_use]
mod macros;

pub mod blob;
pub mod bounded;
pub mod class;
pub mod close;
pub mod command;
pub mod error;
pub mod event;
pub mod frame;
pub mod http;
pub mod id;
pub mod limits;
pub mod origin;
pub mod packed;
pub mod position;
pub mod room;
pub mod state;
pub mod time;

pub use blob::Blob;
pub use bounded::{List, Text};
pub use class::Class;
pub use close::{CloseCode, Reconnect};
pub use command::{Command, Delivery};
pub use error::{ErrorCode, WireError};
pub use event::{Event, EventType};
pub use frame::{Answer, ClientFrame, RoomEvent, ServerFrame};
pub use id::{
    ActivityId, AnalysisId, CommandId, ConnectionId, DeviceId, NotificationId, ProjectId, SessionId, TokenId, UserId,
};
pub use origin::Origin;
pub use position::{Epoch, Position, Seq, Tag};
pub use room::Room;
pub use state::{StateItem, StatePage};
pub use time::UnixMillis;

/// The WebSocket subprotocol that both sides name in the upgrade.
pub const SUBPROTOCOL: &str = "watchbell.v1";
/// The same, where large frames may come [`packed`]. A client offers it before the other; the server chooses.
pub const SUBPROTOCOL_ZSTD: &str = "watchbell.v1.zstd";
/// What `connected` names among its capabilities where that was agreed on.
pub const CAPABILITY_ZSTD: &str = "zstd";
