//! Browsers send `Origin`; the desktop app and the command line do not. A browser is let in only when its exact origin
//! is on the configured list: otherwise any page could use a member's machine to reach a server inside their network.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::cors::CorsLayer;
use watchbell_protocol::{ErrorCode, WireError, http::CONNECTION};

use super::{Refusal, admission};
use crate::{App, metrics::Attempt};

/// Refuses a request of a browser from elsewhere than `allowed`.
pub fn check(headers: &HeaderMap, allowed: &[String]) -> Result<(), WireError> {
    let refused = headers.get_all(header::ORIGIN).iter().any(|origin| !allowed.iter().any(|one| one == origin));
    if refused {
        let message = "browsers may use this server only from the origins in `server.allowed_origins`";
        return Err(WireError::new(ErrorCode::Forbidden, message));
    }
    Ok(())
}

/// [`check`] before every route, the upgrade to WebSocket included.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    match check(request.headers(), &app.config.server.allowed_origins.0) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            if admission::is_attempt(&request) {
                app.metrics.attempts.count(Attempt::Origin);
            }
            Refusal::from(error).into_response()
        }
    }
}

/// Tells the browsers that are let in so.
pub fn cors(allowed: &[String]) -> CorsLayer {
    let origins = allowed.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static(CONNECTION)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_needs_its_exact_origin_on_the_list() {
        let allowed = ["https://watch.example".to_owned()];
        for (origins, good) in [
            (&[][..], true),
            (&["https://watch.example"], true),
            (&["https://watch.example."], false),
            (&["http://watch.example"], false),
            (&["https://watch.example:8443"], false),
            (&["https://evil.watch.example"], false),
            (&["null"], false),
            (&[""], false),
            (&["https://watch.example", "https://evil.example"], false),
        ] {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(check(&headers, &allowed).is_ok(), good, "{origins:?}");
        }
    }
}
