//! An avatar as clients see it.

use chinwag_core::profile::Avatar;
use serde::{Serialize, Serializer};

use super::file::path;

/// A stored avatar, serialized as its URL. The URL of an uploaded image is an absolute path.
#[derive(Debug, Clone, Copy)]
pub struct AvatarUrl<'a>(pub &'a str);

impl Serialize for AvatarUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Avatar::stored_file(self.0) {
            // The name is arbitrary: the server serves any.
            Some(id) => serializer.serialize_str(&(path(id) + "avatar")),
            None => serializer.serialize_str(self.0),
        }
    }
}
