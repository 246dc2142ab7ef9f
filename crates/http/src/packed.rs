//! Files of the repository that the binary serves: the web pages, the documents and their plots. A release build
//! embeds them in one compressed archive, which `build.rs` creates and the first request unpacks. A debug build reads
//! them from the repository.

use std::time::SystemTime;

use bytes::Bytes;

/// A file, by its path in the repository.
pub(crate) fn file(path: &str) -> Option<Bytes> {
    files::get(path)
}

/// The content of a text file.
pub(crate) fn text(path: &str) -> Option<String> {
    Some(String::from_utf8(file(path)?.into()).expect("our own files are UTF-8"))
}

/// The newest modification time in a folder; `None` in a release build.
pub(crate) fn newest_change(folder: &str) -> Option<SystemTime> {
    files::newest_change(folder)
}

#[cfg(packed)]
mod files {
    use std::collections::HashMap;
    use std::io::Read;
    use std::sync::LazyLock;
    use std::time::SystemTime;

    use bytes::{Buf, Bytes};
    use flate2::read::DeflateDecoder;

    static FILES: LazyLock<HashMap<String, Bytes>> = LazyLock::new(|| {
        let archive: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/files"));
        let mut unpacked = Vec::new();
        DeflateDecoder::new(archive).read_to_end(&mut unpacked).expect("our own archive is whole");
        let mut rest = Bytes::from(unpacked);
        let mut files = HashMap::new();
        while rest.has_remaining() {
            let [name, data] = [(); 2].map(|()| {
                let length = rest.get_u32_le();
                rest.split_to(length as usize)
            });
            files.insert(String::from_utf8_lossy(&name).into_owned(), data);
        }
        files
    });

    pub(super) fn get(path: &str) -> Option<Bytes> {
        FILES.get(path).cloned()
    }

    pub(super) fn newest_change(_: &str) -> Option<SystemTime> {
        None
    }
}

#[cfg(not(packed))]
mod files {
    use std::fs;
    use std::path::{Component, Path, PathBuf};
    use std::time::SystemTime;

    use bytes::Bytes;

    /// `None` for a path that leads out of the repository.
    fn place(path: &str) -> Option<PathBuf> {
        let is_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        is_inside.then(|| Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path))
    }

    pub(super) fn get(path: &str) -> Option<Bytes> {
        fs::read(place(path)?).ok().map(Bytes::from)
    }

    pub(super) fn newest_change(folder: &str) -> Option<SystemTime> {
        newest_in(&place(folder)?)
    }

    fn newest_in(folder: &Path) -> Option<SystemTime> {
        let entries = fs::read_dir(folder).ok()?.flatten();
        let changed = |entry: fs::DirEntry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => newest_in(&entry.path()),
            _ => entry.metadata().and_then(|file| file.modified()).ok(),
        };
        entries.filter_map(changed).max()
    }
}
