//! Files that users upload: their metadata and limits. A separate port,
//! [`FileStore`](crate::file_store::FileStore), stores their bytes.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::file_store::{Attempt, FileKey};
use crate::store::detail::{fields, put};
use crate::text::is_visible;
use crate::{Date, Error, FileId, Result, UserId};

/// The most files per message.
pub const ATTACHMENTS: usize = 10;
/// The age at which an upload that receives no new bytes, or a file that is not in use, is removed: 24 hours.
pub const FILE_TTL: Duration = Duration::from_secs(24 * 3600);
/// The age at which an upload that cannot be resumed is removed: 2 hours.
pub const PLAIN_UPLOAD_TTL: Duration = Duration::from_secs(2 * 3600);
/// The longest alternative text of a file, in characters.
pub const ALT_CHARS: usize = 1000;
/// The longest name of a file, in bytes.
const NAME_BYTES: usize = 255;

/// The stored name of a file: not empty, at most 255 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(Arc<str>);

impl FileName {
    /// Takes a name that is already free of paths and control characters. Truncates it at a character
    /// boundary if it is too long, and replaces an empty one.
    pub fn cleaned(text: &str) -> Self {
        let mut end = text.len().min(NAME_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(if end == 0 { "file".into() } else { text[..end].into() })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text for people who cannot see or hear the file: at most 1,000 characters, with line breaks but no other
/// control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AltText(Arc<str>);

impl AltText {
    /// Parses a text, trimmed of white space. None if nothing in it is visible. The error completes a
    /// sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let text = text.trim();
        if text.chars().nth(ALT_CHARS).is_some() {
            return Err(format!("is longer than {ALT_CHARS} characters"));
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r')) {
            return Err("may not contain control characters other than line breaks".into());
        }
        Ok(is_visible(text).then(|| Self(text.into())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The width and height of an image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimensions {
    pub width: u32,
    pub height: u32,
}

/// The thumbnail of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredThumbnail {
    pub dimensions: Dimensions,
    /// A `ThumbHash` in base64, from which clients draw a placeholder.
    pub hash: Arc<str>,
}

/// A complete file. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    pub id: FileId,
    /// The attempt that completed the upload.
    pub attempt: Attempt,
    pub name: FileName,
    /// The media type, detected from the content.
    pub media_type: Arc<str>,
    /// In bytes.
    pub size: u64,
    /// None if the file is not an image, or could not be decoded.
    pub dimensions: Option<Dimensions>,
    pub thumbnail: Option<StoredThumbnail>,
    /// The sender's alternative text.
    pub alt: Option<AltText>,
}

/// The tags of the fields of a stored file. A tag never changes its meaning.
mod tag {
    pub(super) const ID: u8 = 1;
    pub(super) const NAME: u8 = 2;
    pub(super) const MEDIA_TYPE: u8 = 3;
    pub(super) const SIZE: u8 = 4;
    pub(super) const DIMENSIONS: u8 = 5;
    pub(super) const THUMBNAIL: u8 = 6;
    pub(super) const HASH: u8 = 7;
    pub(super) const ALT: u8 = 8;
    pub(super) const ATTEMPT: u8 = 9;
}

impl StoredFile {
    /// Encodes the file as stores keep it.
    pub fn stored(&self) -> Vec<u8> {
        let mut detail = Vec::new();
        put(&mut detail, tag::ID, self.id.0.as_bytes());
        put(&mut detail, tag::NAME, self.name.as_str().as_bytes());
        put(&mut detail, tag::MEDIA_TYPE, self.media_type.as_bytes());
        put(&mut detail, tag::SIZE, &self.size.to_le_bytes());
        if let Some(dimensions) = self.dimensions {
            put(&mut detail, tag::DIMENSIONS, &dimensions.stored());
        }
        if let Some(StoredThumbnail { dimensions, hash }) = &self.thumbnail {
            put(&mut detail, tag::THUMBNAIL, &dimensions.stored());
            put(&mut detail, tag::HASH, hash.as_bytes());
        }
        if let Some(AltText(alt)) = &self.alt {
            put(&mut detail, tag::ALT, alt.as_bytes());
        }
        if self.attempt != Attempt::ONLY {
            put(&mut detail, tag::ATTEMPT, &self.attempt.0.to_le_bytes());
        }
        detail
    }

    /// Decodes the stored form. None if a required field is missing. Skips unknown fields, which a newer
    /// version may have written.
    pub fn from_stored(detail: &[u8]) -> Option<Self> {
        let text = |value: &[u8]| std::str::from_utf8(value).ok().map(Arc::<str>::from);
        let (mut id, mut name, mut media_type, mut size) = (None, None, None, None);
        let (mut dimensions, mut small, mut hash, mut alt) = (None, None, None, None);
        let mut attempt = Attempt::ONLY;
        for (tag, value) in fields(detail) {
            match tag {
                tag::ID => id = uuid::Uuid::from_slice(value).ok().map(FileId),
                tag::NAME => name = text(value).map(FileName),
                tag::MEDIA_TYPE => media_type = text(value),
                tag::SIZE => size = value.try_into().ok().map(u64::from_le_bytes),
                tag::DIMENSIONS => dimensions = Dimensions::from_stored(value),
                tag::THUMBNAIL => small = Dimensions::from_stored(value),
                tag::HASH => hash = text(value),
                tag::ALT => alt = text(value).map(AltText),
                tag::ATTEMPT => attempt = Attempt(u64::from_le_bytes(value.try_into().ok()?)),
                _ => {}
            }
        }
        let thumbnail = small.zip(hash).map(|(dimensions, hash)| StoredThumbnail { dimensions, hash });
        let (id, name, media_type, size) = (id?, name?, media_type?, size?);
        Some(Self { id, attempt, name, media_type, size, dimensions, thumbnail, alt })
    }

    /// The key under which the file store keeps the content.
    pub fn key(&self) -> FileKey {
        FileKey::Whole(self.id, self.attempt)
    }

    /// The key under which the file store keeps the thumbnail.
    pub fn thumbnail_key(&self) -> FileKey {
        FileKey::Thumbnail(self.id, self.attempt)
    }

    /// The approximate size of the file's JSON object on the wire, in bytes.
    pub(crate) fn wire_size(&self) -> usize {
        const KEYS: usize = 300;
        let alt = self.alt.as_ref().map_or(0, |alt| alt.0.len());
        KEYS + self.name.0.len() + self.media_type.len() + alt
    }
}

impl Dimensions {
    fn stored(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.width.to_le_bytes());
        bytes[4..].copy_from_slice(&self.height.to_le_bytes());
        bytes
    }

    fn from_stored(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 8] = bytes.try_into().ok()?;
        let (width, height) = bytes.split_at(4);
        let number = |half: &[u8]| half.try_into().ok().map(u32::from_le_bytes);
        Some(Self { width: number(width)?, height: number(height)? })
    }
}

/// An upload that is not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub id: FileId,
    /// The user who uploads.
    pub owner: UserId,
    pub name: FileName,
    /// The bytes of the quotas that it may use.
    pub size: u64,
    /// The date after which the upload is removed.
    pub expires: Date,
}

/// A file that a request attaches to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub id: FileId,
    /// The alternative text.
    pub alt: Option<AltText>,
}

/// The files that a request attaches to a message, in order and without duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachmentList(Vec<Attachment>);

impl AttachmentList {
    /// Checks the number of files and refuses duplicates. The error completes a sentence that begins with the
    /// field's name.
    pub fn new(files: Vec<Attachment>) -> Result<Self, String> {
        if files.len() > ATTACHMENTS {
            return Err(format!("may have at most {ATTACHMENTS} files"));
        }
        let ids: Vec<_> = files.iter().map(|file| file.id).collect();
        match ids.iter().enumerate().find(|(at, id)| ids[..*at].contains(id)) {
            Some((_, twice)) => Err(format!("names the file {twice} twice: name each file once")),
            None => Ok(Self(files)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn files(&self) -> &[Attachment] {
        &self.0
    }

    /// Adds the files to the hash that identifies a retry. The marker bytes keep the input unambiguous: no
    /// mention begins with 0xFE, and no text contains 0xFF.
    pub(crate) fn digest(&self, digest: &mut Sha256) {
        const BEFORE: &[u8] = &[0xfe];
        const BEFORE_ALT: &[u8] = &[0xff];
        for Attachment { id, alt } in &self.0 {
            digest.update(BEFORE);
            digest.update(id.0.as_bytes());
            if let Some(AltText(alt)) = alt {
                digest.update(BEFORE_ALT);
                digest.update(alt.as_bytes());
            }
        }
    }
}

/// Limits of uploaded files, set by the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLimits {
    /// The most bytes per file (`files.max_size`, 25 MiB).
    pub max_size: u64,
    /// The most bytes per user, over all files (`files.per_user`, 1 GiB).
    pub per_user: u64,
    /// The most files per user (`files.per_user_count`, 100 000).
    pub per_user_count: u64,
    /// The most bytes of all files (`files.total`). None: no limit.
    pub total: Option<u64>,
    /// The allowed media types (`files.types`), such as `image/png` or `image/*`. None: all types.
    pub types: Option<Vec<String>>,
}

impl FileLimits {
    /// Refuses a file that is too large.
    pub fn admit_size(&self, size: u64) -> Result<()> {
        if size > self.max_size {
            let why = format!("the file is larger than {} bytes (files.max_size)", self.max_size);
            return Err(Error::TooLarge(why));
        }
        Ok(())
    }

    /// Refuses a media type that is not allowed.
    pub fn admit_type(&self, media_type: &str) -> Result<()> {
        let Some(types) = &self.types else { return Ok(()) };
        let admits = |allowed: &String| match allowed.strip_suffix("/*") {
            Some(top) => media_type.split_once('/').is_some_and(|(found, _)| found.eq_ignore_ascii_case(top)),
            None => media_type.eq_ignore_ascii_case(allowed),
        };
        if types.iter().any(admits) {
            return Ok(());
        }
        let why = format!("a file of type {media_type} is not allowed: files.types has the allowed types");
        Err(Error::UnsupportedType(why))
    }
}

impl Default for FileLimits {
    fn default() -> Self {
        Self { max_size: 25 << 20, per_user: 1 << 30, per_user_count: 100_000, total: None, types: None }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn file() -> StoredFile {
        let thumbnail =
            StoredThumbnail { dimensions: Dimensions { width: 512, height: 3 }, hash: "aGk=".into() };
        StoredFile {
            id: FileId(Uuid::from_u128(7)),
            attempt: Attempt::ONLY,
            name: FileName::cleaned("é.png"),
            media_type: "image/png".into(),
            size: 300,
            dimensions: Some(Dimensions { width: 600, height: 4 }),
            thumbnail: Some(thumbnail),
            alt: AltText::parse("A beach").expect("a text"),
        }
    }

    #[test]
    fn the_stored_form_of_a_file_never_changes() {
        let stored = file().stored();
        let id = b"\x01\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07";
        let name = b"\x02\x06\0\0\0\xc3\xa9.png\x03\x09\0\0\0image/png\x04\x08\0\0\0\x2c\x01\0\0\0\0\0\0";
        let image =
            b"\x05\x08\0\0\0\x58\x02\0\0\x04\0\0\0\x06\x08\0\0\0\0\x02\0\0\x03\0\0\0\x07\x04\0\0\0aGk=";
        let alt = b"\x08\x07\0\0\0A beach";
        assert_eq!(stored, [id.as_slice(), name, image, alt].concat());
        let resumed = StoredFile { attempt: Attempt(258), ..file() }.stored();
        assert_eq!(resumed.strip_prefix(&*stored), Some(&b"\x09\x08\0\0\0\x02\x01\0\0\0\0\0\0"[..]));
    }

    #[test]
    fn a_file_is_read_as_it_was_stored() {
        let plain = StoredFile { dimensions: None, thumbnail: None, alt: None, ..file() };
        let resumed = StoredFile { attempt: Attempt(u64::MAX), ..file() };
        for file in [file(), plain, resumed] {
            let stored = file.stored();
            assert_eq!(StoredFile::from_stored(&stored), Some(file));
            for end in 0..stored.len() {
                let _ = StoredFile::from_stored(&stored[..end]);
            }
        }
        assert_eq!(StoredFile::from_stored(&[]), None);
    }

    #[test]
    fn a_name_is_cut_at_a_whole_character() {
        assert_eq!(FileName::cleaned(&"é".repeat(128)).as_str(), "é".repeat(127));
        assert_eq!(FileName::cleaned("").as_str(), "file");
    }

    #[test]
    fn an_alternative_text_is_short_and_shows_something() {
        let parsed = |text: &str| AltText::parse(text).map(|found| found.map(|alt| alt.as_str().to_owned()));
        assert_eq!(parsed(" A beach\nat noon "), Ok(Some("A beach\nat noon".into())));
        for nothing in ["", " \n", "\u{2800}"] {
            assert_eq!(parsed(nothing), Ok(None), "{nothing:?}");
        }
        assert!(parsed(&"é".repeat(ALT_CHARS)).is_ok());
        assert!(parsed(&"é".repeat(ALT_CHARS + 1)).is_err_and(|why| why.contains("1000")));
        assert!(parsed("a\u{7}b").is_err_and(|why| why.contains("control characters")));
    }

    #[test]
    fn a_retry_with_another_alternative_text_differs() {
        let digest = |alt: &str| {
            let file =
                Attachment { id: FileId(Uuid::from_u128(1)), alt: AltText::parse(alt).expect("a text") };
            let mut digest = Sha256::new();
            AttachmentList::new(vec![file]).expect("a list").digest(&mut digest);
            digest.finalize()
        };
        assert_eq!(digest("A beach"), digest("A beach "));
        assert_ne!(digest("A beach"), digest("A bench"));
        assert_ne!(digest(""), digest("A beach"));
    }

    #[test]
    fn a_list_has_each_file_once() {
        let file = |number| Attachment { id: FileId(Uuid::from_u128(number)), alt: None };
        assert!(AttachmentList::new((0..10).map(file).collect()).is_ok());
        assert!(AttachmentList::new((0..11).map(file).collect()).is_err());
        let why = AttachmentList::new(vec![file(1), file(2), file(1)]).expect_err("twice");
        assert!(why.contains(&file(1).id.to_string()), "{why}");
    }

    #[test]
    fn limits_name_their_settings() {
        let types = Some(vec!["image/*".to_owned(), "application/pdf".to_owned()]);
        let limits = FileLimits { max_size: 10, types, ..FileLimits::default() };
        assert!(limits.admit_size(10).is_ok());
        assert!(matches!(limits.admit_size(11), Err(Error::TooLarge(why)) if why.contains("files.max_size")));
        for allowed in ["image/png", "image/webp", "application/pdf"] {
            assert!(limits.admit_type(allowed).is_ok(), "{allowed}");
        }
        for refused in ["text/plain", "application/zip", "imagex/png"] {
            let why = limits.admit_type(refused).expect_err(refused);
            assert!(matches!(why, Error::UnsupportedType(why) if why.contains("files.types")));
        }
        assert!(FileLimits::default().admit_type("text/plain").is_ok());
    }
}
