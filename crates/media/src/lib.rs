//! Processing of uploaded files: their types, their names, images without metadata, and thumbnails.
//!
//! Everything in this crate is a pure function of untrusted bytes, without a network, a store or a runtime.
//! An upload is processed in this order:
//!
//! 1. [`name::clean`] makes the stored name of the file. It accepts any name.
//! 2. [`sniff::Sniffer`] reads the bytes while they are stored, and detects their type.
//! 3. [`strip::strip`] writes an image upright and without its metadata.
//! 4. [`thumbnail::thumbnail`] makes a thumbnail of it.
//!
//! ```
//! use std::io::Cursor;
//!
//! use chinwag_media::{Error, Format, ImageLimits, sniff, strip, thumbnail};
//!
//! fn receive(bytes: &[u8]) -> Result<(&'static str, Vec<u8>, Option<thumbnail::MadeThumbnail>), Error> {
//!     let mut sniffer = sniff::Sniffer::default();
//!     bytes.chunks(4096).for_each(|chunk| sniffer.update(chunk));
//!     let media_type = sniffer.finish();
//!     let Some(format) = Format::of(media_type) else { return Ok((media_type, bytes.to_vec(), None)) };
//!
//!     let limits = ImageLimits::default();
//!     let mut stored = Vec::new();
//!     let made = strip::strip(Cursor::new(bytes), format, &limits, &mut stored)
//!         .and_then(|_| thumbnail::thumbnail(Cursor::new(&stored), format, &limits));
//!     match made {
//!         Ok(picture) => Ok((media_type, stored, Some(picture))),
//!         Err(Error::OverLimits(_) | Error::Unsupported(_)) => Ok((media_type, stored, None)),
//!         Err(Error::Unreadable(_)) => Ok((sniff::UNKNOWN, bytes.to_vec(), None)),
//!         Err(fault @ Error::Io(_)) => Err(fault),
//!     }
//! }
//!
//! let (media_type, _, picture) = receive(b"<script>alert(1)</script>")?;
//! assert_eq!((media_type, picture.is_none()), ("text/plain", true));
//! # Ok::<(), Error>(())
//! ```
//!
//! The caller limits the time by running this on a bounded thread pool. [`ImageLimits`] limits the work, by
//! the pixels of an image and the passes over them.

mod colour;
mod decode;
mod header;
mod input;
mod jpeg;
pub mod name;
mod png;
pub mod sniff;
pub mod strip;
pub mod thumbnail;
mod webp;

use std::io;

pub use header::size;

/// The result of reading an image.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An image format from which metadata is removed and of which thumbnails are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Gif,
    Jpeg,
    Png,
    WebP,
}

impl Format {
    /// The format for a media type that [`sniff::Sniffer`] detected.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "image/gif" => Some(Self::Gif),
            "image/jpeg" => Some(Self::Jpeg),
            "image/png" => Some(Self::Png),
            "image/webp" => Some(Self::WebP),
            _ => None,
        }
    }
}

/// Limits for decoding one image. An image that exceeds them is stored without a thumbnail, and is not
/// turned.
#[derive(Debug, Clone)]
pub struct ImageLimits {
    /// The most pixels of an image.
    pub pixels: u64,
    /// The most bytes of memory in use at a time: the file, the pixels, and the decoder's buffers.
    pub memory: u64,
}

impl Default for ImageLimits {
    /// 50 megapixels of 2²⁰ each, since sensors sold as "50 MP" have up to 8192 × 6144; and 512 MiB.
    fn default() -> Self {
        Self { pixels: 50 << 20, memory: 512 << 20 }
    }
}

/// Why an image was not processed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read, or the result not be written. Not related to the image.
    #[error("reading or writing the file failed: {0}")]
    Io(#[from] io::Error),
    /// The bytes are not a valid image of this format. The file is stored as `application/octet-stream`.
    #[error("the file is not a valid image: {0}")]
    Unreadable(String),
    /// The image has an unsupported form. It is stored without a thumbnail.
    #[error("this form of the image is not supported: {0}")]
    Unsupported(String),
    /// The image exceeds the [`ImageLimits`]. It is stored without a thumbnail.
    #[error("the image is over the limits: {0}")]
    OverLimits(String),
}

impl Error {
    fn unreadable(why: impl Into<String>) -> Self {
        Self::Unreadable(why.into())
    }
}
