//! The data folder: the paths in it, the service key, and the lock that gives one server exclusive use.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, lchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use chinwag_core::clock::SystemClock;
use chinwag_core::path::folder_of;
use chinwag_core::token::{Secret, SecretKind};
use chinwag_files::create_folder;
use rustix::process::geteuid;

use crate::config::variables::{self, SERVICE_KEY};

const KEY_FILE: &str = "service-key";
const LOCK_FILE: &str = "lock";
const DATABASE_FILE: &str = "chinwag.db";
/// The prefix of databases that `restore --force` keeps: it is followed by a number and `.db`.
const ASIDE: &str = "chinwag-aside-";
/// The file of the account and certificate of `tls.acme`.
pub(crate) const ACME_FILE: &str = "acme.json";
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
const SHORTEST_KEY: usize = 32;
/// Access is for the owner alone.
const FILE_MODE: u32 = 0o600;

/// An existing data folder. Its path is absolute.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    made: bool,
}

/// The service key.
pub(crate) struct Key {
    pub(crate) text: String,
    /// Whether the key is stored in the folder, not set by the environment.
    pub(crate) kept: bool,
}

/// The exclusive lock of a folder. The operating system releases it when the process ends, in whatever way.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "it is held, not used")] File);

impl Folder {
    /// Opens the folder, and creates it for its owner alone if it does not exist.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        if path.exists() {
            return Self::open(path);
        }
        let cannot = || format!("the data folder {} cannot be created", path.display());
        create_folder(path).with_context(|| {
            let user = geteuid().as_raw();
            format!(
                "{}: create it and give it to this user (uid {user}), or name another with --data",
                cannot()
            )
        })?;
        Ok(Self { made: true, ..Self::open(path)? })
    }

    /// Opens the folder, which must exist.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let meta = fs::metadata(path).with_context(|| {
            format!(
                "there is no data folder {shown}: start the server once, or name the right one with --data"
            )
        })?;
        if !meta.is_dir() {
            bail!("{shown} is a file, not a data folder: name another with --data");
        }
        let path = path.canonicalize().with_context(|| format!("the data folder {shown} cannot be found"))?;
        Ok(Self { path, made: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether [`Folder::create`] created it.
    pub(crate) fn made(&self) -> bool {
        self.made
    }

    /// The path of the embedded store.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    /// The path of an unfinished restore's database.
    pub(crate) fn restoring(&self) -> PathBuf {
        self.path.join(format!("{DATABASE_FILE}.part"))
    }

    /// The path of an unfinished migration's database.
    pub(crate) fn migrating(&self) -> PathBuf {
        self.path.join(format!("{DATABASE_FILE}.migrating"))
    }

    /// The first free path under which a restore can keep the old database.
    pub(crate) fn next_aside(&self, is_free: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        let mut names = (1..=u32::MAX).map(|number| self.path.join(format!("{ASIDE}{number}.db")));
        names.find(|path| is_free(path))
    }

    /// The path of a database that a restore has kept, if one still exists.
    pub(crate) fn aside(&self) -> Option<PathBuf> {
        let names =
            fs::read_dir(&self.path).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let kept = names.filter(|name| name.starts_with(ASIDE) && name.strip_suffix(".db").is_some());
        kept.min().map(|name| self.path.join(name))
    }

    /// Refuses a folder in which a restore or a migration was interrupted before the database had its final name.
    /// Otherwise an empty database would be created in its place.
    pub(crate) fn require_finished(&self) -> Result<()> {
        if self.database().exists() {
            return Ok(());
        }
        let shown = self.path.display();
        for (draft, what) in [(self.restoring(), "restore"), (self.migrating(), "migration")] {
            if draft.exists() {
                let draft = draft.display();
                bail!(
                    "the data folder {shown} has no database, but an unfinished {what}: run it again, or remove {draft}"
                );
            }
        }
        if let Some(aside) = self.aside() {
            bail!(
                "the data folder {shown} has no database, but one that an unfinished restore has put aside: run it again, \
                 or rename {} and its -wal, if there is one, to {DATABASE_FILE}",
                aside.display()
            );
        }
        Ok(())
    }

    /// The path of the database, which must exist.
    pub(crate) fn present_database(&self) -> Result<PathBuf> {
        self.require_finished()?;
        let database = self.database();
        if !database.exists() {
            bail!("the data folder {} has no database: name the right one with --data", self.path.display());
        }
        Ok(database)
    }

    /// Refuses a folder without a database if one is expected: otherwise an empty one would be created, and the wrong
    /// `--data` would go unnoticed. With `may_make`, a folder that no server has used yet is accepted.
    pub(crate) fn require_database(&self, may_make: bool) -> Result<()> {
        self.require_finished()?;
        let is_new = may_make && !self.path.join(LOCK_FILE).exists();
        if is_new || self.database().exists() {
            return Ok(());
        }
        bail!(
            "the folder {} has no database: name the server's data folder with --data and its settings with --config, or by \
             its variables, such as CHINWAG_DATABASE; or start the server once",
            self.path.display()
        )
    }

    /// The path of the control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// Locks the folder for this server. Retries for a moment: [`Folder::is_served`] takes the lock briefly, and a
    /// server that was just killed may still hold it.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let path = self.path.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(FILE_MODE).open(&path);
        let file = file.map_err(|why| self.not_written(why))?;
        self.hand_over(&path)?;
        let mut taken = file.try_lock();
        for _ in 0..LOCK_TRIES {
            if !matches!(taken, Err(TryLockError::WouldBlock)) {
                break;
            }
            thread::sleep(LOCK_PAUSE);
            taken = file.try_lock();
        }
        match taken {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(anyhow!(
                "another chinwag serves the data folder {}: stop it, or name another folder with --data",
                self.path.display()
            )),
            Err(TryLockError::Error(why)) => {
                Err(why).with_context(|| format!("the data folder {} cannot be locked", self.path.display()))
            }
        }
    }

    /// Whether a running server holds the lock.
    pub(crate) fn is_served(&self) -> bool {
        let file = OpenOptions::new().write(true).open(self.path.join(LOCK_FILE));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// The service key, from the environment or the folder. Creates one in the folder if there is none.
    pub(crate) fn key(&self) -> Result<Key> {
        if let Some(text) = given_key()? {
            return Ok(Key { text, kept: false });
        }
        let text = match self.kept_key()? {
            Some(text) => text,
            None => self.make_key()?,
        };
        Ok(Key { text, kept: true })
    }

    /// Whether the environment or the folder has a service key. Creates none.
    pub(crate) fn look_for_key(&self) -> Result<bool> {
        Ok(given_key()?.is_some() || self.kept_key()?.is_some())
    }

    /// The folder's key, which must exist.
    pub(crate) fn present_key(&self) -> Result<String> {
        self.kept_key()?.with_context(|| self.without_data())
    }

    /// Replaces the folder's key with a new one.
    pub(crate) fn rotate_key(&self) -> Result<String> {
        if given_key()?.is_some() {
            bail!("{SERVICE_KEY} sets the service key: change it there");
        }
        if !self.key_file().exists() && !self.database().exists() {
            bail!(self.without_data());
        }
        let (key, draft) = self.draft_key()?;
        put(&draft, &self.key_file())?;
        Ok(key)
    }

    /// When root runs a command, changes the owner of a path that it created, and of everything below, to the owner
    /// of the data folder, who runs the server.
    pub(crate) fn hand_over(&self, path: &Path) -> Result<()> {
        if !geteuid().is_root() {
            return Ok(());
        }
        let cannot = || format!("{} cannot be given to the owner of the data folder", path.display());
        let owner = fs::metadata(&self.path).with_context(cannot)?;
        let meta = fs::symlink_metadata(path).with_context(cannot)?;
        if (meta.uid(), meta.gid()) != (owner.uid(), owner.gid()) {
            lchown(path, Some(owner.uid()), Some(owner.gid())).with_context(cannot)?;
        }
        if meta.is_dir() {
            for entry in fs::read_dir(path).with_context(cannot)? {
                self.hand_over(&entry.with_context(cannot)?.path())?;
            }
        }
        Ok(())
    }

    /// The folder if others may write to it, or else the first secret file to which others than the owner have
    /// access, with its mode.
    pub(crate) fn exposed(&self) -> Option<(PathBuf, u32)> {
        let secrets = [self.key_file(), self.database(), self.path.join(ACME_FILE)];
        let secrets = secrets.map(|path| (path, 0o077));
        let mut files = [(self.path.clone(), 0o022)].into_iter().chain(secrets);
        files.find_map(|(path, others)| {
            let mode = fs::metadata(&path).ok()?.mode() & 0o777;
            (mode & others != 0).then_some((path, mode))
        })
    }

    /// The first file of the server, here or below `files`, that belongs to another user and is closed to all others,
    /// so that the owner of the data folder, who runs the server, cannot open it.
    pub(crate) fn misowned(&self, files: Option<&Path>) -> Result<Option<PathBuf>> {
        let cannot = || format!("{} cannot be looked at", self.path.display());
        let owner = fs::metadata(&self.path).with_context(cannot)?.uid();
        let is_ours =
            |name: &str| name.starts_with(DATABASE_FILE) || [KEY_FILE, LOCK_FILE, ACME_FILE].contains(&name);
        let here = fs::read_dir(&self.path).with_context(cannot)?.flatten();
        let here =
            here.filter(|entry| entry.file_name().to_str().is_some_and(is_ours)).map(|entry| entry.path());
        Ok(here.chain(files.map(Path::to_owned)).find_map(|path| closed(&path, owner)))
    }

    fn key_file(&self) -> PathBuf {
        self.path.join(KEY_FILE)
    }

    fn without_data(&self) -> String {
        format!(
            "the folder {} holds no data: name the server's data folder with --data, or start the server once",
            self.path.display()
        )
    }

    /// The error of a failed write, with its remedy.
    fn not_written(&self, why: io::Error) -> anyhow::Error {
        let (path, user) = (self.path.display(), geteuid().as_raw());
        if matches!(why.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            return anyhow!(
                "the data folder {path} cannot be written to: its disk is full, so free some space"
            );
        }
        anyhow::Error::new(why).context(format!(
            "the data folder {path} cannot be written to: give it to this user (uid {user}), or name another with --data"
        ))
    }

    fn kept_key(&self) -> Result<Option<String>> {
        let path = self.key_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(why).with_context(|| format!("{} cannot be read", path.display())),
        };
        let key = text.trim();
        match check_key(key) {
            Ok(()) => Ok(Some(key.to_owned())),
            Err(why) => {
                bail!("the key in {} {why}: create a new one with chinwag key --rotate", path.display())
            }
        }
    }

    /// Creates the key atomically. If two processes do so at once, both use the key of the first.
    fn make_key(&self) -> Result<String> {
        let (key, draft) = self.draft_key()?;
        let linked = fs::hard_link(&draft, self.key_file());
        fs::remove_file(&draft).map_err(|why| self.not_written(why))?;
        match linked {
            Ok(()) => {
                sync_names_beside(&draft).map_err(|why| self.not_written(why))?;
                Ok(key)
            }
            Err(why) if why.kind() == ErrorKind::AlreadyExists => {
                self.kept_key()?.with_context(|| format!("{} is gone again", self.key_file().display()))
            }
            Err(why) => Err(self.not_written(why)),
        }
    }

    fn draft_key(&self) -> Result<(String, PathBuf)> {
        let key = Secret::new(SecretKind::Key, &SystemClock::default()).expose().to_owned();
        let draft = self.path.join(format!("{KEY_FILE}.{}", std::process::id()));
        let write = || {
            // Remove a draft that an earlier process with the same id left behind.
            let _ = fs::remove_file(&draft);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&draft)?;
            writeln!(file, "{key}")?;
            file.sync_all()
        };
        write().map_err(|why| {
            // Remove the incomplete draft. The error of the write is reported.
            let _ = fs::remove_file(&draft);
            self.not_written(why)
        })?;
        self.hand_over(&draft)?;
        Ok((key, draft))
    }
}

/// Renames a finished file durably.
pub(crate) fn put(draft: &Path, file: &Path) -> Result<()> {
    fs::rename(draft, file)
        .and_then(|()| sync_names_beside(file))
        .with_context(|| format!("{} cannot be put in its place", file.display()))
}

/// Syncs the folder of a file, so that a rename survives a loss of power.
pub(crate) fn sync_names_beside(file: &Path) -> io::Result<()> {
    File::open(folder_of(file))?.sync_all()
}

/// The first path, from `path` downwards, that belongs to another user and is accessible to that user alone.
fn closed(path: &Path, owner: u32) -> Option<PathBuf> {
    let meta = fs::symlink_metadata(path).ok()?;
    let open_to_others = meta.mode() & 0o077;
    if meta.uid() != owner && open_to_others == 0 {
        return Some(path.into());
    }
    if !meta.is_dir() {
        return None;
    }
    fs::read_dir(path).ok()?.flatten().find_map(|entry| closed(&entry.path(), owner))
}

/// The service key from the environment.
pub(crate) fn given_key() -> Result<Option<String>> {
    let Some(key) = variables::given(SERVICE_KEY) else { return Ok(None) };
    let key = key.into_string().map_err(|_| anyhow!("{SERVICE_KEY} is not text"))?;
    check_key(&key).map_err(|why| anyhow!("{SERVICE_KEY} {why}"))?;
    Ok(Some(key))
}

fn check_key(key: &str) -> Result<(), &'static str> {
    if key.len() < SHORTEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must have at least 32 characters of ASCII and no spaces");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_and_its_key_are_the_owners_alone() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::create(&outer.path().join("a/b")).unwrap();
        assert!(folder.made());
        let key = folder.key().unwrap().text;
        assert!(key.starts_with("cw_key_"), "{key}");
        assert_eq!(folder.key().unwrap().text, key);
        assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(folder.key_file()).unwrap().mode() & 0o777, 0o600);
        assert_eq!(folder.exposed(), None);
        assert_ne!(folder.rotate_key().unwrap(), key);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn one_server_at_a_time_serves_a_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::create(outer.path()).unwrap();
        assert!(!folder.made() && !folder.is_served());
        let lock = folder.lock().unwrap();
        assert!(folder.is_served());
        assert!(folder.lock().unwrap_err().to_string().starts_with("another chinwag serves the data folder"));
        drop(lock);
        assert!(!folder.is_served());
        folder.lock().unwrap();
    }

    #[test]
    fn many_who_make_the_key_at_once_have_one() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::create(outer.path()).unwrap();
        // Drafts are named by process id: threads must take turns, processes do not collide.
        let first = folder.make_key().unwrap();
        assert_eq!(folder.make_key().unwrap(), first);
    }

    #[test]
    fn invalid_data_folders_are_reported_in_one_sentence() {
        let outer = tempfile::tempdir().unwrap();
        let file = outer.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(Folder::create(&file).unwrap_err().to_string().contains("is a file, not a data folder"));
        assert!(
            Folder::open(&outer.path().join("no"))
                .unwrap_err()
                .to_string()
                .starts_with("there is no data folder")
        );
        let folder = Folder::open(outer.path()).unwrap();
        fs::write(folder.key_file(), "short\n").unwrap();
        assert!(folder.key().err().unwrap().to_string().contains("must have at least 32 characters"));
    }
}
