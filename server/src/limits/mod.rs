//! What clients may take: connections at a time, requests and commands per second. Every refusal says when to come back.
//!
//! Loopback is no address that is counted: it is this machine, or a proxy that was not declared in
//! `server.trusted_proxies`, behind which everybody would share one allowance. What is counted per member or token holds
//! there too: who they are is proved.
//!
//! Deliberately absent: the size and depth of frames (`watchbell_protocol::limits`), guesses at passwords
//! (`auth::throttle`), what waits for a slow receiver (`ws::outbox`).

mod commands;
mod rates;
mod tickets;

use std::{net::IpAddr, sync::Arc, time::Duration};

use watchbell_protocol::{ErrorCode, TokenId, UserId, WireError};

pub use self::{
    commands::{Commands, Share},
    rates::Rates,
    tickets::{Ticket, Tickets},
};
use crate::{
    auth::{Principal, throttle::network},
    config,
};

/// What clients may take, shared by all of them.
pub struct Limits {
    /// Connections at a time.
    pub tickets: Arc<Tickets>,
    /// Commands per second, by whatever way they come.
    pub commands: Arc<Commands>,
    /// Requests per second of each address, upgrades to WebSocket included.
    pub requests: Rates<IpAddr>,
}

impl Limits {
    /// As configured, nothing taken yet.
    pub fn new(config: &config::Limits) -> Self {
        Self {
            tickets: Arc::new(Tickets::new(config)),
            commands: Arc::new(Commands::new(config)),
            requests: Rates::new(config.http_requests_per_second, config.http_requests_burst),
        }
    }
}

/// Who takes: a member on all their devices, or an API token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Taker {
    /// A member.
    User(UserId),
    /// An API token.
    Token(TokenId),
}

impl From<&Principal> for Taker {
    fn from(principal: &Principal) -> Self {
        match principal {
            Principal::User { id, .. } => Self::User(*id),
            Principal::Token { id, .. } => Self::Token(*id),
        }
    }
}

/// The household that an address is counted for; `None` for loopback, which is not.
pub fn household(address: IpAddr) -> Option<IpAddr> {
    (!address.to_canonical().is_loopback()).then(|| network(address))
}

/// The refusal of what is beyond a rate.
pub fn too_many(message: &str, wait: Duration) -> WireError {
    let ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1);
    WireError::new(ErrorCode::RateLimited, message).retry_after_ms(ms)
}
