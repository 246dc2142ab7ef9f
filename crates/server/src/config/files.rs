//! `[files]`: the storage of uploaded files, and its quotas.

use chinwag_core::file::FileLimits;
use chinwag_files::Location;
use serde::{Deserialize, Serialize};

use super::{Config, Problems};

/// A larger file would need more parts than a multipart upload of S3 may have.
const LARGEST: u64 = 32 << 30;
const MAX_QUOTA: u64 = 1 << 50;
const MOST_FILES: u64 = 1_000_000_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Files {
    /// `data` for the folder `files` in the data folder, `file:///path` for a folder that all nodes mount, or
    /// `s3://bucket/prefix` for a bucket.
    pub(crate) store: String,
    /// The maximum size of a file, in bytes.
    pub(crate) max_size: u64,
    /// The quota of one user, in bytes.
    pub(crate) per_user: u64,
    /// The quota of one user, in files.
    pub(crate) per_user_count: u64,
    /// The quota of all users, in bytes; unlimited if unset.
    pub(crate) total: Option<u64>,
    /// The accepted media types, such as `image/png` or `image/*`; any if unset.
    pub(crate) types: Option<Vec<String>>,
    /// Whether downloads that browsers save instead of showing are redirected to the bucket.
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
        problems.number("files.per_user", self.per_user, &(0..=MAX_QUOTA), "bytes");
        problems.number("files.per_user_count", self.per_user_count, &(0..=MOST_FILES), "files");
        if let Some(total) = self.total {
            problems.number("files.total", total, &(0..=MAX_QUOTA), "bytes");
        }
        for media_type in self.types.iter().flatten() {
            if !is_media_type(media_type) {
                problems.add(format!(
                    "files.types must hold types such as image/png or image/*, not {media_type:?}"
                ));
            }
        }
    }

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

/// The standard variables of S3 clients. An empty one counts as unset.
pub(crate) fn bucket_variables() -> Vec<(String, String)> {
    let variables =
        std::env::vars_os().filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
    variables.filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty()).collect()
}

impl Config {
    /// The location of the files; `None` if nodes share neither a folder nor a bucket.
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
