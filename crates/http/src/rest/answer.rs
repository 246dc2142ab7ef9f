//! Responses that several endpoints share.

use axum::body::Body as Content;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::IntoResponses;

use crate::error::{Body, Problem};

/// The initial capacity for a response's headers, a few more than it has.
const HEADERS: usize = 12;

/// A response of one JSON value.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => bytes(status, body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written");
            Problem::fault().into_response()
        }
    }
}

/// A response of serialized JSON.
pub(crate) fn bytes(status: StatusCode, body: impl Into<Content>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The response without content: `{}`.
pub(crate) fn nothing() -> Response {
    bytes(StatusCode::OK, b"{}".to_vec())
}

/// The refusal of an endpoint by which services vouch for users.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) enum OtherIdentity {
    /// The user signs in by other means, or the name has another spelling.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] Body<'static>),
}

/// The refusal of an endpoint of resumable uploads.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) enum OtherTus {
    /// `Tus-Resumable` is missing, or names another version.
    #[response(status = 412, content_type = "application/problem+json")]
    Refused(#[to_schema] Body<'static>),
}

/// The refusals of every endpoint.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) enum Refusals {
    /// The payload or the query is not valid; `errors` says which fields are not, and why.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] Body<'static>),
    /// There is no credential, or a bad one.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(#[to_schema] Body<'static>),
    /// The caller may not do this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Body<'static>),
    /// There is no such thing, or the caller may not see it.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Body<'static>),
    /// The body is too long.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Body<'static>),
    /// The body has a `Content-Encoding`.
    #[response(status = 415, content_type = "application/problem+json")]
    Encoded(#[to_schema] Body<'static>),
    /// The request's `Host` is not served here.
    #[response(status = 421, content_type = "application/problem+json")]
    Misdirected(#[to_schema] Body<'static>),
    /// Too many requests: `Retry-After` says when to try again.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(#[to_schema] Body<'static>),
    /// A fault of the server's.
    #[response(status = 500, content_type = "application/problem+json")]
    Fault(#[to_schema] Body<'static>),
    /// A `Transfer-Encoding` other than `chunked`.
    #[response(status = 501, content_type = "application/problem+json")]
    NotImplemented(#[to_schema] Body<'static>),
    /// Busy, or the store is away: `Retry-After` says when to try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Body<'static>),
}
