//! A JSON body: bounded by the route's `DefaultBodyLimit`, and when it does not parse the refusal names the field.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use serde::de::DeserializeOwned;
use watchbell_protocol::{ErrorCode, WireError, error};

use super::Refusal;

/// The parsed body of a request.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let TextBody(text) = TextBody::from_request(request, state).await?;
        Ok(Self(error::parse(&text, "")?))
    }
}

/// The body of a request as text.
#[derive(Debug)]
pub struct TextBody(pub String);

impl<S: Sync> FromRequest<S> for TextBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, &state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                WireError::new(ErrorCode::TooLarge, "the body is larger than allowed here")
            }
            _ => WireError::new(ErrorCode::BadRequest, "the body did not arrive whole"),
        })?;
        let text = String::from_utf8(bytes.into());
        Ok(Self(text.map_err(|_| WireError::new(ErrorCode::BadRequest, "the body is not UTF-8"))?))
    }
}
