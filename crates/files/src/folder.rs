//! Creating folders.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chinwag_core::path::folder_of;

/// Creates a folder and its missing ancestors, readable only by this user, so that they survive a loss of
/// power. Returns those that were missing, the innermost first.
pub fn create_folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<_> = path.ancestors().take_while(is_missing).map(Path::to_owned).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    missing.iter().try_for_each(|folder| sync(folder_of(folder)))?;
    Ok(missing)
}

fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        // This user may add names to the folder, but not read it.
        Err(why) if why.kind() == ErrorKind::PermissionDenied => Ok(()),
        opened => opened?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn missing_ancestors_are_created_and_returned() {
        let outer = tempfile::tempdir().expect("a folder");
        let (inner, above) = (outer.path().join("a/b"), outer.path().join("a"));
        assert_eq!(create_folder(&inner).expect("it is created"), [inner.clone(), above]);
        assert!(create_folder(&inner).expect("it is there").is_empty());
        fs::write(inner.join("file"), "x").expect("a file");
        assert!(create_folder(&inner.join("file/c")).is_err());
    }
}
