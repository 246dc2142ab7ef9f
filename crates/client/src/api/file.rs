//! Uploaded files.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::rest::{Rest, encode_segment};

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub id: Uuid,
    /// The file name, without a path.
    pub name: String,
    /// The media type, detected from the content.
    #[serde(rename = "type")]
    pub media_type: String,
    /// The length in bytes.
    pub size: u64,
    /// The width of an image in pixels.
    pub width: Option<u32>,
    /// The height of an image in pixels.
    pub height: Option<u32>,
    /// A small version of an image.
    pub thumbnail: Option<Thumbnail>,
    /// The alternative text that the sender of the message has given.
    #[serde(default)]
    pub alt: Option<String>,
}

/// A small version of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// Its address, as a path from the server's root.
    pub url: String,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// A `ThumbHash` in base64.
    pub hash: String,
}

/// A file to attach to a message: `file.id.into()`, or with an alternative text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    pub id: Uuid,
    /// The alternative text, for those who cannot see or hear the file; at most 1,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
}

impl From<Uuid> for Attachment {
    fn from(id: Uuid) -> Self {
        Self { id, alt: None }
    }
}

impl Rest {
    /// The files that a user has uploaded. Other users' files are for services and admins.
    pub async fn files_of(&self, author: &str) -> Result<Vec<File>, Error> {
        self.get(&format!("files/?author={}", encode_segment(author))).await
    }
}
