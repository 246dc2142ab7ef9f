//! Colour conversion of pictures with an ICC profile, such as Display P3.

use image::DynamicImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// Whether a profile matches the picture's colour model. That of a CMYK photograph does not, once it is
/// decoded to RGB.
pub(crate) fn profile_fits(profile: &[u8], image: &DynamicImage) -> bool {
    match profile.get(16..20) {
        Some(b"RGB ") => image.color().has_color(),
        Some(b"GRAY") => !image.color().has_color(),
        _ => false,
    }
}

/// Converts a picture with 8 bits per channel to sRGB. An unusable profile is ignored, as in browsers.
pub(crate) fn to_srgb(image: DynamicImage, profile: &[u8]) -> DynamicImage {
    let Ok(source) = ColorProfile::new_from_slice(profile) else { return image };
    let image = match (source.color_space, image) {
        (DataColorSpace::Gray, image @ (DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_))) => image,
        (DataColorSpace::Rgb, image) if image.color().has_alpha() => image.into_rgba8().into(),
        (DataColorSpace::Rgb, image) => image.into_rgb8().into(),
        (_, image) => return image,
    };
    converted(&image, &source).unwrap_or(image)
}

fn converted(image: &DynamicImage, source: &ColorProfile) -> Option<DynamicImage> {
    let (from, alpha) = match image {
        DynamicImage::ImageLuma8(_) => (Layout::Gray, false),
        DynamicImage::ImageLumaA8(_) => (Layout::GrayAlpha, true),
        DynamicImage::ImageRgb8(_) => (Layout::Rgb, false),
        DynamicImage::ImageRgba8(_) => (Layout::Rgba, true),
        _ => return None,
    };
    let to = if alpha { Layout::Rgba } else { Layout::Rgb };
    let srgb = ColorProfile::new_srgb();
    let transform = source.create_transform_8bit(from, &srgb, to, TransformOptions::default()).ok()?;
    let mut pixels = if alpha { image.to_rgba8().into_raw() } else { image.to_rgb8().into_raw() };
    transform.transform(image.as_bytes(), &mut pixels).ok()?;
    let (width, height) = (image.width(), image.height());
    if alpha {
        image::RgbaImage::from_raw(width, height, pixels).map(Into::into)
    } else {
        image::RgbImage::from_raw(width, height, pixels).map(Into::into)
    }
}
