//! Reads the properties of an image from its headers, without decoding it.

use std::io::{Read, Seek};

use image::metadata::Orientation;

use crate::input::Input;
use crate::{Error, Format, ImageLimits, Result, jpeg, png, webp};

/// The most bytes of EXIF data that are searched for the orientation. It is in the first directory.
const EXIF_BYTES: u64 = 64 << 10;

/// The most pixels to decode over all passes. A progressive JPEG may have any number of scans over all its
/// pixels, each of only a few bytes.
const WORK: u64 = 1 << 30;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    pub(crate) format: Format,
    /// As stored, before the orientation is applied.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) orientation: Orientation,
    pub(crate) animated: bool,
    /// The number of passes of the decoder.
    pub(crate) passes: u64,
    /// The decoder's memory per pixel, in addition to the pixels themselves.
    pub(crate) decoder_bytes: u64,
}

/// The displayed width and height of an image, read from its headers. Also works for an image that exceeds
/// the limits.
pub fn size(input: impl Read + Seek, format: Format) -> Result<(u32, u32)> {
    Ok(Header::read(&mut Input::new(input)?, format)?.shown_size())
}

impl Header {
    pub(crate) fn new(format: Format, width: u32, height: u32) -> Self {
        let orientation = Orientation::NoTransforms;
        Self { format, width, height, orientation, animated: false, passes: 1, decoder_bytes: 0 }
    }

    pub(crate) fn read(input: &mut Input<impl Read + Seek>, format: Format) -> Result<Self> {
        input.seek(0)?;
        let header = match format {
            Format::Gif => gif(input),
            Format::Jpeg => jpeg::header(input),
            Format::Png => png::header(input),
            Format::WebP => webp::header(input),
        }?;
        if header.width == 0 || header.height == 0 {
            return Err(Error::unreadable("it has no pixels"));
        }
        Ok(header)
    }

    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether the pixels must be turned. An animation is not turned, since every frame would have to be
    /// re-encoded.
    pub(crate) fn turned(&self) -> bool {
        self.orientation != Orientation::NoTransforms && !self.animated
    }

    pub(crate) fn shown_size(&self) -> (u32, u32) {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        match self.orientation {
            Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH if self.turned() => {
                (self.height, self.width)
            }
            _ => (self.width, self.height),
        }
    }

    pub(crate) fn check(&self, limits: &ImageLimits) -> Result<()> {
        let pixels = self.pixels();
        if pixels > limits.pixels {
            let (width, height) = (self.width, self.height);
            return Err(Error::OverLimits(format!(
                "{width} × {height} is {pixels} pixels, more than {}",
                limits.pixels
            )));
        }
        if pixels.saturating_mul(self.passes) > WORK {
            return Err(Error::OverLimits(format!("it has {} scans over {pixels} pixels", self.passes)));
        }
        Ok(())
    }
}

/// The orientation in EXIF data of `count` bytes. Reads only the first bytes.
pub(crate) fn orientation(input: &mut Input<impl Read + Seek>, count: u64) -> Result<Option<Orientation>> {
    let bytes = input.up_to(count.min(EXIF_BYTES))?;
    let rest = count - bytes.len() as u64;
    input.skip(rest)?;
    Ok(Orientation::from_exif_chunk(bytes.strip_prefix(b"Exif\0\0").unwrap_or(&bytes)))
}

/// Reads up to the first frame. A file without frames is not a picture, whatever size its header has.
fn gif(input: &mut Input<impl Read + Seek>) -> Result<Header> {
    if !matches!(&input.array()?, b"GIF87a" | b"GIF89a") {
        return Err(Error::unreadable("it has no GIF signature"));
    }
    let [width, height] = [input.array()?, input.array()?].map(u16::from_le_bytes);
    let [flags, _, _] = input.array()?;
    if flags & 0x80 != 0 {
        input.skip(3 << (1 + (flags & 7)))?;
    }
    loop {
        match input.byte()? {
            // A frame.
            Some(b',') => break,
            // An extension: its kind, and blocks up to an empty one.
            Some(b'!') => {
                input.skip(1)?;
                while let Some(length) = input.byte()?.filter(|&length| length > 0) {
                    input.skip(length.into())?;
                }
            }
            _ => return Err(Error::unreadable("it has no picture")),
        }
    }
    input.skip(4)?;
    let [frame_width, frame_height] = [input.array()?, input.array()?].map(u16::from_le_bytes);
    let header = Header::new(Format::Gif, width.into(), height.into());
    // A frame that does not cover the screen is decoded into a separate buffer, which may be larger than the
    // screen.
    let frame = u64::from(frame_width) * u64::from(frame_height);
    let decoder_bytes = 4 * frame.div_ceil(header.pixels().max(1)).max(1);
    Ok(Header { decoder_bytes, ..header })
}
