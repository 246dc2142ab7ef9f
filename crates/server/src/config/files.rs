//! `[files]`: where uploaded files are, and how many bytes there may be.

use chinwag_core::file::FileLimits;
use chinwag_files::Location;
use serde::{Deserialize, Serialize};

use super::{Config, Problems};

/// A file of more bytes has more parts than S3 takes.
const LARGEST: u64 = 32 << 30;
const MOST: u64 = 1 << 50;
const MOST_FILES: u64 = 1_000_000_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Files {
    /// `data`, the folder `files` in the data folder; a folder that all nodes mount, as `file:///path`; or a bucket,
    /// as `s3://bucket/prefix`.
    pub(crate) store: String,
    /// The largest file, in bytes.
    pub(crate) max_size: u64,
    /// The bytes of one user's files.
    pub(crate) per_user: u64,
    /// The number of one user's files.
    pub(crate) per_user_count: u64,
    /// The bytes of all files; without a bound if unset.
    pub(crate) total: Option<u64>,
    /// The types of files that are accepted, such as `image/png` or `image/*`; any if unset.
    pub(crate) types: Option<Vec<String>>,
    /// Whether a file that browsers save, and do not show, is read at the bucket itself.
    pub(crate) redirect: bool,
}

impl Default for Files {
    fn default() -> Self {
        let FileLimits { max_size, per_user, per_user_count, total, types } = FileLimits::default();
        Self { store: "data".into(), max_size, per_user, per_user_count, total, types, redirect: false }
    }
}

impl Files {
    pub(super) fn check(&self, problems: &mut Problems) {
        if let Err(why) = Location::parse(&self.store) {
            problems.add(format!("files.store {why}, not {:?}", self.store));
        }
        problems.number("files.max_size", self.max_size, &(1..=LARGEST), "bytes");
        problems.number("files.per_user", self.per_user, &(0..=MOST), "bytes");
        problems.number("files.per_user_count", self.per_user_count, &(0..=MOST_FILES), "files");
        if let Some(total) = self.total {
            problems.number("files.total", total, &(0..=MOST), "bytes");
        }
        for media_type in self.types.iter().flatten() {
            if !is_media_type(media_type) {
                problems.add(format!(
                    "files.types must hold types such as image/png or image/*, not {media_type:?}"
                ));
            }
        }
    }

    /// The limits of the use cases.
    pub(crate) fn limits(&self) -> FileLimits {
        FileLimits {
            max_size: self.max_size,
            per_user: self.per_user,
            per_user_count: self.per_user_count,
            total: self.total,
            types: self.types.clone(),
        }
    }
}

/// The variables by which operators say where S3 is: those that its other clients read.
pub(crate) fn bucket_variables() -> Vec<(String, String)> {
    let variables =
        std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
    variables.filter(|(name, _)| name.starts_with("AWS_")).collect()
}

impl Config {
    /// The place of the files. There is none where nodes share no folder and no bucket.
    pub(crate) fn file_location(&self) -> Option<Location> {
        let location = Location::parse(&self.files.store).ok()?;
        (self.redis.is_none() || !location.is_of_one_node()).then_some(location)
    }
}

fn is_media_type(text: &str) -> bool {
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || b"0123456789.+-".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, name)| is_name(kind) && (name == "*" || is_name(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_own_folder_is_no_place_for_files_of_several() {
        let mut config = Config::default();
        assert_eq!(config.file_location(), Some(Location::Data));
        config.redis = Some("redis://localhost".into());
        assert_eq!(config.file_location(), None);
        config.files.store = "s3://bucket".into();
        assert!(config.file_location().is_some());
    }

    #[test]
    fn types_are_media_types_in_lower_case() {
        for (text, expected) in [
            ("image/png", true),
            ("image/*", true),
            ("*/*", false),
            ("png", false),
            ("image/", false),
            ("Image/png", false),
        ] {
            assert_eq!(is_media_type(text), expected, "{text}");
        }
    }
}
