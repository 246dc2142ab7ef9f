//! Copying a store's file while it is in use, for backups and their restoration.
//!
//! A copy is a consistent snapshot. The copying connection holds one read transaction from the first page to
//! the last. With the write-ahead log that blocks no writer, and SQLite does not restart the copy when
//! another connection writes. Concurrent writes stay in the journal, which grows until the copy is complete.
//!
//! The naming of copies and the exchange of files are elsewhere.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chinwag_core::Date;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::open::OpenError;
use crate::schema;

/// Pages copied between two reports of progress.
const STEP: i32 = 1024;
/// Virtual machine steps of SQLite between two reports of progress during a check; some milliseconds.
const STEPS: i32 = 100_000;
/// Timeout for another process that is opening or closing the file.
const BUSY: Duration = Duration::from_secs(5);
/// Suffixes of the files that SQLite may keep next to a database.
const COMPANION_SUFFIXES: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Why there is no copy, in one sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The file to copy does not exist.
    #[error("there is no file {}", path.display())]
    Missing { path: PathBuf },
    /// The file to copy is not a store of this version or an earlier one.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The file to copy has no schema yet.
    #[error("the file {} is empty: it contains no chinwag database", path.display())]
    Empty { path: PathBuf },
    /// The target path already exists.
    #[error(
        "{} already exists: another command is writing it, or one was interrupted; if none is running, remove it",
        path.display()
    )]
    InTheWay { path: PathBuf },
    /// The copy cannot be created or written.
    #[error("{} cannot be written: {why}", path.display())]
    Write {
        path: PathBuf,
        /// The system's error.
        why: io::Error,
    },
    /// The disk has no room for the copy.
    #[error("there is not enough space on the disk for {}", path.display())]
    Full { path: PathBuf },
    /// Another error while reading or writing.
    #[error("the database {} cannot be copied: {why}", path.display())]
    Failed {
        /// The file to copy.
        path: PathBuf,
        /// SQLite's error.
        why: rusqlite::Error,
    },
    /// The copy is damaged.
    #[error("the database {} is damaged: {what}", path.display())]
    Damaged {
        /// The file to copy.
        path: PathBuf,
        /// The first problem that the check found.
        what: String,
    },
}

/// Writes a copy of the store in the file `from`, whether in use or not, to the new file `to`. Returns the length of
/// the copy in bytes.
///
/// The copy is a single file without a journal, readable only by its owner, checked (page order, rows and
/// constraints) and flushed to the disk. `to` must not exist; after an error it is removed. `progress`
/// receives the copied part in percent. Blocks.
pub fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(i64)) -> Result<u64, CopyError> {
    if !from.is_file() {
        return Err(CopyError::Missing { path: from.into() });
    }
    create(to)?;
    let copied = fill(from, to, progress).and_then(|()| check_copy(from, to)).and_then(|()| keep(to));
    if copied.is_err() {
        remove(to);
    }
    copied
}

/// Gives the history of a copy a new id, because the restored store will continue differently from the
/// original. Also postpones the removal of unknown files, since some of them are newer than the copy. The
/// copy stays a single file on the disk. Blocks.
pub fn begin_anew(copy: &Path, now: Date) -> Result<(), CopyError> {
    let renew = || {
        let conn = connect(copy)?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        schema::renew_history(&conn)?;
        schema::postpone_strays(&conn, now)
    };
    renew().map_err(|why| failed(copy, copy, why))
}

fn create(to: &Path) -> Result<(), CopyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let path = to.to_owned();
    match options.open(to) {
        Ok(_) => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Err(CopyError::InTheWay { path }),
        Err(why) => Err(CopyError::Write { path, why }),
    }
}

fn fill(from: &Path, to: &Path, progress: &mut dyn FnMut(i64)) -> Result<(), CopyError> {
    let unreadable = |why| OpenError::sqlite(from, &why);
    let failed = |why: rusqlite::Error| failed(from, to, why);
    let source = connect(from).map_err(unreadable)?;
    // The first read takes the snapshot from which everything else is read.
    source.execute_batch("BEGIN").map_err(unreadable)?;
    schema::inspect(from, &source)?;
    let version: i64 = source.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(unreadable)?;
    if version == 0 {
        return Err(CopyError::Empty { path: from.into() });
    }
    let mut target = connect(to).map_err(failed)?;
    // An incomplete copy is removed instead of rolled back.
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL").map_err(failed)?;
    let backup = Backup::new(&source, &mut target).map_err(failed)?;
    loop {
        let step = backup.step(STEP).map_err(failed)?;
        let (all, left) = (backup.progress().pagecount, backup.progress().remaining);
        progress(100 * i64::from(all - left) / i64::from(all.max(1)));
        match step {
            StepResult::More => {}
            StepResult::Done => break,
            _ => return Err(OpenError::Busy { path: from.into() }.into()),
        }
    }
    drop(backup);
    // The source has a write-ahead log. The copy needs none while it is a single file.
    let mode = "PRAGMA journal_mode = DELETE";
    target.query_row(mode, [], |_| Ok(())).map_err(failed)?;
    target.close().map_err(|(_, why)| failed(why))
}

/// Checks the whole store in the file at `path`, whether in use or not: the order of pages and rows, every
/// index, and constraints. Returns the first damage. Changes nothing and leaves no file behind. Calls
/// `progress` at the start and repeatedly during the check. Blocks.
pub fn check(path: &Path, mut progress: impl FnMut() + Send + 'static) -> Result<(), CopyError> {
    let unreadable = |why| OpenError::sqlite(path, &why);
    let mut conn = open_for_reading(path)?;
    conn.execute_batch("BEGIN").map_err(unreadable)?;
    schema::inspect(path, &conn)?;
    progress();
    let handler = move || {
        progress();
        false
    };
    conn.progress_handler(STEPS, Some(handler)).map_err(unreadable)?;
    damage(&conn, "PRAGMA integrity_check(1)")
        .map_err(|why| failed(path, path, why))?
        .map_or(Ok(()), |what| Err(CopyError::Damaged { path: path.into(), what }))
}

/// Opens the store in the file at `path`, whether in use or not, for reading only. Leaves no file next to it.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, OpenError> {
    // SQLite keeps the journal next to the file itself, not next to a symbolic link.
    let file = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut journal = file.as_os_str().to_owned();
    journal.push("-wal");
    let (file, journal) = (escaped(&file), Path::new(&journal));
    let open = |mode: &str| {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let conn = Connection::open_with_flags(format!("file:{file}?{mode}"), flags)?;
        conn.busy_timeout(BUSY)?;
        Ok(conn)
    };
    // Without a journal, only a connection that may write can create one, and remove it at its end. It needs one to
    // take a snapshot: a server may start meanwhile.
    if !journal.exists()
        && let Some(conn) = open("mode=rw").ok().filter(takes_snapshots)
    {
        return Ok(conn);
    }
    open(if journal.exists() { "mode=ro" } else { "mode=ro&immutable=1" })
        .map_err(|why| OpenError::sqlite(path, &why))
}

/// Whether a new connection may write and uses a write-ahead log. Must be called before its first read.
fn takes_snapshots(conn: &Connection) -> bool {
    let mode = || conn.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0));
    conn.is_readonly("main").is_ok_and(|is_readonly| !is_readonly) && mode().is_ok_and(|mode| mode == "wal")
}

/// A path as part of a URI for SQLite, which decodes its bytes.
fn escaped(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte);
    let escape = |byte: &u8| if plain(byte) { char::from(*byte).into() } else { format!("%{byte:02x}") };
    path.as_os_str().as_encoded_bytes().iter().map(escape).collect()
}

/// Checks the copy as it is on the disk. Any damage comes from the source.
fn check_copy(from: &Path, to: &Path) -> Result<(), CopyError> {
    let check = || damage(&connect(to)?, "PRAGMA quick_check(1)");
    match check().map_err(|why| failed(from, to, why))? {
        Some(what) => Err(CopyError::Damaged { path: from.into(), what }),
        None => Ok(()),
    }
}

/// The first damage, if any.
fn damage(conn: &Connection, pragma: &str) -> rusqlite::Result<Option<String>> {
    let sound: String = conn.query_row(pragma, [], |row| row.get(0))?;
    if sound != "ok" {
        // SQLite puts the name of the database on a line before the message.
        return Ok(sound.lines().last().map(str::to_owned));
    }
    let mut statement = conn.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    let broken = rows.next()?;
    broken.map(|row| Ok(format!("a row of {} names what is not there", row.get::<_, String>(0)?))).transpose()
}

fn keep(to: &Path) -> Result<u64, CopyError> {
    let sync = || {
        let file = File::open(to)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    };
    sync().map_err(|why| CopyError::Write { path: to.into(), why })
}

/// Ignores errors: the file was never created, or it stays for the operator to find.
fn remove(to: &Path) {
    let _ = fs::remove_file(to);
    for suffix in COMPANION_SUFFIXES {
        let mut beside = to.as_os_str().to_owned();
        beside.push(suffix);
        let _ = fs::remove_file(beside);
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(conn)
}

fn failed(from: &Path, to: &Path, why: rusqlite::Error) -> CopyError {
    match why.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => CopyError::Full { path: to.into() },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            CopyError::Damaged { path: from.into(), what: why.to_string() }
        }
        _ => CopyError::Failed { path: from.into(), why },
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;
    use crate::Options;
    use crate::open;

    /// The file of a store with this many users, and a connection that writes to it.
    fn store(folder: &Path, users: usize) -> (PathBuf, Connection) {
        let path = folder.join("chinwag.db");
        let options = Options { durable: false, ..Options::default() };
        let conn = open::writer(&path, &options).expect("a writer");
        for number in 0..users {
            add(&conn, number);
        }
        (path, conn)
    }

    fn add(conn: &Connection, number: usize) {
        let name = format!("{number:0>2000}");
        conn.execute(
            "INSERT INTO users (name, fold, name_key, special, created) VALUES (?1, ?1, ?1, 0, 0)",
            rusqlite::params![name],
        )
        .expect("a user");
    }

    fn users(path: &Path) -> i64 {
        let conn = Connection::open(path).expect("it opens");
        conn.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).expect("a count")
    }

    #[test]
    fn a_copy_is_of_one_moment_and_blocks_no_writer() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, conn) = store(folder.path(), 3000);
        let to = folder.path().join("copy");
        let mut seen = Vec::new();
        let bytes = copy(&from, &to, &mut |percent| {
            // Write between any two steps: otherwise SQLite would restart the copy at each of them.
            add(&conn, 3000 + seen.len());
            seen.push(percent);
        })
        .expect("a copy");
        assert!(seen.len() > 2, "it took several steps: {seen:?}");
        assert!(seen.is_sorted() && seen.last() == Some(&100), "{seen:?}");
        assert_eq!(users(&to), 3000);
        assert_eq!(users(&from), 3000 + i64::try_from(seen.len()).expect("a count"));
        let image = fs::read(&to).expect("it can be read");
        assert_eq!(image.len() as u64, bytes);
        assert_eq!(image[18..20], [1, 1], "it needs no journal");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 4, "nothing else is left");
    }

    #[test]
    fn database_behind_a_link_is_read_with_its_journal() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, _conn) = store(folder.path(), 3);
        let elsewhere = tempfile::tempdir().expect("a folder");
        let link = elsewhere.path().join("chinwag.db");
        std::os::unix::fs::symlink(path, &link).expect("a link");
        let conn = open_for_reading(&link).expect("it opens");
        let count = conn.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0));
        assert_eq!(count.expect("a count"), 3);
    }

    #[test]
    fn snapshot_stays_while_a_server_starts_and_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join(OsStr::from_bytes(b"caf\xe9 %20?#"));
        fs::create_dir(&inner).expect("a folder");
        let (path, conn) = store(&inner, 300);
        conn.close().expect("it closes");
        let reader = open_for_reading(&path).expect("it opens");
        reader.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema").expect("a snapshot");
        let conn = open::writer(&path, &Options::default()).expect("a writer");
        (300..600).for_each(|number| add(&conn, number));
        conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).expect("a checkpoint");
        let count = reader.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0));
        assert_eq!(count.expect("a count"), 300);
        assert_eq!(damage(&reader, "PRAGMA integrity_check(1)").expect("a check"), None);
        drop((reader, conn));
        drop(open_for_reading(&path).expect("it opens"));
        assert_eq!(fs::read_dir(&inner).expect("a folder").count(), 1, "no journal is left");
    }

    #[test]
    fn a_failed_copy_creates_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let why = |from: &Path| copy(from, &to, &mut |_| {}).expect_err("it fails").to_string();
        assert!(why(&from).starts_with("there is no file "));
        fs::write(&from, "").expect("a file");
        assert!(why(&from).ends_with(" is empty: it contains no chinwag database"));
        fs::write(&from, "no database".repeat(99)).expect("a file");
        assert!(why(&from).ends_with(" is not a database"));
        assert!(!to.exists());
        fs::write(&to, "mine").expect("a file");
        assert!(why(&from).contains(" already exists: "));
        assert_eq!(fs::read(&to).expect("it is there"), b"mine");
    }

    #[test]
    fn damaged_or_inconsistent_databases_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, conn) = store(folder.path(), 200);
        let to = folder.path().join("to");
        let why = || copy(&from, &to, &mut |_| {}).expect_err("it fails").to_string();
        conn.execute_batch("PRAGMA foreign_keys = OFF; INSERT INTO passwords VALUES (999, 'x')")
            .expect("a row");
        assert!(why().ends_with(" is damaged: a row of passwords names what is not there"), "{}", why());
        conn.execute_batch("DELETE FROM passwords").expect("no row");
        conn.close().expect("it closes");
        copy(&from, &to, &mut |_| {}).expect("it is well again");
        fs::remove_file(&to).expect("it was there");
        let mut image = fs::read(&from).expect("it can be read");
        let middle = image.len() / 2;
        image[middle..middle + 8192].fill(0xA5);
        fs::write(&from, image).expect("it can be written");
        assert!(why().contains(" is damaged: "), "{}", why());
        assert!(!to.exists());
    }
}
