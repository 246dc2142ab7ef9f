//! Errors as HTTP responses: `application/problem+json` (RFC 9457). This module alone maps errors to status codes,
//! which the error frames of a WebSocket carry as well.

use std::any::Any;
use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chinwag_core::Error;
use chinwag_core::error::{FieldError, whole_seconds};
use serde::Serialize;
use utoipa::ToSchema;

/// The result of a handler.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// The detail of every 5xx that is an internal fault.
const FAULT: &str = "internal error: the server's log has the details, under this response's X-Request-Id";

/// An error that is ready to be sent. The public fields contain nothing secret.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The status code.
    pub status: StatusCode,
    /// A sentence for people.
    pub detail: Cow<'static, str>,
    /// The refused fields of the payload.
    pub errors: Vec<FieldError>,
    /// When a retry may succeed, if it may.
    pub retry_after: Option<Duration>,
    /// The text for the log only.
    fault: Option<String>,
}

/// The error of a use case as a response.
#[derive(Debug)]
pub struct ErrorResponse(pub Error);

/// A refusal's body.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Body<'a> {
    /// Always `about:blank`: the status says what kind it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status code.
    status: u16,
    /// The problem, as a sentence for people.
    detail: &'a str,
    /// The payload's refused fields, if that is what is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Refused<'a>>,
}

/// One refused field.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refused<'a> {
    /// The payload's key; `outer.inner` within an object.
    field: &'a str,
    /// The problem: the end of a sentence that begins with the field.
    detail: &'a str,
}

impl Problem {
    /// An error that does not come from a use case.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), errors: Vec::new(), retry_after: None, fault: None }
    }

    /// 404: the path is unknown.
    pub fn no_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    /// 404: the path is not below the server's base path.
    pub fn not_below(base: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is nothing at this path: this server is at {base}/"))
    }

    /// 503: the server is overloaded. A retry may succeed after a second.
    pub fn busy() -> Self {
        Error::unavailable().into()
    }

    /// 429: the user has too many unread response bytes.
    pub fn unread() -> Self {
        let why = "too many bytes of your responses are unread: read them before you request more";
        Self::new(StatusCode::TOO_MANY_REQUESTS, why).retry(Duration::from_secs(1))
    }

    /// 500: an internal fault, whose detail has been logged.
    pub fn fault() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, FAULT)
    }

    fn retry(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }
}

/// The status code of a use case's error, as in `error.*` frames.
pub fn code(error: &Error) -> u16 {
    status(error).as_u16()
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::Invalid(_) => StatusCode::BAD_REQUEST,
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Conflict(_) => StatusCode::CONFLICT,
        Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::UnsupportedType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::TooMany(_) | Error::SlowMode(_) => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable(_) | Error::Unknown => StatusCode::SERVICE_UNAVAILABLE,
        Error::Full => StatusCode::INSUFFICIENT_STORAGE,
        Error::LeaseEnded | Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The public text of an error, as one sentence.
pub fn detail(error: &Error) -> Cow<'static, str> {
    match error {
        Error::LeaseEnded | Error::Internal(_) => FAULT.into(),
        Error::Invalid(errors) => match &errors[..] {
            [] => "the payload is not valid".into(),
            [first, ..] if first.field.is_empty() => first.detail.clone().into(),
            [first, ..] => format!("{} {}", first.field, first.detail).into(),
        },
        _ => error.to_string().into(),
    }
}

/// The message of a panic, for the log only.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> &str {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = Self::new(status(&error), detail(&error));
        match error {
            Error::TooMany(after) | Error::SlowMode(after) | Error::Unavailable(after) => {
                problem.retry(after)
            }
            Error::Unknown => problem.retry(Duration::from_secs(1)),
            Error::Internal(fault) => Self { fault: Some(fault), ..problem },
            // Errors without a field concern the whole payload, and are in the detail already.
            Error::Invalid(errors) => {
                Self { errors: errors.into_iter().filter(|e| !e.field.is_empty()).collect(), ..problem }
            }
            _ => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Some(fault) = &self.fault {
            tracing::error!(fault, "a request failed");
        }
        let body = Body {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Refused"),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: self.errors.iter().map(|e| Refused { field: &e.field, detail: &e.detail }).collect(),
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let problem = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, problem)], body).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, whole_seconds(after).into());
        }
        response
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        Problem::from(self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    async fn answered(error: Error) -> (u16, Option<String>, Value) {
        let response = Problem::from(error).into_response();
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let status = response.status().as_u16();
        let retry = response.headers().get("retry-after").map(|v| v.to_str().unwrap().to_owned());
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, retry, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn every_refusal_has_its_status_and_says_when_to_try_again() {
        for (error, status, retry) in [
            (Error::field("name", "is taken"), 400, None),
            (Error::Unauthenticated("sign in"), 401, None),
            (Error::forbidden("no"), 403, None),
            (Error::NotFound("user"), 404, None),
            (Error::Conflict("used"), 409, None),
            (Error::TooLarge("files.max_size".into()), 413, None),
            (Error::UnsupportedType("files.types".into()), 415, None),
            (Error::TooMany(Duration::from_millis(2100)), 429, Some("3")),
            (Error::unavailable(), 503, Some("1")),
            (Error::Unavailable(Duration::ZERO), 503, Some("1")),
            (Error::Unknown, 503, Some("1")),
            (Error::Full, 507, None),
            (Error::internal("disk"), 500, None),
        ] {
            let name = format!("{error:?}");
            let (found, after, body) = answered(error).await;
            assert_eq!((found, after.as_deref()), (status, retry), "{name}");
            assert_eq!(body["status"], status, "{name}");
        }
    }

    #[tokio::test]
    async fn a_bad_payload_names_every_refused_field() {
        let refused =
            |field: &'static str, detail: &str| FieldError { field: field.into(), detail: detail.into() };
        let error = Error::Invalid(vec![refused("name", "is required"), refused("body", "may not be empty")]);
        assert_eq!(
            answered(error).await.2,
            json!({
                "type": "about:blank", "title": "Bad Request", "status": 400, "detail": "name is required",
                "errors": [
                    {"field": "name", "detail": "is required"},
                    {"field": "body", "detail": "may not be empty"},
                ],
            })
        );
        let whole = answered(Error::field("", "the payload is not JSON")).await.2;
        assert_eq!((&whole["detail"], whole.get("errors")), (&json!("the payload is not JSON"), None));
    }

    #[tokio::test]
    async fn internal_errors_show_no_details() {
        let (_, _, body) = answered(Error::internal("SELECT secret FROM tokens")).await;
        assert!(!body.to_string().contains("secret"), "{body}");
        assert_eq!(body["detail"], FAULT);
    }
}
