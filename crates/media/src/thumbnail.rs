//! Thumbnails: small WebP pictures, with a `ThumbHash` to display while they load.

use std::io::{Read, Seek};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer, pixels};
use image::{DynamicImage, ExtendedColorType, GrayAlphaImage, GrayImage, ImageEncoder, RgbImage, RgbaImage};

use crate::colour::{profile_fits, to_srgb};
use crate::decode::{Decoded, decode, guard};
use crate::header::Header;
use crate::input::Input;
use crate::{Error, Format, ImageLimits, Result};

/// The longest side of a thumbnail, in pixels.
pub const SIDE: u32 = 512;

/// The longest side of the picture from which a `ThumbHash` is made. More pixels do not change the hash.
const HASH_SIDE: u32 = 100;

/// The quality for libwebp. Photographs take 6 to 50 kB, a twentieth of the lossless form.
const QUALITY: f32 = 80.0;

/// The copies of the pixels in memory at a time. For a transparent picture this is a copy with colours
/// multiplied by the opacity, so that the colours of invisible pixels do not bleed into their neighbours. A
/// picture with 16 bits per channel has a copy with 8 bits instead, which fits into the same memory.
const COPIES: u64 = 1;

/// A thumbnail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeThumbnail {
    /// The picture in WebP: sRGB, upright, the first frame of an animation.
    pub webp: Vec<u8>,
    pub width: u32,
    pub height: u32,
    /// A `ThumbHash` in base64.
    pub hash: String,
    /// The displayed width of the original image.
    pub original_width: u32,
    /// The displayed height of the original image.
    pub original_height: u32,
}

/// Makes a thumbnail of at most [`SIDE`] pixels per side. A smaller image keeps its size.
pub fn thumbnail(input: impl Read + Seek, format: Format, limits: &ImageLimits) -> Result<MadeThumbnail> {
    let mut input = Input::new(input)?;
    let header = Header::read(&mut input, format)?;
    let Decoded { image, profile } = decode(&mut input, &header, COPIES, limits)?;
    let profile = profile.filter(|profile| profile_fits(profile, &image));
    guard(|| {
        // Code for resizing 16 bits per channel would add over a megabyte to the program, and a thumbnail has
        // only 8.
        let image = if image.color().bytes_per_pixel() > image.color().channel_count() {
            let opaque = is_opaque(&image);
            of_8_bits(image, opaque)
        } else {
            image
        };
        let mut small = shrink(&image, SIDE)?;
        drop(image);
        if let Some(profile) = profile {
            small = to_srgb(small, &profile);
        }
        if header.turned() {
            small.apply_orientation(header.orientation);
        }
        let (original_width, original_height) = header.shown_size();
        Ok(MadeThumbnail {
            webp: encode(&small)?,
            width: small.width(),
            height: small.height(),
            hash: hash(&small)?,
            original_width,
            original_height,
        })
    })
}

/// Reduces a picture to 8 bits per channel and at most `side` pixels per side.
fn shrink(image: &DynamicImage, side: u32) -> Result<DynamicImage> {
    let opaque = is_opaque(image);
    let (width, height) = fit(image.width(), image.height(), side);
    if (width, height) == (image.width(), image.height()) {
        return Ok(of_8_bits(image.clone(), opaque));
    }
    let resize: Resize = match image {
        DynamicImage::ImageLuma8(_) => resize::<pixels::U8>,
        DynamicImage::ImageLumaA8(_) => resize::<pixels::U8x2>,
        DynamicImage::ImageRgb8(_) => resize::<pixels::U8x3>,
        DynamicImage::ImageRgba8(_) => resize::<pixels::U8x4>,
        other => return Err(Error::Unsupported(format!("pixels of {:?}", other.color()))),
    };
    let options =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).use_alpha(!opaque);
    let bytes = resize(image, (width, height), &options)?.into_vec();
    let small = match image.color().channel_count() {
        1 => GrayImage::from_raw(width, height, bytes).map(DynamicImage::from),
        2 => GrayAlphaImage::from_raw(width, height, bytes).map(DynamicImage::from),
        3 => RgbImage::from_raw(width, height, bytes).map(DynamicImage::from),
        _ => RgbaImage::from_raw(width, height, bytes).map(DynamicImage::from),
    };
    let small = small.ok_or_else(|| Error::Unsupported("its pixels have no common size".to_owned()))?;
    Ok(of_8_bits(small, opaque))
}

type Resize = fn(&DynamicImage, (u32, u32), &ResizeOptions) -> Result<Image<'static>>;

/// Resizes an image with one pixel type. `Resizer::resize` would link the code for all types.
fn resize<P: PixelTrait>(
    image: &DynamicImage,
    (width, height): (u32, u32),
    options: &ResizeOptions,
) -> Result<Image<'static>> {
    let source = ImageRef::new(image.width(), image.height(), image.as_bytes(), P::pixel_type())
        .map_err(|error| Error::Unsupported(error.to_string()))?;
    let mut small = Image::new(width, height, P::pixel_type());
    let of_type = source.typed_image::<P>().zip(small.typed_image_mut::<P>());
    let not_so = || Error::Unsupported("its pixels are not of their type".to_owned());
    let (source, mut resized) = of_type.ok_or_else(not_so)?;
    Resizer::new()
        .resize_typed(&source, &mut resized, options)
        .map_err(|error| Error::Unsupported(error.to_string()))?;
    Ok(small)
}

fn of_8_bits(image: DynamicImage, opaque: bool) -> DynamicImage {
    match (image.color().has_color(), opaque) {
        (true, true) => image.into_rgb8().into(),
        (true, false) => image.into_rgba8().into(),
        (false, true) => image.into_luma8().into(),
        (false, false) => image.into_luma_alpha8().into(),
    }
}

fn is_opaque(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageLumaA8(image) => image.pixels().all(|pixel| pixel.0[1] == u8::MAX),
        DynamicImage::ImageRgba8(image) => image.pixels().all(|pixel| pixel.0[3] == u8::MAX),
        DynamicImage::ImageLumaA16(image) => image.pixels().all(|pixel| pixel.0[1] == u16::MAX),
        DynamicImage::ImageRgba16(image) => image.pixels().all(|pixel| pixel.0[3] == u16::MAX),
        image => !image.color().has_alpha(),
    }
}

/// The largest size with the same proportions and at most `side` pixels per side; at least one pixel.
fn fit(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= side {
        return (width, height);
    }
    let scaled = |length: u32| {
        let scaled = (u64::from(length) * u64::from(side) + u64::from(longest / 2)) / u64::from(longest);
        u32::try_from(scaled).unwrap_or(side).max(1)
    };
    (scaled(width), scaled(height))
}

/// Encodes in the smaller of both forms. Lossless is smaller for drawings and screenshots, and keeps them
/// sharp.
fn encode(image: &DynamicImage) -> Result<Vec<u8>> {
    let (width, height) = (image.width(), image.height());
    let alpha = image.color().has_alpha();
    let (pixels, layout, color) = if alpha {
        (image.to_rgba8().into_raw(), ::webp::PixelLayout::Rgba, ExtendedColorType::Rgba8)
    } else {
        (image.to_rgb8().into_raw(), ::webp::PixelLayout::Rgb, ExtendedColorType::Rgb8)
    };
    let lossy = ::webp::Encoder::new(&pixels, layout, width, height)
        .encode_simple(false, QUALITY)
        .map_err(|error| Error::Unsupported(format!("the thumbnail cannot be encoded: {error:?}")))?;
    let mut lossless = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut lossless)
        .write_image(&pixels, width, height, color)
        .map_err(|error| Error::Unsupported(format!("the thumbnail cannot be encoded: {error}")))?;
    Ok(if lossless.len() <= lossy.len() { lossless } else { lossy.to_vec() })
}

fn hash(image: &DynamicImage) -> Result<String> {
    let small = shrink(image, HASH_SIDE)?.into_rgba8();
    let [width, height] = [small.width(), small.height()].map(|side| side as usize);
    Ok(STANDARD.encode(thumbhash::rgba_to_thumb_hash(width, height, small.as_raw())))
}
