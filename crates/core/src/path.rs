//! Paths in the file system.

use std::path::Path;

/// The folder of a file: the working folder if the path is only a name.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_a_folder() {
        for (file, folder) in [("a.db", "."), ("b/a.db", "b"), ("/a.db", "/"), ("./a.db", ".")] {
            assert_eq!(folder_of(Path::new(file)), Path::new(folder), "{file}");
        }
    }
}
