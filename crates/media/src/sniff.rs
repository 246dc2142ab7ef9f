//! Detects the type of a file by its content. The type that the sender claims is ignored.
//!
//! A known binary signature determines the type. Otherwise text is `text/plain`, including HTML, SVG and
//! scripts, and everything else is `application/octet-stream`. A file that consists only of text has no
//! binary signature, whatever its first letters, except for a PDF.
//!
//! The signatures are implemented here, because the crate `infer` detects a text that starts with "BM" as a
//! bitmap and one that starts with "GIF" as an image. It also detects HTML, XML and scripts, which must not
//! be detected here.

mod signature;

/// The type of files that are neither text nor of a known type.
pub const UNKNOWN: &str = "application/octet-stream";
/// The type of all texts.
pub const TEXT: &str = "text/plain";

const PDF: &str = "application/pdf";

/// The bytes at the start of a file that are searched for a signature. They have room for two frames of MP3.
const HEAD_BYTES: usize = 4096;

/// Media types that browsers display inline: images, audio and video that run no scripts.
const INLINE: &[&str] = &[
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/jpeg",
    "image/jxl",
    "image/png",
    "image/tiff",
    "image/vnd.microsoft.icon",
    "image/webp",
    "video/matroska",
    "video/mp4",
    "video/ogg",
    "video/quicktime",
    "video/webm",
];

/// Whether browsers display a file of this type. All others are saved.
pub fn is_inline(media_type: &str) -> bool {
    INLINE.contains(&media_type)
}

/// Detects the type of a stream of bytes.
///
/// ```
/// use chinwag_media::sniff::Sniffer;
///
/// let mut sniffer = Sniffer::default();
/// sniffer.update(b"<svg onload=");
/// sniffer.update(b"'alert(1)'/>");
/// assert_eq!(sniffer.finish(), "text/plain");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sniffer {
    head: Vec<u8>,
    text: TextCheck,
}

impl Sniffer {
    /// Processes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        let missing = HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        self.text.update(bytes);
    }

    /// Whether enough bytes for a signature have been read.
    pub fn has_head(&self) -> bool {
        self.head.len() == HEAD_BYTES
    }

    /// Ends the file, and returns its type.
    pub fn finish(self) -> &'static str {
        let text = self.text.is_text();
        match signature::find(&self.head) {
            Some(PDF) => PDF,
            _ if text => TEXT,
            Some(found) => found,
            None => UNKNOWN,
        }
    }
}

/// Checks that bytes are UTF-8 without control characters. Pieces may end within a character.
#[derive(Debug, Clone, Default)]
struct TextCheck {
    refused: bool,
    /// The start of a character that continues in the next piece.
    pending: Vec<u8>,
}

impl TextCheck {
    fn update(&mut self, mut bytes: &[u8]) {
        while !self.pending.is_empty() && !self.refused {
            let Some((&next, rest)) = bytes.split_first() else { return };
            bytes = rest;
            self.pending.push(next);
            let character = std::mem::take(&mut self.pending);
            self.check(&character);
        }
        if !self.refused {
            self.check(bytes);
        }
    }

    fn check(&mut self, bytes: &[u8]) {
        let (text, rest) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                self.refused = error.error_len().is_some();
                (std::str::from_utf8(valid).unwrap_or_default(), rest)
            }
        };
        self.refused |= text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{C}'));
        if !self.refused {
            self.pending = rest.to_vec();
        }
    }

    fn is_text(&self) -> bool {
        !self.refused && self.pending.is_empty()
    }
}
