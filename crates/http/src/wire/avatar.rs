//! An avatar as clients see it.

use chinwag_core::profile::Avatar;
use serde::{Serialize, Serializer};

use super::file::path;

/// A stored avatar, which is written as its address: that of an uploaded image is a path from the root.
#[derive(Debug, Clone, Copy)]
pub struct AvatarUrl<'a>(pub &'a str);

impl Serialize for AvatarUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Avatar::stored_file(self.0) {
            // Any name is served.
            Some(id) => serializer.serialize_str(&(path(id) + "avatar")),
            None => serializer.serialize_str(self.0),
        }
    }
}
