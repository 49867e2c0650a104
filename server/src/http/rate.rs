//! How many requests one address may send, upgrades to WebSocket included. What then goes over a connection is not
//! counted here.
//!
//! Loopback is not limited: it is this machine, or a proxy that was not declared in `server.trusted_proxies`, behind
//! which everybody would share one allowance.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{FromRef, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use watchbell_protocol::{ErrorCode, WireError};

use super::{ClientAddress, Refusal};
use crate::{App, auth::throttle::network, config::Limits};

/// Every so many requests, addresses that have rested are forgotten.
const SWEEP_EVERY: u32 = 1024;

/// The allowance of every address.
pub struct Rates {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    asked: AtomicU32,
}

impl Rates {
    /// As configured.
    pub fn new(limits: &Limits) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(limits.http_requests_per_second))
            .allow_burst(at_least_one(limits.http_requests_burst));
        Self {
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            asked: AtomicU32::new(0),
        }
    }

    /// Counts a request, or says how long to wait.
    fn take(&self, address: IpAddr) -> Result<(), Duration> {
        if address.is_loopback() {
            return Ok(());
        }
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&network(address)).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

/// What [`guard`] needs.
#[derive(Clone, FromRef)]
pub struct Guarded {
    app: App,
    rates: Arc<Rates>,
}

impl Guarded {
    /// With fresh allowances.
    pub fn new(app: App) -> Self {
        let rates = Arc::new(Rates::new(&app.config.limits));
        Self { app, rates }
    }
}

/// Refuses what is beyond an address's allowance, before anything else is done for it.
pub async fn guard(
    State(rates): State<Arc<Rates>>,
    ClientAddress(address): ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    match rates.take(address) {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            let ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1);
            let error = WireError::new(ErrorCode::RateLimited, "too many requests from your address");
            Refusal::from(error.retry_after_ms(ms)).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_burst_and_loopback_has_no_limit() {
        let limits = Limits { http_requests_per_second: 1, http_requests_burst: 3, ..Limits::default() };
        let rates = Rates::new(&limits);
        let [home, office, here] = ["192.0.2.1", "192.0.2.2", "127.0.0.1"].map(|ip| ip.parse().unwrap());
        assert!((0..3).all(|_| rates.take(home).is_ok()));
        let wait = rates.take(home).unwrap_err();
        assert!(wait <= Duration::from_secs(1) && !wait.is_zero(), "{wait:?}");
        assert!(rates.take(office).is_ok());
        assert!((0..3000).all(|_| rates.take(here).is_ok()));
    }
}
