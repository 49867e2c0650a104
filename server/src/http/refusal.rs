//! A refusal as HTTP: status, body, and `Retry-After` where it helps.

use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use watchbell_protocol::{ErrorCode, WireError, http::ErrorBody};

/// A request that was refused.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    error: WireError,
}

impl Refusal {
    /// What went wrong, for programs.
    pub fn code(&self) -> ErrorCode {
        self.error.code
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        Self { status: status(error.code), error }
    }
}

fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest | ErrorCode::UnknownCommand => StatusCode::BAD_REQUEST,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Conflict | ErrorCode::LeaseLost => StatusCode::CONFLICT,
        ErrorCode::Expired => StatusCode::GONE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let retry_after = self.error.retry_after_ms.map(|ms| HeaderValue::from(u64::from(ms).div_ceil(1000)));
        let mut response = (self.status, Json(ErrorBody { error: self.error })).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// No route has this path.
pub async fn unknown_route(method: Method, uri: Uri) -> Refusal {
    WireError::new(ErrorCode::NotFound, format!("there is nothing at {method} {}", uri.path())).into()
}

/// The path exists for another method.
pub async fn unknown_method(method: Method, uri: Uri) -> Refusal {
    let message = format!("{} does not take {method}", uri.path());
    Refusal { status: StatusCode::METHOD_NOT_ALLOWED, error: WireError::new(ErrorCode::BadRequest, message) }
}
