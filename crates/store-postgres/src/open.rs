//! Opening a database: what it takes to trust one.

use std::time::Duration;

use chinwag_core::HistoryId;
use chinwag_core::name::{NameCase, name_case_kept};

use crate::address::Target;
use crate::link::Link;
use crate::schema;

/// Options of a store. Each thread holds one connection.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that read (at least 1).
    pub readers: usize,
    /// Threads that write, other than messages (at least 1).
    pub writers: usize,
    /// Threads that send messages, each a batch at a time (at least 1).
    pub senders: usize,
    /// Jobs that may wait in each of the queues (at least 1).
    pub queue: usize,
    /// How long a job waits for a place in a full queue, and then for a thread, before it is
    /// refused.
    pub patience: Duration,
    /// Messages that may share one round trip and commit (at least 1).
    pub batch: usize,
    /// The longest time of one statement.
    pub statement: Duration,
    /// The longest wait of a statement for a lock of another transaction.
    pub lock: Duration,
    /// The longest time to connect.
    pub connect: Duration,
    /// How names are to compare, which a store keeps to once it has a user who is not special, or
    /// while another node serves it. Left out: as they do.
    pub name_case: Option<NameCase>,
    /// Whether a database of an older version is brought up to date. Else it is refused.
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

/// Why a database could not be opened: one sentence, for whoever runs the server. A password is
/// never part of it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is none.
    #[error("the database's address {0}: write it like postgres://user:password@host:5432/database")]
    Address(String),
    /// Nobody answers there.
    #[error("the database at {at} does not answer ({why}): see that it runs and that the address is right")]
    Away {
        /// Host and port.
        at: String,
        /// The system's word.
        why: String,
    },
    /// The user or the password is wrong.
    #[error(
        "the database at {at} refuses the user {user}: see that the name and the password are right ({why})"
    )]
    Refused {
        /// Host and port.
        at: String,
        user: String,
        /// The server's word.
        why: String,
    },
    /// There is no such database.
    #[error(
        "the server at {at} has no database {name}: make it with createdb, or name another in the address"
    )]
    NoDatabase {
        /// Host and port.
        at: String,
        name: String,
    },
    /// TLS was asked for and could not be had.
    #[error(
        "no secure link to the database at {at} ({why}): name the authority's certificate by sslrootcert in the \
         address, or write the weaker sslmode that is to do there"
    )]
    Tls {
        /// Host and port.
        at: String,
        why: String,
    },
    /// The server is too old.
    #[error("the server at {at} is PostgreSQL {found}: 15 or later is needed")]
    TooOld {
        /// Host and port.
        at: String,
        /// Its version.
        found: String,
    },
    /// The server only reads.
    #[error(
        "the server at {at} takes no writes: name the primary in the address, or all of them with target_session_attrs=read-write"
    )]
    ReadOnly {
        /// Host and port.
        at: String,
    },
    /// The database does not keep its texts as UTF-8.
    #[error("the database {name} is in {found}: make one with createdb --encoding UTF8 --template template0")]
    Encoding {
        name: String,
        /// Its encoding.
        found: String,
    },
    /// The database is another program's.
    #[error(
        "the database {name} is not empty and not Chinwag's: make one for it with createdb, or name another in the address"
    )]
    Foreign { name: String },
    /// A migration into it was begun and not finished.
    #[error("the database {name} holds an unfinished migration: run chinwag migrate again to its end")]
    Unfinished { name: String },
    /// There is no store in it, where one is to be read.
    #[error("the database {name} is empty: name the one to be migrated")]
    Empty { name: String },
    /// There is a store in it, where one is to be made.
    #[error("the database {name} holds a store already: make an empty one with createdb, and name that")]
    Occupied { name: String },
    /// Servers or other migrations use it.
    #[error(
        "the database {name} is in use by a chinwag: stop it first (one that was killed is gone within half a minute)"
    )]
    InUse { name: String },
    /// The database was written by an earlier version.
    #[error(
        "the database {name} was written by an older chinwag: make a backup, then start this version on it once"
    )]
    Older { name: String },
    /// The database was written by a later version.
    #[error(
        "the database {name} was written by a newer chinwag (its schema is {found}, this one knows {known}): run that version"
    )]
    Newer {
        name: String,
        /// The database's schema.
        found: i32,
        /// The last schema that this program knows.
        known: i32,
    },
    /// The user may not do what it takes.
    #[error(
        "the database {name} cannot be set up ({why}): its user needs the right to create a schema in it"
    )]
    NoRight {
        name: String,
        /// The server's word.
        why: String,
    },
    /// The user may only read.
    #[error(
        "the user {user} may not change the tables of the database {name}: make it the owner of the schema chinwag and its tables"
    )]
    NoWrite { name: String, user: String },
    /// No connection is free.
    #[error(
        "the database at {at} has no connection free ({why}): raise max_connections, or the limit of its user or database"
    )]
    Full {
        /// Host and port.
        at: String,
        /// The server's word.
        why: String,
    },
    /// The database's names compare in another way than they are to.
    #[error("{}", name_case_kept(*kept, name))]
    NameCase { name: String, kept: NameCase },
    /// A node without Redis serves it.
    #[error(
        "another chinwag serves the database {name} alone: stop it (one that was killed is gone within half a minute), or give all nodes the same redis and cluster_secret"
    )]
    ServedAlone { name: String },
    /// Nodes with Redis serve it, and this one has none.
    #[error(
        "other nodes serve the database {name} over a Redis: give this one the same redis and cluster_secret, or stop them"
    )]
    ServedByNodes { name: String },
    /// Nodes with another secret serve it.
    #[error("other nodes serve the database {name} with another cluster_secret: give all nodes the same")]
    ServedByStrangers { name: String },
    /// No thread could be started.
    #[error("no thread could be started for the database: {0}")]
    Thread(String),
    /// Anything else.
    #[error("the database at {at} cannot be opened: {why}")]
    Other {
        /// Host and port.
        at: String,
        why: String,
    },
}

impl OpenError {
    /// Whether a later attempt may succeed with nothing changed here.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Full { .. })
    }
}

/// Finds out whether the database can be trusted, and brings its schema up to date.
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

/// The id of the history of a store of this version, which gets another one first if `renew`.
pub(crate) fn history(url: &str, options: &Options, renew: bool) -> Result<HistoryId, OpenError> {
    let target = Target::parse(url, options)?;
    let link = Link::open(&target).map_err(|why| why.into_open_error(&target))?;
    schema::whole(&link, &target)?;
    if renew { schema::renew_history(&link, &target) } else { schema::history(&link, &target) }
}

/// Finds out whether the database can be trusted, and what it is.
pub(crate) fn look(url: &str, options: &Options) -> Result<&'static str, OpenError> {
    let target = Target::parse(url, options)?;
    let link = Link::open(&target).map_err(|why| why.into_open_error(&target))?;
    schema::look(&link, &target, options.name_case)
}
