//! Opening a file: what it takes to trust one, and how each connection is set up.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{io, thread};

use chinwag_core::name::{NameCase, name_case_kept};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::statvfs;

use crate::schema;

/// Prepared statements that a connection keeps; more than there are.
const STATEMENTS: usize = 128;
/// Memory for pages, in KiB: of the writer, and of each reader. Readers find most pages in the
/// system's own cache.
const WRITER_CACHE: i64 = 32 * 1024;
const READER_CACHE: i64 = 2 * 1024;
/// The journal is moved into the file, beside the writer, when it has grown by this many pages (of 4 KiB).
pub(crate) const CHECKPOINT_PAGES: i64 = 4000;
/// A commit moves the journal itself from this many pages on, which it has only if the thread that moves it fails, or
/// if somebody reads an earlier state for long. It is cut back to this many bytes when it had grown beyond.
const COMMIT_PAGES: i64 = 8 * CHECKPOINT_PAGES;
const JOURNAL_BYTES: i64 = 64 << 20;

/// More than the journal and the shared memory of a file take before the first commit.
const OPENING_BYTES: u64 = 256 << 10;
const ROOT: u32 = 0;

/// The longest time for which emptying the journal may hold up writers.
const JOURNAL_BUSY: Duration = Duration::from_millis(20);

/// Options of a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that read (at least 1).
    pub readers: usize,
    /// Jobs that may wait in each of the two queues (at least 1).
    pub queue: usize,
    /// The longest wait of a job for a slot in a full queue. Then it is refused.
    pub patience: Duration,
    /// How long a job that has its place is waited for. One that has not begun by then never
    /// runs and is `Unavailable`; a write that has is `Unknown`.
    pub deadline: Duration,
    /// Jobs that may share one commit (at least 1).
    pub batch: usize,
    /// The longest wait of a write for another process's.
    pub busy: Duration,
    /// How names are to compare, which a store keeps to once it has a user who is not special. Left
    /// out: as they do.
    pub name_case: Option<NameCase>,
    /// Whether a file of an older version is brought up to date. Else it is refused.
    pub upgrade: bool,
    /// Bytes of the disk that are kept in reserve, so that deletions go on where it is full; 0 for none. While
    /// the reserve is not whole, nothing new is stored.
    pub reserve: u64,
    /// Whether a commit waits until the disk has it. Off for tests alone: the loss of power then
    /// loses commits, that of the process does not.
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
            reserve: 0,
            durable: true,
        }
    }
}

/// Why a file could not be opened: one sentence, for whoever runs the server.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There was no file and none could be made.
    #[error("the database {} cannot be made: {why}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// The system's word.
        why: io::Error,
    },
    /// The file or its folder may not be written to.
    #[error(
        "the database {} cannot be written to: this user must own the file, its journal and its folder",
        path.display()
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("the file {} is not a database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is another program's.
    #[error("the database {} belongs to another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by an earlier version.
    #[error(
        "the database {} was written by an older chinwag: make a backup, then start this version on it once",
        path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error(
        "the database {} was written by a newer chinwag (its schema is {found}, this one knows {known}): run that version",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's schema.
        found: i64,
        /// The last schema that this program knows.
        known: i64,
    },
    /// The file's names compare in another way than they are to.
    #[error("{}", name_case_kept(*kept, &path.display()))]
    NameCase {
        /// The file.
        path: PathBuf,
        kept: NameCase,
    },
    /// Another process held the file all the time.
    #[error("the database {} is held by another process that is writing to it: try again", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// There is no room for what a store needs beside the file.
    #[error("the database {} cannot be opened: its disk is full, so make room on it", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file system cannot keep a write-ahead log.
    #[error("the database {} is on a file system that cannot share memory: move it to a local disk", path.display())]
    NoWal {
        /// The file.
        path: PathBuf,
    },
    /// Anything else.
    #[error("the database {} cannot be opened: {why}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        why: String,
    },
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
            // Such as a journal or a shared memory that cannot be made.
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

/// The connection that writes, with the schema up to date.
pub(crate) fn writer(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    create(path)?;
    let failed = |why| OpenError::sqlite(path, &why);
    let mut conn = connect(path, options)?;
    if conn.is_readonly("main").map_err(failed)? {
        return Err(OpenError::ReadOnly { path: path.into() });
    }
    // In one snapshot, since another process may be making the schema.
    let look = conn.transaction().map_err(failed)?;
    schema::inspect(path, &look)?;
    if !options.upgrade {
        schema::require_current(path, &look)?;
    }
    drop(look);
    if keep_wal(&conn, options).map_err(failed)? != "wal" {
        return Err(OpenError::NoWal { path: path.into() });
    }
    let set_up = |conn: &Connection| {
        conn.pragma_update(None, "synchronous", if options.durable { "FULL" } else { "OFF" })?;
        conn.pragma_update(None, "cache_size", -WRITER_CACHE)?;
        conn.pragma_update(None, "wal_autocheckpoint", COMMIT_PAGES)?;
        conn.pragma_update(None, "journal_size_limit", JOURNAL_BYTES)?;
        // What is erased is overwritten, on pages that come free as well.
        conn.pragma_update(None, "secure_delete", true)
    };
    set_up(&conn).map_err(failed)?;
    schema::migrate(path, &mut conn)?;
    if let Some(case) = options.name_case {
        schema::keep_case(path, &mut conn, case)?;
    }
    Ok(conn)
}

/// A connection that reads. The writer's must have been opened before.
pub(crate) fn reader(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let conn = connect(path, options)?;
    let set_up = |conn: &Connection| {
        conn.pragma_update(None, "query_only", true)?;
        conn.pragma_update(None, "cache_size", -READER_CACHE)
    };
    set_up(&conn).map_err(|why| OpenError::sqlite(path, &why))?;
    Ok(conn)
}

/// Brings the whole journal into the file and empties it; whether that was done: not while somebody reads an
/// earlier state, or writes all the time.
pub(crate) fn empty_journal(path: &Path) -> rusqlite::Result<bool> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(JOURNAL_BUSY)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    // The first does the work, and nobody waits for it who writes; the second has next to nothing left.
    let was_busy = |sql| conn.query_row(sql, [], |row| row.get::<_, bool>(0));
    was_busy("PRAGMA wal_checkpoint(PASSIVE)")?;
    Ok(!was_busy("PRAGMA wal_checkpoint(TRUNCATE)")?)
}

/// A connection to a file that a store is carried into, which is made if there is none. It keeps
/// no write-ahead log, and its commits reach the disk.
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
        // Plans do not depend on parameters: SQLite else prepares anew what has a `LIMIT ?`.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(conn)
    };
    open().map_err(|why| OpenError::sqlite(path, &why))
}

/// Turns the write-ahead log on, and answers the journal's mode. While another process does the
/// same SQLite refuses at once, so that waiting is ours.
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

/// Makes the file if there is none, for its owner alone: it holds the hashes of passwords.
/// SQLite gives the journal the same mode. One that exists is left alone, since closing a second
/// descriptor of it would drop the locks that this process holds on it.
fn create(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => give(path).map_err(|why| OpenError::Create { path: path.into(), why }),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::StorageFull => Err(OpenError::Full { path: path.into() }),
        Err(why) => Err(OpenError::Create { path: path.into(), why }),
    }
}

/// Gives a new file that root has made to the owner of its folder, who runs the server. SQLite does so with the files that it
/// keeps beside a database.
pub(crate) fn give(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};

        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (file, owner) = (fs::metadata(path)?, fs::metadata(folder)?);
        if file.uid() == ROOT && owner.uid() != ROOT {
            return chown(path, Some(owner.uid()), Some(owner.gid()));
        }
    }
    Ok(())
}

/// Whether the disk of a file has room for the little that opening takes; so if it does not say.
fn has_room(path: &Path) -> bool {
    let disk = path.parent().and_then(|folder| statvfs(folder).ok());
    disk.is_none_or(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= OPENING_BYTES)
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
