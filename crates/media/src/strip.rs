//! Images without metadata: no EXIF, GPS, XMP, IPTC, comments, embedded thumbnails, and no bytes after the
//! image.
//!
//! The parts of a file that make up the picture are copied unchanged, in bounded memory regardless of its
//! size. Only a photograph with an orientation in its EXIF data is decoded and re-encoded, because the
//! orientation would be lost with the metadata.

use std::io::{Cursor, Read, Seek, Write};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageEncoder, ImageResult};

use crate::colour::profile_fits;
use crate::decode::{Decoded, decode, guard};
use crate::header::Header;
use crate::input::Input;
use crate::{Error, Format, ImageLimits, Result, jpeg, png, webp};

const JPEG_QUALITY: u8 = 92;

/// How the pixels in a file that [`strip`] has written relate to the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stripped {
    /// The original pixels.
    AsIs,
    /// The original pixels, turned upright.
    Turned,
    /// The original pixels. The EXIF data contains an orientation, but the image exceeds the limits, is not
    /// supported by the decoder, or is an animation. In a JPEG, the orientation is the only EXIF data that is
    /// kept.
    Unturned,
}

/// Writes an image upright and without its metadata. Keeps the colour profile and animations; copies a GIF
/// unchanged.
///
/// After an error the output is unusable. Exceeding the limits is not an error here.
pub fn strip(
    input: impl Read + Seek,
    format: Format,
    limits: &ImageLimits,
    output: &mut impl Write,
) -> Result<Stripped> {
    let mut input = Input::new(input)?;
    let header = Header::read(&mut input, format)?;
    let stripped = if header.turned() {
        match turn(&mut input, &header, limits) {
            Ok(turned) => {
                write_turned(&mut input, format, &turned, output)?;
                return Ok(Stripped::Turned);
            }
            Err(Error::OverLimits(_) | Error::Unsupported(_)) => Stripped::Unturned,
            Err(error) => return Err(error),
        }
    } else if header.orientation == Orientation::NoTransforms {
        Stripped::AsIs
    } else {
        Stripped::Unturned
    };
    input.seek(0)?;
    match format {
        Format::Gif => input.copy(input.len(), output)?,
        Format::Jpeg => jpeg::strip(&mut input, output, header.orientation)?,
        Format::Png => png::strip(&mut input, output)?,
        Format::WebP => webp::strip(&mut input, output)?,
    }
    Ok(stripped)
}

/// The copies of the pixels in memory at a time while turning: the turned pixels, the encoder's copies, and
/// its output.
fn copies(format: Format) -> u64 {
    match format {
        Format::Gif | Format::Jpeg => 1,
        Format::Png => 2,
        Format::WebP => 3,
    }
}

fn turn(input: &mut Input<impl Read + Seek>, header: &Header, limits: &ImageLimits) -> Result<Vec<u8>> {
    let Decoded { mut image, profile } = decode(input, header, copies(header.format), limits)?;
    image.apply_orientation(header.orientation);
    let profile = profile.filter(|profile| profile_fits(profile, &image));
    guard(|| {
        let mut encoded = Vec::new();
        encode(&image, header.format, profile, &mut encoded)
            .map_err(|error| Error::Unsupported(error.to_string()))?;
        Ok(encoded)
    })
}

fn encode(
    image: &DynamicImage,
    format: Format,
    profile: Option<Vec<u8>>,
    encoded: &mut Vec<u8>,
) -> ImageResult<()> {
    let mut cursor = Cursor::new(encoded);
    match format {
        Format::Jpeg => {
            let mut encoder = JpegEncoder::new_with_quality(cursor, JPEG_QUALITY);
            set_profile(&mut encoder, profile);
            image.write_with_encoder(encoder)
        }
        // The colour chunks are copied from the original.
        Format::Png => image.write_with_encoder(PngEncoder::new(cursor)),
        Format::Gif | Format::WebP => {
            let mut encoder = WebPEncoder::new_lossless(&mut cursor);
            set_profile(&mut encoder, profile);
            image.write_with_encoder(encoder)
        }
    }
}

fn set_profile(encoder: &mut impl ImageEncoder, profile: Option<Vec<u8>>) {
    if let Some(profile) = profile {
        // Both encoders support it. Without it, the picture would still be valid.
        let _ = encoder.set_icc_profile(profile);
    }
}

fn write_turned(
    input: &mut Input<impl Read + Seek>,
    format: Format,
    turned: &[u8],
    output: &mut impl Write,
) -> Result<()> {
    if format == Format::Png {
        png::with_colours_of(input, turned, output)
    } else {
        Ok(output.write_all(turned)?)
    }
}
