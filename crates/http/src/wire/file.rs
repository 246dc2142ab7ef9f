//! A file as sent to clients.

use std::sync::OnceLock;

use chinwag_core::FileId;
use chinwag_core::file::{AltText, StoredFile, StoredThumbnail};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

/// The base path for URLs in objects. A process has one.
static BASE: OnceLock<Box<str>> = OnceLock::new();

/// Sets the base path from `http.public_url`, before the first file is serialized. The default is empty.
pub fn set_base(base: &str) {
    // A second server in the same process, as in tests, has the same base path.
    let _ = BASE.set(base.into());
}

/// The absolute path of a file, with a trailing slash.
pub fn path(id: FileId) -> String {
    format!("{}/api/v1/files/{id}/", BASE.get().map_or("", |base| base))
}

/// An uploaded file.
#[derive(Debug, Serialize, ToSchema)]
pub struct File<'a> {
    /// The id.
    pub id: Uuid,
    /// The name, the last part of a path.
    pub name: &'a str,
    /// The media type, as the content shows it.
    #[serde(rename = "type")]
    pub media_type: &'a str,
    /// The length in bytes.
    pub size: u64,
    /// The width of an image in pixels.
    #[schema(required = true)]
    pub width: Option<u32>,
    /// The height of an image in pixels.
    #[schema(required = true)]
    pub height: Option<u32>,
    /// The small picture of an image.
    #[schema(value_type = Option<Thumbnail>, required = true)]
    pub thumbnail: Option<Thumbnail<'a>>,
    /// The text that the sender of the message has given instead of it.
    #[schema(required = true)]
    pub alt: Option<&'a str>,
}

/// A small picture of an image.
#[derive(Debug, Serialize, ToSchema)]
pub struct Thumbnail<'a> {
    /// Its address, a path from the root. Whoever may read the file may read it.
    pub url: String,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// A `ThumbHash` in base64.
    pub hash: &'a str,
}

impl<'a> From<&'a StoredFile> for File<'a> {
    fn from(file: &'a StoredFile) -> Self {
        let thumbnail = |thumbnail: &'a StoredThumbnail| Thumbnail {
            url: path(file.id) + "thumbnail/image.webp",
            width: thumbnail.dimensions.width,
            height: thumbnail.dimensions.height,
            hash: &thumbnail.hash,
        };
        Self {
            id: file.id.0,
            name: file.name.as_str(),
            media_type: &file.media_type,
            size: file.size,
            width: file.dimensions.map(|dimensions| dimensions.width),
            height: file.dimensions.map(|dimensions| dimensions.height),
            thumbnail: file.thumbnail.as_ref().map(thumbnail),
            alt: file.alt.as_ref().map(AltText::as_str),
        }
    }
}

/// Serializes the files of a message.
pub(super) fn files<S: Serializer>(files: &[StoredFile], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(files.iter().map(File::from))
}
