//! Opening a file: the checks before using it, and the setup of each connection.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{io, thread};

use chinwag_core::name::{NameCase, name_case_kept};
use chinwag_core::path::folder_of;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::statvfs;

use crate::reserve::{is_full, lacks_room};
use crate::schema;

/// Capacity of a connection's statement cache; more than the number of statements.
const STATEMENTS: usize = 128;
/// The page cache of the writer and of each reader, in KiB. Readers find most pages in the system's cache.
const WRITER_CACHE: i64 = 32 * 1024;
const READER_CACHE: i64 = 2 * 1024;
/// The growth of the journal, in pages of 4 KiB, after which the checkpoint thread moves it into the file.
pub(crate) const CHECKPOINT_PAGES: i64 = 4000;
/// The length of the journal, in pages, from which commits move it themselves. It gets that long only if the
/// checkpoint thread fails, or if a reader uses an earlier state for long. A journal that has grown beyond
/// `JOURNAL_BYTES` is truncated to that length.
const COMMIT_PAGES: i64 = 8 * CHECKPOINT_PAGES;
const JOURNAL_BYTES: i64 = 64 << 20;

/// An upper bound on the size of the journal and the shared memory before the first commit.
const OPENING_BYTES: u64 = 256 << 10;
const ROOT: u32 = 0;

/// The longest time for which emptying the journal may block writers.
const JOURNAL_BUSY: Duration = Duration::from_millis(20);

/// Options of a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Reader threads (at least 1).
    pub readers: usize,
    /// Jobs that each of the two queues may hold (at least 1).
    pub queue: usize,
    /// Timeout for a slot in a full queue. Then the job fails with `Unavailable`.
    pub patience: Duration,
    /// Timeout for a job that has a slot. If it has not started by then, it never runs and fails with
    /// `Unavailable`; a write that has started fails with `Unknown`.
    pub deadline: Duration,
    /// Jobs that may share one commit (at least 1).
    pub batch: usize,
    /// Timeout for a write of another process.
    pub busy: Duration,
    /// How names compare. Fixed once a store has an ordinary user. `None` keeps the store's current setting.
    pub name_case: Option<NameCase>,
    /// Whether to migrate a file of an older version. Otherwise it is refused.
    pub upgrade: bool,
    /// Bytes of the disk that are kept in reserve, so that deletions go on where it is full; 0 for none. While
    /// the reserve is not whole, nothing new is stored. `None`: the existing reserve keeps its size.
    pub reserve: Option<u64>,
    /// Whether a commit waits for the disk. Disabled only in tests: without it a power failure loses commits,
    /// but a crash of the process does not.
    pub durable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            queue: 4096,
            patience: Duration::from_secs(5),
            deadline: Duration::from_secs(15),
            batch: 256,
            busy: Duration::from_secs(5),
            name_case: None,
            upgrade: true,
            reserve: Some(0),
            durable: true,
        }
    }
}

/// Why a file could not be opened, in one sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file does not exist and cannot be created.
    #[error("the database {} cannot be made: {why}", path.display())]
    Create {
        path: PathBuf,
        /// The system's error.
        why: io::Error,
    },
    /// The file or its folder is not writable.
    #[error(
        "the database {} cannot be written to: this user must own the file, its journal and its folder",
        path.display()
    )]
    ReadOnly { path: PathBuf },
    /// The file is not a database.
    #[error("the file {} is not a database", path.display())]
    NotADatabase { path: PathBuf },
    /// The file belongs to another program.
    #[error("the database {} belongs to another program", path.display())]
    Foreign { path: PathBuf },
    /// An earlier version wrote the file.
    #[error(
        "the database {} was written by an older chinwag: make a backup, then start this version on it once",
        path.display()
    )]
    Older { path: PathBuf },
    /// A later version wrote the file.
    #[error(
        "the database {} was written by a newer chinwag (its schema is {found}, this one knows {known}): run that version",
        path.display()
    )]
    Newer {
        path: PathBuf,
        /// The version of the file's schema.
        found: i64,
        /// The latest schema version that this program knows.
        known: i64,
    },
    /// The file is an incomplete target of a migration by another version.
    #[error(
        "the file {} is of a migration that another version of chinwag began: remove it, and run this again",
        path.display()
    )]
    OtherDraft { path: PathBuf },
    /// The names of the store compare in another way than configured.
    #[error("{}", name_case_kept(*kept, &path.display()))]
    NameCase { path: PathBuf, kept: NameCase },
    /// Another process kept the file locked.
    #[error("the database {} is locked by another process that is writing to it: try again", path.display())]
    Busy { path: PathBuf },
    /// The disk has no room for the files that a store needs next to its database.
    #[error("the database {} cannot be opened: its disk is full, so free some space", path.display())]
    Full { path: PathBuf },
    /// The file system does not support a write-ahead log.
    #[error("the database {} is on a file system that cannot share memory: move it to a local disk", path.display())]
    NoWal { path: PathBuf },
    /// Any other error.
    #[error("the database {} cannot be opened: {why}", path.display())]
    Other { path: PathBuf, why: String },
}

impl OpenError {
    pub(crate) fn thread(path: &Path, why: &io::Error) -> Self {
        Self::Other { path: path.into(), why: format!("no thread could be started: {why}") }
    }

    pub(crate) fn sqlite(path: &Path, why: &rusqlite::Error) -> Self {
        let path = path.into();
        match why.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::DiskFull) => Self::Full { path },
            // For example if the journal or the shared memory cannot be created.
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if !has_room(&path) => {
                Self::Full { path }
            }
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) if path.is_file() => {
                Self::ReadOnly { path }
            }
            _ => Self::Other { path, why: why.to_string() },
        }
    }
}

/// The connection that writes. Migrates the schema.
pub(crate) fn writer(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    create(path)?;
    let failed = |why| OpenError::sqlite(path, &why);
    let mut conn = connect(path, options)?;
    if conn.is_readonly("main").map_err(failed)? {
        return Err(OpenError::ReadOnly { path: path.into() });
    }
    // In one snapshot, since another process may be creating the schema.
    let snapshot = conn.transaction().map_err(failed)?;
    schema::inspect(path, &snapshot)?;
    if !options.upgrade {
        schema::require_current(path, &snapshot)?;
    }
    drop(snapshot);
    if keep_wal(&conn, options).map_err(failed)? != "wal" {
        return Err(OpenError::NoWal { path: path.into() });
    }
    let set_up = |conn: &Connection| {
        conn.pragma_update(None, "synchronous", if options.durable { "FULL" } else { "OFF" })?;
        conn.pragma_update(None, "cache_size", -WRITER_CACHE)?;
        conn.pragma_update(None, "wal_autocheckpoint", COMMIT_PAGES)?;
        conn.pragma_update(None, "journal_size_limit", JOURNAL_BYTES)?;
        // Overwrite erased data, also on freed pages.
        conn.pragma_update(None, "secure_delete", true)
    };
    set_up(&conn).map_err(failed)?;
    schema::migrate(path, &mut conn)?;
    if let Some(case) = options.name_case {
        schema::keep_case(path, &mut conn, case)?;
    }
    Ok(conn)
}

/// A connection that reads. The writer's must be opened first.
pub(crate) fn reader(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let conn = connect(path, options)?;
    let set_up = |conn: &Connection| {
        conn.pragma_update(None, "query_only", true)?;
        conn.pragma_update(None, "cache_size", -READER_CACHE)
    };
    set_up(&conn).map_err(|why| OpenError::sqlite(path, &why))?;
    Ok(conn)
}

/// Moves the whole journal into the file and truncates it. Returns whether that succeeded: not while a reader
/// uses an earlier state, or while there are constant writes.
pub(crate) fn empty_journal(path: &Path) -> rusqlite::Result<bool> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(JOURNAL_BUSY)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    // The first command does most of the work without blocking writers, so the second one has little left to
    // do.
    let was_busy = |sql| conn.query_row(sql, [], |row| row.get::<_, bool>(0));
    was_busy("PRAGMA wal_checkpoint(PASSIVE)")?;
    Ok(!was_busy("PRAGMA wal_checkpoint(TRUNCATE)")?)
}

/// A connection to a new or partly written file of a migration. It uses no write-ahead log, and its commits
/// wait for the disk.
pub(crate) fn draft(path: &Path) -> Result<Connection, OpenError> {
    create(path)?;
    let conn = connect(path, &Options::default())?;
    let set_up = || {
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "cache_size", -WRITER_CACHE)
    };
    set_up().map_err(|why| OpenError::sqlite(path, &why))?;
    Ok(conn)
}

pub(crate) fn connect(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(options.busy)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        // Query plans must not depend on parameters: otherwise SQLite prepares each statement with a `LIMIT
        // ?` again.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(conn)
    };
    open().map_err(|why| OpenError::sqlite(path, &why))
}

/// Enables the write-ahead log, and returns the journal mode. SQLite does not wait while another process does
/// the same, so this function does.
fn keep_wal(conn: &Connection, options: &Options) -> rusqlite::Result<String> {
    const PAUSE: Duration = Duration::from_millis(10);
    let mut left = options.busy;
    loop {
        match conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(why) if why.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && !left.is_zero() => {
                thread::sleep(PAUSE);
                left = left.saturating_sub(PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// Creates the file if there is none, readable only by its owner, since it contains password hashes. SQLite
/// gives the journal the same mode. An existing file is not opened: closing a second descriptor of it would
/// release the locks that this process holds on it.
fn create(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => give(path).map_err(|why| OpenError::Create { path: path.into(), why }),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(why) if is_full(&why) => Err(OpenError::Full { path: path.into() }),
        Err(why) => Err(OpenError::Create { path: path.into(), why }),
    }
}

/// If root has created a file, gives it to the owner of its folder, who runs the server. SQLite does the same
/// with its files next to a database.
pub(crate) fn give(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};

        let (file, owner) = (fs::metadata(path)?, fs::metadata(folder_of(path))?);
        if file.uid() == ROOT && owner.uid() != ROOT {
            return chown(path, Some(owner.uid()), Some(owner.gid()));
        }
    }
    Ok(())
}

/// Whether the disk has enough room to open a store. True if the system does not tell.
fn has_room(path: &Path) -> bool {
    let disk = statvfs(folder_of(path)).ok();
    disk.is_none_or(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= OPENING_BYTES) && !lacks_room(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(conn: &Connection, pragma: &str) -> i64 {
        conn.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).expect(pragma)
    }

    #[test]
    fn the_writer_waits_for_the_disk_and_readers_cannot_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chinwag.db");
        let options = Options::default();
        let (writer, reader) = (
            self::writer(&path, &options).expect("a writer"),
            self::reader(&path, &options).expect("a reader"),
        );
        let mode: String = writer.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("a mode");
        assert_eq!(mode, "wal");
        assert_eq!(number(&writer, "synchronous"), 2, "FULL");
        assert_eq!((number(&writer, "foreign_keys"), number(&writer, "busy_timeout")), (1, 5000));
        assert_eq!((number(&reader, "query_only"), number(&reader, "busy_timeout")), (1, 5000));
        assert!(reader.execute_batch("DELETE FROM users").is_err());
    }
}
