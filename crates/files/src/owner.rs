//! The ownership of files that root writes into the folder.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

const ROOT: u32 = 0;

/// The owner of the data folder. The server runs as this user, and must be able to read the files that a
/// command of root has written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// The owner of a data folder, unless it is root.
    pub(crate) fn of(data: &Path) -> Option<Self> {
        let found = fs::metadata(data).ok()?;
        (found.uid() != ROOT).then(|| Self { user: found.uid(), group: found.gid() })
    }

    /// Changes the owner of a file or folder that root has created.
    pub(crate) fn change_owner(self, path: &Path) -> io::Result<()> {
        if fs::symlink_metadata(path)?.uid() == ROOT {
            lchown(path, Some(self.user), Some(self.group))?;
        }
        Ok(())
    }

    /// Does the same for a new object, and for the folders under `folder` that were created for it.
    pub(crate) fn change_object_owner(self, folder: &Path, object: &Path) -> io::Result<()> {
        object.ancestors().take_while(|path| *path != folder).try_for_each(|path| self.change_owner(path))
    }
}
