//! `GET /v1/ws`: the upgrade. That there is a place, and who asks, is known before any resource is taken.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request as HttpRequest, State},
    http::{HeaderValue, Request, header::SEC_WEBSOCKET_PROTOCOL},
    response::Response,
};
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;
use tungstenite::handshake::server::create_response_with_body;
use watchbell_protocol::{ErrorCode, SUBPROTOCOL, SUBPROTOCOL_ZSTD, WireError};

use super::{
    driver::{self, Admission},
    outbox::{Express, Outbox},
    shared::Packing,
    socket::{self, Socket},
};
use crate::{
    App,
    http::{ClientAddress, Refusal, admission::admit},
    listener::Stream,
};

/// Lets a member or a producer in.
pub async fn upgrade(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    request: HttpRequest,
) -> Result<Response, Refusal> {
    let mut request = request.map(drop);
    let (admission, (response, packing)) = admit(&app, address, request.headers(), || agree(&request)).await?;
    let upgraded = hyper::upgrade::on(&mut request);
    app.connection_tasks.clone().spawn(connection(app, upgraded, packing, admission));
    Ok(response)
}

/// Serves the connection once the answer to its handshake is written.
async fn connection(app: App, upgraded: OnUpgrade, packing: Packing, admission: Box<Admission>) {
    let upgraded = match upgraded.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!(%error, "a client went away during its handshake"),
    };
    let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<Stream>>() else {
        return tracing::error!("a connection came from another listener than the server's own");
    };
    let socket = Arc::new(Socket::new(io.into_inner().upgraded()));
    let outbox = Arc::new_cyclic(|outbox| {
        let express = Express { outbox: outbox.clone(), direct: socket.clone(), flusher: app.flushers.next() };
        Outbox::new(app.metrics.deliveries.clone()).with(packing).by(express)
    });
    let (source, sink) = socket::open(socket, read_buf, outbox.clone());
    driver::serve(app, outbox, source, sink, admission).await;
}

/// The answer to a handshake, if the client speaks the protocol, and what was agreed on with it.
fn agree(request: &Request<()>) -> Result<(Response, Packing), WireError> {
    let malformed = |message| WireError::new(ErrorCode::BadRequest, message);
    let mut response = create_response_with_body(request, Body::empty).map_err(|error| malformed(error.to_string()))?;
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let offered = offered.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim);
    let (chosen, packing) = choose(offered)
        .ok_or_else(|| malformed(format!("name the subprotocol {SUBPROTOCOL} in Sec-WebSocket-Protocol")))?;
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(chosen));
    Ok((response, packing))
}

/// The best of the subprotocols that are offered, in whatever order.
fn choose<'a>(offered: impl Iterator<Item = &'a str>) -> Option<(&'static str, Packing)> {
    let known = |offered: &str| match offered {
        SUBPROTOCOL_ZSTD => Some((SUBPROTOCOL_ZSTD, Packing::Zstd)),
        SUBPROTOCOL => Some((SUBPROTOCOL, Packing::None)),
        _ => None,
    };
    offered.filter_map(known).max_by_key(|(_, packing)| *packing == Packing::Zstd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_frames_are_agreed_on_with_who_offers_them_and_nobody_else() {
        for (offered, chosen) in [
            (&["watchbell.v1"][..], Some(Packing::None)),
            (&["watchbell.v1", "watchbell.v1.zstd"], Some(Packing::Zstd)),
            (&["watchbell.v1.zstd", "watchbell.v1"], Some(Packing::Zstd)),
            (&["watchbell.v1.zstd"], Some(Packing::Zstd)),
            (&["watchbell.v1.br", "chat", "watchbell.v1"], Some(Packing::None)),
            (&["watchbell.v2", "chat"], None),
            (&[], None),
        ] {
            assert_eq!(choose(offered.iter().copied()).map(|(_, packing)| packing), chosen, "{offered:?}");
        }
    }
}
