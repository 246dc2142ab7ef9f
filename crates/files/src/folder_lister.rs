//! Lists the objects of a folder. Other entries are not opened: a dedicated disk contains folders of the
//! system.

use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::iter;
use std::path::{Path as FolderPath, PathBuf};
use std::time::UNIX_EPOCH;

use chinwag_core::Date;
use chinwag_core::file_store::{FileLister, LISTED_TOGETHER, ListedObject};
use chinwag_core::store::Answer;
use object_store::path::Path;
use tokio::task::spawn_blocking;

use crate::fault::Faults;
use crate::folder_reader::generic;
use crate::key::{self, UPLOADS};

type EntryIterator<T> = Box<dyn Iterator<Item = io::Result<T>> + Send>;

pub(crate) struct FolderLister {
    faults: Faults,
    /// The objects still to be listed. `None` after a fault.
    rest: Option<EntryIterator<ListedObject>>,
}

impl FolderLister {
    pub(crate) fn new(faults: Faults, folder: PathBuf) -> Self {
        Self { faults, rest: Some(objects(folder)) }
    }
}

impl FileLister for FolderLister {
    fn next(&mut self) -> Answer<'_, Vec<ListedObject>> {
        Box::pin(async {
            let Some(mut rest) = self.rest.take() else { return Ok(Vec::new()) };
            let listing = spawn_blocking(move || {
                let page = rest.by_ref().take(LISTED_TOGETHER).collect::<io::Result<Vec<_>>>()?;
                Ok::<_, io::Error>((page, rest))
            });
            let listed = async { listing.await.map_err(io::Error::other).flatten().map_err(generic) };
            let (page, rest) = self.faults.outcome(listed).await?;
            self.rest = Some(rest);
            Ok(page)
        })
    }
}

/// The objects of a folder: the files in it and in the folders of uploads.
fn objects(folder: PathBuf) -> EntryIterator<ListedObject> {
    let uploads = entries(folder.join(UPLOADS)).flat_map(|upload| -> EntryIterator<DirEntry> {
        match upload {
            Ok(upload) => entries(upload.path()),
            Err(why) => Box::new(iter::once(Err(why))),
        }
    });
    let all = entries(folder.clone()).chain(uploads).fuse();
    Box::new(all.filter_map(move |entry| entry.and_then(|entry| object(&folder, &entry)).transpose()))
}

/// The entries of a folder. It is opened when the first entry is requested. A missing folder, or a file,
/// yields no entries.
fn entries(folder: PathBuf) -> EntryIterator<DirEntry> {
    let opened = iter::once_with(move || fs::read_dir(folder));
    Box::new(opened.flat_map(|opened| -> EntryIterator<DirEntry> {
        match opened {
            Ok(entries) => Box::new(entries),
            Err(why) if matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Box::new(iter::empty())
            }
            Err(why) => Box::new(iter::once(Err(why))),
        }
    }))
}

/// The listed object. `None` for a file with another name, or one that was removed.
fn object(folder: &FolderPath, entry: &DirEntry) -> io::Result<Option<ListedObject>> {
    let path = entry.path();
    let below = path.strip_prefix(folder).ok().and_then(FolderPath::to_str);
    let key = below.and_then(|below| key::parse(&Path::default(), &Path::parse(below).ok()?));
    let Some(key) = key else { return Ok(None) };
    let found = match fs::metadata(&path) {
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
        found => found?,
    };
    let written = found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let written = Date::from_micros(i64::try_from(written).unwrap_or(i64::MAX));
    Ok(found.is_file().then_some(ListedObject { key, size: found.len(), written }))
}
