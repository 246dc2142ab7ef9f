//! The setting for the location of the files.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

/// The location of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder in the data folder. Only one node can use it.
    Data,
    /// A folder that all nodes mount.
    Folder(PathBuf),
    /// A bucket, with a prefix of the keys in it, which may be empty.
    Bucket { bucket: String, prefix: String },
}

/// The text is not a valid location. The message completes a sentence that starts with the name of the
/// setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be data, a folder such as file:///srv/chinwag-files, or a bucket such as s3://bucket/prefix")]
pub struct LocationError;

impl Location {
    /// Parses the setting.
    ///
    /// ```
    /// use chinwag_files::Location;
    ///
    /// let bucket = Location::parse("s3://chats/files").unwrap();
    /// assert_eq!(bucket, Location::Bucket { bucket: "chats".into(), prefix: "files".into() });
    /// assert!(Location::parse("ftp://chats").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        if text == "data" {
            return Ok(Self::Data);
        }
        let url = Url::parse(text).map_err(|_| LocationError)?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.port().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        match (url.scheme(), url.host_str()) {
            ("file", None) if plain && url.path().len() > 1 => {
                url.to_file_path().map(Self::Folder).map_err(|()| LocationError)
            }
            ("s3", Some(bucket)) if plain && text.starts_with(&format!("s3://{bucket}")) => {
                let prefix = url.path().trim_matches('/').to_owned();
                if object_store::path::Path::parse(&prefix).is_err() || prefix.contains('%') {
                    return Err(LocationError);
                }
                Ok(Self::Bucket { bucket: bucket.to_owned(), prefix })
            }
            _ => Err(LocationError),
        }
    }

    /// The value of the setting for this location.
    pub fn setting(&self) -> String {
        match self {
            Self::Data => "data".into(),
            Self::Folder(folder) => {
                Url::from_file_path(folder).map_or_else(|()| folder.display().to_string(), Into::into)
            }
            Self::Bucket { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
        }
    }

    /// Whether the files are only accessible to the node that has the data folder.
    pub fn is_of_one_node(&self) -> bool {
        matches!(self, Self::Data)
    }

    /// The folder of the files, unless they are in a bucket.
    pub fn folder(&self, data: &Path) -> Option<PathBuf> {
        match self {
            Self::Data => Some(data.join("files")),
            Self::Folder(folder) => Some(folder.clone()),
            Self::Bucket { .. } => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data => f.write_str("the folder files in the data folder"),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_and_others_refused() {
        assert_eq!(Location::parse("data"), Ok(Location::Data));
        assert_eq!(Location::parse("file:///srv/a%20b/"), Ok(Location::Folder("/srv/a b".into())));
        let bucket = |prefix: &str| Ok(Location::Bucket { bucket: "b.c".into(), prefix: prefix.into() });
        assert_eq!(Location::parse("s3://b.c"), bucket(""));
        assert_eq!(Location::parse("s3://b.c/"), bucket(""));
        assert_eq!(Location::parse("s3://b.c/x/y/"), bucket("x/y"));
        for wrong in [
            "",
            "files",
            "/srv/files",
            "file:///",
            "file://host/srv",
            "file://srv",
            "s3:///x",
            "s3://key:secret@b/x",
            "s3://b:9000/x",
            "s3://b/x?region=a",
            "s3://b/x//y",
            "https://b.example/x",
        ] {
            assert_eq!(Location::parse(wrong), Err(LocationError), "{wrong}");
        }
    }
}
