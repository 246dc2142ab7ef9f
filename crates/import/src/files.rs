//! The contents of an export's files, in its ZIP or in a folder next to it. Nothing is downloaded.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::Result;
use crate::archive::Archive;
use crate::foreign::ForeignFile;

/// The folder in which some tools add files to a Slack archive: `__uploads/ID/NAME`.
const UPLOADS: &str = "__uploads";
/// The folder with the files of a Mattermost archive.
const DATA: &str = "data";

/// The locations in which files are searched.
pub struct FileSource {
    archive: Option<Archive>,
    /// The prefix of all names in the archive.
    prefix: String,
    folder: Option<PathBuf>,
}

pub struct FoundFile<'f> {
    pub size: u64,
    pub reader: Box<dyn Read + Send + 'f>,
}

impl FileSource {
    pub(crate) fn new(archive: Option<Archive>, prefix: String) -> Self {
        Self { archive, prefix, folder: None }
    }

    /// Also searches a folder.
    pub fn set_folder(&mut self, folder: PathBuf) {
        self.folder = Some(folder);
    }

    /// Whether the export itself contains files of messages.
    pub fn holds_any(&self) -> bool {
        let folders = [UPLOADS, DATA].map(|folder| format!("{}{folder}/", self.prefix));
        let is_within = |name: &str| folders.iter().any(|folder| name.starts_with(folder));
        self.archive.as_ref().is_some_and(|archive| archive.names().any(is_within))
    }

    /// Opens a file, or returns why it is not imported.
    pub fn open(&mut self, file: &ForeignFile) -> Result<FoundFile<'_>, String> {
        let found = self.find(file)?;
        if let Some(size) = file.size.filter(|size| *size != found.size) {
            return Err(format!("has {} bytes, and the export says {size}", found.size));
        }
        Ok(found)
    }

    fn find(&mut self, file: &ForeignFile) -> Result<FoundFile<'_>, String> {
        let ForeignFile { key, name, .. } = file;
        let within = [
            format!("{}{UPLOADS}/{key}/{name}", self.prefix),
            format!("{}{DATA}/{key}", self.prefix),
            format!("{}{key}", self.prefix),
        ];
        if let Some(archive) = &mut self.archive
            && let Some((path, size)) = within.iter().find_map(|path| Some((path, archive.size(path)?)))
        {
            let reader = archive.reader(path).map_err(|why| why.to_string())?;
            return Ok(FoundFile { size, reader: Box::new(reader) });
        }
        let Some(folder) = &self.folder else {
            return Err("is not in the export, and no folder is given with --files".into());
        };
        let beside = [format!("{key}/{name}"), format!("{key}-{name}"), key.clone()];
        for path in &beside {
            if let Some(found) = open_within(folder, Path::new(path))? {
                return Ok(found);
            }
        }
        Err("is neither in the export nor in the folder".into())
    }
}

/// Opens a file in a folder, if it exists. Refuses a path that leads out of the folder, also by a symbolic
/// link.
fn open_within(folder: &Path, path: &Path) -> Result<Option<FoundFile<'static>>, String> {
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err("has a path that leads elsewhere".into());
    }
    let whole = folder.join(path);
    let (Ok(root), Ok(real)) = (folder.canonicalize(), whole.canonicalize()) else { return Ok(None) };
    if !real.starts_with(root) {
        return Err("has a path that leads elsewhere".into());
    }
    let file = File::open(&real).map_err(|fault| format!("cannot be read: {fault}"))?;
    let facts = file.metadata().map_err(|fault| format!("cannot be read: {fault}"))?;
    if !facts.is_file() {
        return Ok(None);
    }
    Ok(Some(FoundFile { size: facts.len(), reader: Box::new(file) }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn file(key: &str, name: &str) -> ForeignFile {
        ForeignFile { key: key.into(), name: name.into(), ..ForeignFile::default() }
    }

    #[test]
    fn files_are_found_in_the_folder_and_nowhere_else() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("files");
        fs::create_dir_all(folder.join("F1")).expect("a folder");
        fs::write(folder.join("F1/a.txt"), "one").expect("a file");
        fs::write(folder.join("F2-b.txt"), "two").expect("a file");
        fs::write(outer.path().join("secret"), "secret").expect("a file");
        symlink("../secret", folder.join("F3")).expect("a link");
        let mut source = FileSource::new(None, String::new());
        assert!(source.open(&file("F1", "a.txt")).is_err_and(|why| why.contains("--files")));
        source.set_folder(folder);
        for (key, name, expected) in [("F1", "a.txt", "one"), ("F2", "b.txt", "two")] {
            let mut text = String::new();
            let mut found = source.open(&file(key, name)).unwrap_or_else(|why| panic!("{why}"));
            found.reader.read_to_string(&mut text).expect("a text");
            assert_eq!((text.as_str(), found.size), (expected, 3));
        }
        for (key, name) in [("..", "secret"), ("../secret", "x"), ("/etc/passwd", "x"), ("F3", "c.txt")] {
            assert!(source.open(&file(key, name)).is_err_and(|why| why.contains("elsewhere")), "{key}");
        }
        assert!(source.open(&file("F1", "b.txt")).is_err());
        let other_size = ForeignFile { size: Some(4), ..file("F1", "a.txt") };
        assert!(source.open(&other_size).is_err_and(|why| why.contains("the export says 4")));
    }
}
