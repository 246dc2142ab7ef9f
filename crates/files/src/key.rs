//! The paths of objects.

use chinwag_core::FileId;
use chinwag_core::file_store::{Attempt, FileKey, PartId};
use object_store::path::Path;

pub(crate) const UPLOADS: &str = "uploads";
const THUMBNAIL: &str = ".thumb";
/// The names of the objects of an attempt, in the folder of its upload.
const WHOLE_OF: &str = "whole";
const THUMBNAIL_OF: &str = "thumb";

/// The path of an object under a prefix.
pub(crate) fn path(prefix: &Path, key: FileKey) -> Path {
    match key {
        FileKey::Whole(id, Attempt::ONLY) => prefix.clone().join(id.to_string()),
        FileKey::Thumbnail(id, Attempt::ONLY) => prefix.clone().join(format!("{id}{THUMBNAIL}")),
        FileKey::Whole(id, Attempt(number)) => upload(prefix, id).join(format!("{WHOLE_OF}-{number:016x}")),
        FileKey::Thumbnail(id, Attempt(number)) => {
            upload(prefix, id).join(format!("{THUMBNAIL_OF}-{number:016x}"))
        }
        // Padded, so that listings are ordered by offset.
        FileKey::Part(id, part) => {
            upload(prefix, id).join(format!("{:020}-{:016x}", part.offset, part.number))
        }
    }
}

/// The folder of an upload, which contains its parts and the objects of attempts to complete it.
pub(crate) fn upload(prefix: &Path, id: FileId) -> Path {
    prefix.clone().join(UPLOADS).join(id.to_string())
}

/// The key for a path, if the path has the form of an object.
pub(crate) fn parse(prefix: &Path, path: &Path) -> Option<FileKey> {
    let names: Vec<_> = path.prefix_match(prefix)?.collect();
    match &names[..] {
        [name] => match name.as_ref().strip_suffix(THUMBNAIL) {
            Some(id) => Some(FileKey::Thumbnail(id.parse().ok()?, Attempt::ONLY)),
            None => Some(FileKey::Whole(name.as_ref().parse().ok()?, Attempt::ONLY)),
        },
        [uploads, id, name] if uploads.as_ref() == UPLOADS => {
            let (kind, number) = name.as_ref().split_once('-')?;
            let (id, number) = (id.as_ref().parse().ok()?, u64::from_str_radix(number, 16).ok()?);
            Some(match kind {
                WHOLE_OF => FileKey::Whole(id, Attempt(number)),
                THUMBNAIL_OF => FileKey::Thumbnail(id, Attempt(number)),
                offset => FileKey::Part(id, PartId { offset: offset.parse().ok()?, number }),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_its_path() {
        let id: FileId = "0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e25".parse().expect("an id");
        let part = PartId { offset: u64::MAX, number: u64::MAX };
        for prefix in ["", "chats/files"] {
            let prefix = Path::parse(prefix).expect("a prefix");
            let of = |attempt| [FileKey::Whole(id, attempt), FileKey::Thumbnail(id, attempt)];
            let objects = [of(Attempt::ONLY), of(Attempt(u64::MAX))].concat();
            for key in objects.into_iter().chain([FileKey::Part(id, part)]) {
                assert_eq!(parse(&prefix, &path(&prefix, key)), Some(key));
            }
            assert_eq!(parse(&prefix, &prefix.clone().join("another")), None);
        }
        assert_eq!(parse(&Path::from("a"), &Path::from("b")), None);
    }
}
