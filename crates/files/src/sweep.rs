//! Removes objects that a crash has left incomplete in a folder. They have no key, so they are never read.

use std::fs::{self, DirEntry, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::key::UPLOADS;

/// The sign in the names of temporary objects.
const STAGED: char = '#';

/// Removes temporary objects that were not written to for `age`, and returns their number.
pub(crate) fn sweep(folder: &Path, age: Duration) -> io::Result<usize> {
    let now = now(folder)?;
    let mut removed = remove_staged(folder, now, age)?;
    let uploads = match fs::read_dir(folder.join(UPLOADS)) {
        Ok(uploads) => uploads,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(removed),
        Err(why) => return Err(why),
    };
    for upload in uploads {
        let upload = upload?;
        if upload.file_type()?.is_dir() {
            removed += remove_staged(&upload.path(), now, age)?;
            // Succeeds only if the folder is empty.
            let _ = fs::remove_dir(upload.path());
        }
    }
    Ok(removed)
}

fn remove_staged(folder: &Path, now: SystemTime, age: Duration) -> io::Result<usize> {
    let mut removed = 0;
    let entries = match fs::read_dir(folder) {
        // Another node has removed the upload's folder with its last object.
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(removed),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if is_left(&entry, now, age)? {
            match fs::remove_file(entry.path()) {
                // The object was completed, or another node has removed it.
                Err(why) if why.kind() == ErrorKind::NotFound => {}
                done => {
                    done?;
                    removed += 1;
                }
            }
        }
    }
    Ok(removed)
}

fn is_left(entry: &DirEntry, now: SystemTime, age: Duration) -> io::Result<bool> {
    if !entry.file_name().to_string_lossy().contains(STAGED) || !entry.file_type()?.is_file() {
        return Ok(false);
    }
    match entry.metadata() {
        Ok(found) => Ok(now.duration_since(found.modified()?).unwrap_or_default() >= age),
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(false),
        Err(why) => Err(why),
    }
}

/// The current time of the folder's file system, which may be on another machine.
fn now(folder: &Path) -> io::Result<SystemTime> {
    let path = folder.join(format!("now{STAGED}{}", std::process::id()));
    let now = File::create(&path)?.metadata()?.modified();
    match fs::remove_file(&path) {
        // Nodes in containers may have the same process id.
        Err(why) if why.kind() == ErrorKind::NotFound => now,
        removed => removed.and(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweep_removes_only_unfinished_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        let uploads = folder.path().join(UPLOADS);
        fs::create_dir_all(uploads.join("half")).expect("a folder");
        fs::create_dir_all(uploads.join("kept")).expect("a folder");
        for name in ["whole", "half#1", "uploads/half/0#1", "uploads/kept/0", "uploads/kept/4#1"] {
            fs::write(folder.path().join(name), "bytes").expect("a file");
        }
        let hour = Duration::from_secs(3600);
        assert_eq!(sweep(folder.path(), hour).expect("a folder"), 0, "another node may be writing them");
        assert_eq!(sweep(folder.path(), Duration::ZERO).expect("a folder"), 3);
        let left = |path: &str| folder.path().join(path).exists();
        assert!(left("whole") && left("uploads/kept/0") && !left("half#1") && !left("uploads/half"));
    }
}
