//! From which address a request comes: the peer, or, when the peer is a proxy that the configuration trusts, whom that
//! proxy names in `X-Forwarded-For`. Anybody can send that header, so nobody else's is looked at.

use std::net::IpAddr;

use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts},
    http::{HeaderMap, HeaderName, request::Parts},
};
use watchbell_protocol::{ErrorCode, WireError};

use super::Refusal;
use crate::{App, listener::Peer};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress
where
    App: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let app = App::from_ref(state);
        let ConnectInfo(Peer(peer)) = ConnectInfo::<Peer>::from_request_parts(parts, state).await.map_err(|_| {
            tracing::error!("the listener does not say who connected");
            WireError::new(ErrorCode::Internal, "the server failed")
        })?;
        Ok(Self(resolve(peer.ip(), &parts.headers, &app.config.server.trusted_proxies.0)))
    }
}

/// The nearest hop that is no trusted proxy, seen from here.
fn resolve(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut nearest = peer.to_canonical();
    let hops = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = hops.flat_map(|value| value.split(',')).collect();
    for hop in hops.iter().rev() {
        if !trusted.contains(&nearest) {
            break;
        }
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed_hop_by_hop() {
        let trusted = ["10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().unwrap());
        for (peer, headers, resolved) in [
            ("192.0.2.9", &[][..], "192.0.2.9"),
            ("192.0.2.9", &["198.51.100.7"], "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.1, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.1", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7, nonsense"], "10.0.0.1"),
        ] {
            let mut map = HeaderMap::new();
            for value in headers {
                map.append(FORWARDED_FOR, value.parse().unwrap());
            }
            let expected: IpAddr = resolved.parse().unwrap();
            assert_eq!(resolve(peer.parse().unwrap(), &map, &trusted), expected, "{peer} {headers:?}");
        }
    }
}
