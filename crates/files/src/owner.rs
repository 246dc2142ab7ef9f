//! The owner of a folder of files, where root writes into it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

const ROOT: u32 = 0;

/// The owner of the data folder, who runs the server and must read what a command of root has written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// That of a data folder, unless it is root.
    pub(crate) fn of(data: &Path) -> Option<Self> {
        let found = fs::metadata(data).ok()?;
        (found.uid() != ROOT).then(|| Self { user: found.uid(), group: found.gid() })
    }

    /// Gives the file or folder away that root has made.
    pub(crate) fn give(self, path: &Path) -> io::Result<()> {
        if fs::symlink_metadata(path)?.uid() == ROOT {
            lchown(path, Some(self.user), Some(self.group))?;
        }
        Ok(())
    }

    /// The same with a new object, and the folders below `folder` that were made for it.
    pub(crate) fn give_object(self, folder: &Path, object: &Path) -> io::Result<()> {
        object.ancestors().take_while(|path| *path != folder).try_for_each(|path| self.give(path))
    }
}
