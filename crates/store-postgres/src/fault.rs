//! The mapping of PostgreSQL's errors to those of the port.

use std::any::Any;
use std::error::Error as _;

use chinwag_core::Error;
use tokio_postgres::error::SqlState;

/// Why a statement failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server returned an error, or the link was lost.
    Said(tokio_postgres::Error),
    /// The server did not answer in time.
    Silent,
}

/// The kind of a failure, by its consequence for the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The link is lost.
    Lost,
    /// The server has become read-only. After a failover, a new connection finds the new primary.
    ReadOnly,
    /// A conflict with another transaction: a retry may succeed.
    Retry,
    /// A migration by another node has made a prepared statement stale: a retry on a new link may succeed.
    Stale,
    /// A unique constraint was violated: in a retry, the job may see the conflicting row.
    Collision,
    /// Not possible now, for example after a lock timeout or for lack of resources. No immediate retry.
    Unavailable,
    /// A bug.
    Fault,
}

impl Failure {
    /// The server's error code, if the server returned an error.
    pub(crate) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Said(why) => why.code(),
            Self::Silent => None,
        }
    }

    /// The violated constraint, if any.
    pub(crate) fn constraint(&self) -> Option<&str> {
        match self {
            Self::Said(why) => why.as_db_error()?.constraint(),
            Self::Silent => None,
        }
    }

    /// The kind of the failure, by its consequence for the transaction.
    pub(crate) fn kind(&self) -> FailureKind {
        let Some(code) = self.code() else { return self.without_code() };
        match code.code() {
            "40001" | "40P01" => FailureKind::Retry,
            "0A000" => FailureKind::Stale,
            "23514" if self.constraint() == Some("groups_numbered") => FailureKind::Retry,
            "23505" => FailureKind::Collision,
            "25006" => FailureKind::ReadOnly,
            "55P03" | "57014" => FailureKind::Unavailable,
            // The server has ended the session, because it was told to or a timeout of transactions has passed.
            "25P03" | "25P04" => FailureKind::Lost,
            code if code.starts_with("57P") || code.starts_with("08") => FailureKind::Lost,
            code if code.starts_with("53") || code.starts_with("58") => FailureKind::Unavailable,
            _ => FailureKind::Fault,
        }
    }

    /// Whether the server's error says that a commit failed, so that nothing was changed.
    pub(crate) fn undid_commit(&self) -> bool {
        let code = self.code().map(SqlState::code);
        code.is_some_and(|code| code.starts_with("40") || code.starts_with("23") || code.starts_with("25P02"))
    }

    fn without_code(&self) -> FailureKind {
        match self {
            Self::Silent => FailureKind::Lost,
            // If the library itself refuses something, such as a parameter of the wrong type, the error's
            // source is neither an I/O error nor a closed link.
            Self::Said(why) if why.is_closed() => FailureKind::Lost,
            Self::Said(why) => match why.source() {
                Some(source) if source.is::<std::io::Error>() => FailureKind::Lost,
                _ => FailureKind::Fault,
            },
        }
    }

    /// The error for the caller. Logs errors that may be transient.
    pub(crate) fn error(&self) -> Error {
        match self.kind() {
            FailureKind::Fault | FailureKind::Collision => Error::internal(self),
            // A retry usually succeeds.
            FailureKind::Retry | FailureKind::Stale => {
                tracing::debug!(error = %self, "others stand in the way");
                Error::unavailable()
            }
            FailureKind::Lost | FailureKind::ReadOnly | FailureKind::Unavailable => {
                tracing::warn!(error = %self, "the database is unavailable");
                Error::unavailable()
            }
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(why: tokio_postgres::Error) -> Self {
        Self::Said(why)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Silent => f.write_str("the server was silent for too long"),
            Self::Said(why) => f.write_str(&reason(why)),
        }
    }
}

/// The library's message with that of the server or the system.
pub(crate) fn reason(why: &tokio_postgres::Error) -> String {
    match (why.as_db_error(), why.source()) {
        // The detail of a violated constraint contains values, which must not be logged.
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(source)) => source.to_string(),
        (None, None) => why.to_string(),
    }
}

/// An error for the payload of a job's panic.
pub(crate) fn panicked(with: &(dyn Any + Send)) -> Error {
    let text = with.downcast_ref::<&str>().copied().or(with.downcast_ref::<String>().map(String::as_str));
    Error::internal(format_args!("a job of the store panicked: {}", text.unwrap_or("no text")))
}
