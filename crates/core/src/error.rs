//! The reasons for which a use case fails. Each has a public text. The inner text of a fault is only for the
//! log.

use std::borrow::Cow;
use std::time::Duration;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refused field with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The payload's key, e.g. `name` or `members`.
    pub field: Cow<'static, str>,
    /// A predicate that says what is wrong and how to correct it.
    pub detail: String,
}

/// The reason for a refusal. Nothing was changed, except with [`Error::Unknown`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The payload is wrong. The list is never empty.
    #[error("{}", .0.first().map_or("the payload is not valid", |f| f.detail.as_str()))]
    Invalid(Vec<FieldError>),
    /// There is no credential, or it is not valid or no longer valid.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// There is no such object, or the caller may not see it. The answer is the same for both.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A `client_id` was used for another message.
    #[error("{0}")]
    Conflict(&'static str),
    /// A file, or the sum of files, is larger than a setting allows. The text names the setting.
    #[error("{0}")]
    TooLarge(String),
    /// The type of a file is not allowed.
    #[error("{0}")]
    UnsupportedType(String),
    /// There are too many requests. Try again after this time.
    #[error("too many requests: try again in {} s", whole_seconds(*.0))]
    TooMany(Duration),
    /// The group is in slow mode. The next message is accepted after this time.
    #[error("this group is in slow mode: you can send the next message in {} s", whole_seconds(*.0))]
    SlowMode(Duration),
    /// The store is unavailable or a queue is full, and nothing was changed. Try again after this time.
    #[error("the server is busy or unavailable: nothing was changed, try again in {} s", .0.as_secs().max(1))]
    Unavailable(Duration),
    /// The disk has less free room than required, and nothing was changed. Operations that free room
    /// continue.
    #[error("the server's disk is nearly full and nothing new is stored: the operator must free some room")]
    Full,
    /// The outcome of the commit is unknown. A retry with the same `client_id` is safe.
    #[error("the outcome is unknown: try again with the same client_id")]
    Unknown,
    /// A step of background work whose lease went to another node. Never an answer to a client.
    #[error("the lease has ended: another node does this work")]
    LeaseEnded,
    /// A fault of the server. The text is only for the log, never for a client.
    #[error("internal fault: {0}")]
    Internal(String),
}

impl Error {
    /// A refusal of one field.
    pub fn field(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), detail: detail.into() }])
    }

    /// A refusal for a missing right; `why` is a sentence.
    pub fn forbidden(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbidden(why.into())
    }

    /// A fault of the server; `why` is for the log.
    pub fn internal(why: impl std::fmt::Display) -> Self {
        Self::Internal(why.to_string())
    }

    /// Whether it refuses one request too many, which then takes nothing from the user's limits.
    pub fn is_too_many(&self) -> bool {
        matches!(self, Self::TooMany(_) | Self::SlowMode(_))
    }

    /// The store is unavailable or full: try again in a second.
    pub fn unavailable() -> Self {
        Self::Unavailable(Duration::from_secs(1))
    }
}

/// A wait in whole seconds, rounded up so that no client returns too early. At least one.
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
