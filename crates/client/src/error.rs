//! Errors of calls and of sessions.

use std::time::Duration;

use serde::Deserialize;

use crate::connect::ConnectError;
use crate::socket::End;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server refused the request, and nothing was changed. With status 500 or 503, the detail says if
    /// the outcome is unknown.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The connection was lost before an answer arrived. The outcome is unknown.
    #[error("no response arrived: {0}")]
    Lost(String),
    /// The answer does not conform to the protocol.
    #[error("the response does not conform to the protocol: {0}")]
    Unexpected(String),
    /// The address of the server or a header is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The event is larger than the server accepts. Nothing has changed.
    #[error("the event is too long for the server: {0}")]
    TooLong(String),
    /// The session has ended permanently.
    #[error("the session has ended: {0}")]
    Ended(End),
    /// This program has closed the session.
    #[error("the session is closed")]
    Closed,
}

impl From<ConnectError> for Error {
    fn from(why: ConnectError) -> Self {
        match why {
            ConnectError::Refused(refusal) => Self::Refused(refusal),
            ConnectError::Unreachable(why) => Self::Lost(why),
            ConnectError::Invalid(why) => Self::Invalid(why),
        }
    }
}

impl Error {
    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }
}

/// A refusal, over REST or over a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {detail}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// A sentence for people.
    pub detail: String,
    /// The refused fields.
    pub errors: Vec<FieldProblem>,
    /// The delay after which a retry is worthwhile.
    pub retry_after: Option<Duration>,
    /// The whole body of the answer.
    pub body: String,
}

/// A refused field of a payload.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FieldProblem {
    /// The field's key in the payload.
    pub field: String,
    /// The reason.
    pub detail: String,
}

/// The body of a refusal: problem details of RFC 9457, or the `data` of an error frame.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<FieldProblem>,
    #[serde(default)]
    retry_after: Option<u64>,
}

impl Refusal {
    /// Parses an HTTP answer, or the data of an error frame. If the body cannot be parsed, it becomes the
    /// detail.
    pub(crate) fn new(status: u16, body: &str, retry_after: Option<&str>) -> Self {
        let problem = serde_json::from_str(body)
            .unwrap_or_else(|_| Problem { detail: body.chars().take(200).collect(), ..Problem::default() });
        let Problem { detail, errors, retry_after: seconds } = problem;
        let seconds = retry_after.and_then(|value| value.parse().ok()).or(seconds);
        Self { status, detail, errors, retry_after: seconds.map(Duration::from_secs), body: body.to_owned() }
    }

    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, 429 | 503)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_body_gives_detail_and_fields() {
        let body = r#"{"status":400,"detail":"name is required","errors":[{"field":"name","detail":"is required"}]}"#;
        let refusal = Refusal::new(400, body, None);
        assert_eq!((refusal.detail.as_str(), refusal.errors[0].field.as_str()), ("name is required", "name"));
        assert!(!refusal.is_temporary());
    }

    #[test]
    fn retry_after_header_wins_over_the_body() {
        let refusal = Refusal::new(429, r#"{"retry_after":9}"#, Some("3"));
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(3)));
        let refusal = Refusal::new(429, r#"{"retry_after":9}"#, None);
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(9)));
        assert!(refusal.is_temporary());
    }

    #[test]
    fn plain_body_is_the_detail() {
        assert_eq!(Refusal::new(502, "bad gateway", None).detail, "bad gateway");
    }
}
