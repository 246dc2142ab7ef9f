//! Decoding within the limits. This is the only place at which untrusted bytes reach the decoders.

use std::io::{Cursor, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageError, ImageResult};

use crate::header::Header;
use crate::input::Input;
use crate::{Error, Format, ImageLimits, Result, webp};

/// The memory of a decoder that does not depend on the image: tables and row buffers.
const DECODER_BASE: u64 = 2 << 20;

/// The WebP decoder allocates memory for a chunk before reading it, and the length of a chunk has 24 bits.
const WEBP_PART: u64 = 16 << 20;

/// The pixels of a picture as stored, without applying its orientation and colour profile.
pub(crate) struct Decoded {
    pub(crate) image: DynamicImage,
    pub(crate) profile: Option<Vec<u8>>,
}

/// Decodes the first picture. `copies` is the number of copies of the pixels for which the caller needs
/// memory afterwards.
pub(crate) fn decode(
    input: &mut Input<impl Read + Seek>,
    header: &Header,
    copies: u64,
    limits: &ImageLimits,
) -> Result<Decoded> {
    header.check(limits)?;
    // The JPEG decoder copies the file.
    require_memory(input.len().saturating_mul(2) + base(header.format), limits)?;
    let profile = if header.format == Format::WebP { webp::profile(input)? } else { None };
    input.seek(0)?;
    // The WebP decoder reads beyond the container.
    let end = if header.format == Format::WebP { webp::container(input)? } else { input.len() };
    input.seek(0)?;
    let bytes = input.up_to(end)?;
    let decode = || match header.format {
        Format::Gif => {
            decode_with(GifDecoder::new(Cursor::new(&bytes)), None, header, &bytes, copies, limits)
        }
        Format::Jpeg => {
            let mut decoder = JpegDecoder::new(Cursor::new(&bytes)).map_err(refusal)?;
            let profile = decoder.icc_profile().map_err(refusal)?;
            decode_with(Ok(decoder), profile, header, &bytes, copies, limits)
        }
        Format::Png => {
            let mut decoder =
                PngDecoder::with_limits(Cursor::new(&bytes), image_limits(limits)).map_err(refusal)?;
            let profile = decoder.icc_profile().map_err(refusal)?;
            decode_with(Ok(decoder), profile, header, &bytes, copies, limits)
        }
        Format::WebP => {
            decode_with(WebPDecoder::new(Cursor::new(&bytes)), profile, header, &bytes, copies, limits)
        }
    };
    guard(decode)
}

/// Runs third-party code on untrusted bytes. A panic in it means that they are not a valid image.
pub(crate) fn guard<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(Error::unreadable("the decoder failed on it")))
}

fn decode_with(
    decoder: ImageResult<impl ImageDecoder>,
    profile: Option<Vec<u8>>,
    header: &Header,
    bytes: &[u8],
    copies: u64,
    limits: &ImageLimits,
) -> Result<Decoded> {
    let mut decoder = decoder.map_err(refusal)?;
    if decoder.dimensions() != (header.width, header.height) {
        return Err(Error::unreadable("its sizes differ"));
    }
    let pixels = decoder.total_bytes();
    let decoding = header.pixels().saturating_mul(header.decoder_bytes);
    let profile_bytes = profile.as_ref().map_or(0, Vec::len) as u64;
    let fixed = bytes.len() as u64 * 2 + profile_bytes + base(header.format);
    require_memory(fixed + pixels + decoding.max(pixels.saturating_mul(copies)), limits)?;
    decoder.set_limits(image_limits(limits)).map_err(refusal)?;
    let image = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    Ok(Decoded { image, profile })
}

fn base(format: Format) -> u64 {
    DECODER_BASE + if format == Format::WebP { WEBP_PART } else { 0 }
}

fn require_memory(needed: u64, limits: &ImageLimits) -> Result<()> {
    if needed <= limits.memory {
        return Ok(());
    }
    Err(Error::OverLimits(format!("it needs {needed} bytes of memory, more than {}", limits.memory)))
}

fn image_limits(limits: &ImageLimits) -> image::Limits {
    let mut of_image = image::Limits::no_limits();
    of_image.max_alloc = Some(limits.memory);
    of_image
}

/// The error for a decoder's error. Decoders read from memory, so I/O errors cannot occur.
fn refusal(error: ImageError) -> Error {
    match error {
        ImageError::Limits(error) => Error::OverLimits(error.to_string()),
        ImageError::Unsupported(error) => Error::Unsupported(error.to_string()),
        error => Error::unreadable(error.to_string()),
    }
}
