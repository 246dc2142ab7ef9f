//! The errors of use cases. Each has a public text, except for the text of an internal fault, which is only
//! logged.

use std::borrow::Cow;
use std::time::Duration;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A field that is refused, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The payload's key, e.g. `name` or `members`.
    pub field: Cow<'static, str>,
    /// A predicate that states the problem and how to correct it. It completes a sentence that begins with
    /// the field's name.
    pub detail: String,
}

/// The reason for a refusal. Nothing has changed, except possibly with [`Error::Unknown`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The payload is not valid. The list is never empty.
    #[error("{}", .0.first().map_or("the payload is not valid", |f| f.detail.as_str()))]
    Invalid(Vec<FieldError>),
    /// The credential is missing, not valid, or no longer valid.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// The object does not exist, or the caller may not see it. The answer is the same for both.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The `client_id` already belongs to another message.
    #[error("{0}")]
    Conflict(&'static str),
    /// A file, or all files together, would exceed a limit. The text names the setting.
    #[error("{0}")]
    TooLarge(String),
    /// The type of a file is not allowed.
    #[error("{0}")]
    UnsupportedType(String),
    /// A rate limit is exceeded. Retry after this time.
    #[error("too many requests: try again in {} s", whole_seconds(*.0))]
    TooMany(Duration),
    /// The group is in slow mode. The next message is accepted after this time.
    #[error("this group is in slow mode: you can send the next message in {} s", whole_seconds(*.0))]
    SlowMode(Duration),
    /// The store is unavailable or a queue is full. Nothing has changed. Retry after this time.
    #[error("the server is busy or unavailable: nothing was changed, try again in {} s", .0.as_secs().max(1))]
    Unavailable(Duration),
    /// The disk has less free space than required. Nothing has changed. Operations that free space still
    /// work.
    #[error("the server's disk is nearly full, and nothing new is stored: the operator must free some space")]
    Full,
    /// The outcome of the commit is unknown. Retrying with the same `client_id` is safe.
    #[error("the outcome is unknown: try again with the same client_id")]
    Unknown,
    /// Another node now holds the lease of this background work. Never returned to a client.
    #[error("the lease has ended: another node does this work")]
    LeaseEnded,
    /// A fault of the server. The text is only logged, never sent to a client.
    #[error("internal fault: {0}")]
    Internal(String),
}

impl Error {
    /// Refuses one field.
    pub fn field(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), detail: detail.into() }])
    }

    /// An error for a missing right. `why` is a sentence.
    pub fn forbidden(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbidden(why.into())
    }

    /// A fault of the server. `why` is only logged.
    pub fn internal(why: impl std::fmt::Display) -> Self {
        Self::Internal(why.to_string())
    }

    /// Whether the error refuses an excess request. Such a request does not count against the user's limits.
    pub fn is_too_many(&self) -> bool {
        matches!(self, Self::TooMany(_) | Self::SlowMode(_))
    }

    /// The store is unavailable or full. Retry after one second.
    pub fn unavailable() -> Self {
        Self::Unavailable(Duration::from_secs(1))
    }
}

/// The innermost cause of an error of a library, which is the most specific.
pub fn root_cause<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// The wait in whole seconds, at least 1. Rounded up so that no client retries too early.
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
