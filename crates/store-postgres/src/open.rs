//! Opening a database: the checks before using it.

use std::time::Duration;

use chinwag_core::HistoryId;
use chinwag_core::name::{NameCase, name_case_kept};

use crate::address::Target;
use crate::link::Link;
use crate::schema;

/// Options of a store. Each thread holds one connection.
#[derive(Debug, Clone)]
pub struct Options {
    /// Reader threads (at least 1).
    pub readers: usize,
    /// Threads for writes other than messages (at least 1).
    pub writers: usize,
    /// Threads that send messages, each one batch at a time (at least 1).
    pub senders: usize,
    /// Jobs that each queue may hold (at least 1).
    pub queue: usize,
    /// Timeout for a slot in a full queue, and then again for a thread. After it a job fails with
    /// `Unavailable`.
    pub patience: Duration,
    /// Messages that may share one round trip and commit (at least 1).
    pub batch: usize,
    /// Statement timeout.
    pub statement: Duration,
    /// Timeout of a statement for another transaction's lock.
    pub lock: Duration,
    /// Timeout for connecting.
    pub connect: Duration,
    /// How names compare. Fixed once a store has an ordinary user, and while another node serves it. `None`
    /// keeps the store's current setting.
    pub name_case: Option<NameCase>,
    /// Whether to migrate a database of an older version. Otherwise it is refused.
    pub upgrade: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            writers: 4,
            senders: 2,
            queue: 4096,
            patience: Duration::from_secs(5),
            batch: 256,
            statement: Duration::from_secs(10),
            lock: Duration::from_secs(3),
            connect: Duration::from_secs(3),
            name_case: None,
            upgrade: true,
        }
    }
}

/// Why a database could not be opened, in one sentence for the operator. Never contains a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is invalid.
    #[error("the database's address {0}: write it like postgres://user:password@host:5432/database")]
    Address(String),
    /// The server does not answer.
    #[error(
        "the database at {at} does not answer ({why}): check that it is running and that the address is right"
    )]
    Away {
        at: String,
        /// The system's error.
        why: String,
    },
    /// The user or the password is wrong.
    #[error("the database at {at} refuses the user {user}: check the name and the password ({why})")]
    Refused {
        at: String,
        user: String,
        /// The server's error.
        why: String,
    },
    /// The database does not exist.
    #[error(
        "the server at {at} has no database {name}: create it with createdb, or name another in the address"
    )]
    NoDatabase { at: String, name: String },
    /// TLS is required, but a secure link could not be made.
    #[error(
        "no secure link to the database at {at} ({why}): name the authority's certificate by sslrootcert in the \
         address, or write the weaker sslmode that is to do there"
    )]
    Tls { at: String, why: String },
    /// The server's version is too old.
    #[error("the server at {at} is PostgreSQL {found}: 15 or later is needed")]
    TooOld { at: String, found: String },
    /// The server is read-only.
    #[error(
        "the server at {at} accepts no writes: name the primary in the address, or all of them with target_session_attrs=read-write"
    )]
    ReadOnly { at: String },
    /// The database's encoding is not UTF-8.
    #[error(
        "the database {name} has the encoding {found}: create one with createdb --encoding UTF8 --template template0"
    )]
    Encoding { name: String, found: String },
    /// The database belongs to another program.
    #[error(
        "the database {name} is not empty and does not belong to Chinwag: create one for it with createdb, or name another in the address"
    )]
    Foreign { name: String },
    /// A migration into the database was started and not completed.
    #[error("the database {name} contains an unfinished migration: run chinwag migrate again to its end")]
    Unfinished { name: String },
    /// The database is an incomplete target of a migration by an older version.
    #[error(
        "the database {name} contains a migration that an older chinwag began: remove it with \
         psql -c 'DROP SCHEMA chinwag CASCADE', and run this again"
    )]
    OlderDraft { name: String },
    /// The database to read contains no store.
    #[error("the database {name} is empty: name the one to be migrated")]
    Empty { name: String },
    /// The database to create a store in contains one already.
    #[error("the database {name} already contains a store: create an empty one with createdb, and name that")]
    Occupied { name: String },
    /// Servers or other migrations use the database.
    #[error(
        "the database {name} is in use by a chinwag: stop it first (one that was killed is gone within half a minute)"
    )]
    InUse { name: String },
    /// An earlier version wrote the database.
    #[error(
        "the database {name} was written by an older chinwag: make a backup, then start this version on it once"
    )]
    Older { name: String },
    /// A later version wrote the database.
    #[error(
        "the database {name} was written by a newer chinwag (its schema is {found}, this one knows {known}): run that version"
    )]
    Newer {
        name: String,
        /// The version of the database's schema.
        found: i32,
        /// The latest schema version that this program knows.
        known: i32,
    },
    /// The user lacks a right to set up the schema.
    #[error(
        "the database {name} cannot be set up ({why}): its user needs the right to create a schema in it"
    )]
    NoRight {
        name: String,
        /// The server's error.
        why: String,
    },
    /// The user has only the right to read.
    #[error(
        "the user {user} may not change the tables of the database {name}: make it the owner of the schema chinwag and its tables"
    )]
    NoWrite { name: String, user: String },
    /// The server has no free connection.
    #[error(
        "the database at {at} has no connection free ({why}): raise max_connections, or the limit of its user or database"
    )]
    Full {
        at: String,
        /// The server's error.
        why: String,
    },
    /// The names of the store compare in another way than configured.
    #[error("{}", name_case_kept(*kept, name))]
    NameCase { name: String, kept: NameCase },
    /// A node without Redis serves the database.
    #[error(
        "another chinwag serves the database {name} alone: stop it (one that was killed is gone within half a minute), or give all nodes the same redis and cluster_secret"
    )]
    ServedAlone { name: String },
    /// Nodes with Redis serve the database, and this one has none.
    #[error(
        "other nodes serve the database {name} over a Redis: give this one the same redis and cluster_secret, or stop them"
    )]
    ServedByNodes { name: String },
    /// Nodes with another cluster secret serve the database.
    #[error("other nodes serve the database {name} with another cluster_secret: give all nodes the same")]
    ServedByStrangers { name: String },
    /// A thread could not be started.
    #[error("no thread could be started for the database: {0}")]
    Thread(String),
    /// Any other error.
    #[error("the database at {at} cannot be opened: {why}")]
    Other { at: String, why: String },
}

impl OpenError {
    /// Whether a later attempt may succeed without any change on this node.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Full { .. })
    }
}

/// Checks the database, and migrates its schema.
pub(crate) fn prepare(url: &str, options: &Options) -> Result<(Target, HistoryId), OpenError> {
    let mut target = Target::parse(url, options)?;
    let link = Link::open(&target).map_err(|why| why.into_open_error(&target))?;
    schema::prepare(&link, &target, options.upgrade)?;
    if let Some(case) = options.name_case {
        schema::keep_case(&link, &target, case)?;
    }
    target.name_case = schema::name_case(&link, &target)?;
    let history = schema::history(&link, &target)?;
    Ok((target, history))
}

/// The history id of a store of this version. With `renew`, gives it a new one first.
pub(crate) fn history(url: &str, options: &Options, renew: bool) -> Result<HistoryId, OpenError> {
    let target = Target::parse(url, options)?;
    let link = Link::open(&target).map_err(|why| why.into_open_error(&target))?;
    schema::require_current(&link, &target)?;
    if renew { schema::renew_history(&link, &target) } else { schema::history(&link, &target) }
}

/// Checks the database, and returns its state.
pub(crate) fn preview(url: &str, options: &Options) -> Result<&'static str, OpenError> {
    let target = Target::parse(url, options)?;
    let link = Link::open(&target).map_err(|why| why.into_open_error(&target))?;
    schema::preview(&link, &target, options.name_case)
}
