//! The few ways in which a use case can refuse. Each has a public text; a fault's inner text is
//! for the log alone.

use std::borrow::Cow;
use std::time::Duration;

/// What a use case answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One field that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The payload's key, e.g. `name` or `members`.
    pub field: Cow<'static, str>,
    /// A sentence that says what is wrong and what would be right.
    pub detail: String,
}

/// Why a use case refused. Nothing was changed, except where [`Error::Unknown`] says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The payload is wrong. Never empty.
    #[error("{}", .0.first().map_or("the payload is not valid", |f| f.detail.as_str()))]
    Invalid(Vec<FieldError>),
    /// There is no credential, or it is not (or no longer) good.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// There is no such thing, or the caller may not see it: both answer alike.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A `client_id` was used before for another message.
    #[error("{0}")]
    Conflict(&'static str),
    /// Too many requests; try again after the given time.
    #[error("too many requests: try again in {} s", whole_seconds(*.0))]
    TooMany(Duration),
    /// The store is away or a queue is full; nothing was changed. Try again after the given time.
    #[error("busy or unavailable: nothing was changed, try again in {} s", .0.as_secs().max(1))]
    Unavailable(Duration),
    /// The disk has less room than is to be kept free; nothing was changed. What frees room goes on.
    #[error(
        "the server's disk is nearly full, so that nothing new is stored: whoever runs it must make room"
    )]
    Full,
    /// The store cannot tell whether it committed. A retry with the same `client_id` is safe.
    #[error("the outcome is unknown: try again with the same client_id")]
    Unknown,
    /// A fault of the server. The text is for the log, never for a client.
    #[error("internal fault: {0}")]
    Internal(String),
}

impl Error {
    /// One refused field.
    pub fn field(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), detail: detail.into() }])
    }

    /// A right that the caller lacks, as a sentence.
    pub fn forbidden(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbidden(why.into())
    }

    /// A fault of the server, with a text for the log.
    pub fn internal(why: impl std::fmt::Display) -> Self {
        Self::Internal(why.to_string())
    }

    /// The store is away, or full: try again in a second.
    pub fn unavailable() -> Self {
        Self::Unavailable(Duration::from_secs(1))
    }
}

/// A wait in whole seconds, rounded up: who comes back earlier is refused again. At least one.
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
