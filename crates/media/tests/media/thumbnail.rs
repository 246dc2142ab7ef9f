use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chinwag_media::thumbnail::{MadeThumbnail, SIDE, thumbnail};
use chinwag_media::{Error, Format, ImageLimits, Result, size};
use image::{DynamicImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use crate::samples::*;

fn make(format: Format, bytes: &[u8]) -> Result<MadeThumbnail> {
    thumbnail(Cursor::new(bytes), format, &ImageLimits::default())
}

fn made(format: Format, bytes: &[u8]) -> (MadeThumbnail, RgbaImage) {
    let made = make(format, bytes).unwrap();
    let shown = pixels(&made.webp).into_rgba8();
    assert_eq!((shown.width(), shown.height()), (made.width, made.height));
    (made, shown)
}

fn assert_near(shown: &RgbaImage, (x, y): (u32, u32), expected: [u8; 4], most: u8) {
    let level = shown.get_pixel(x, y).0;
    let near = level.iter().zip(expected).all(|(level, expected)| level.abs_diff(expected) <= most);
    assert!(near, "{level:?} is not {expected:?} at {x}, {y}");
}

#[test]
fn thumbnail_fits_in_a_square_and_keeps_proportions() {
    for ((width, height), small) in [
        ((1200, 800), (512, 341)),
        ((800, 1200), (341, 512)),
        ((512, 512), (512, 512)),
        ((513, 2), (512, 2)),
        ((40, 30), (40, 30)),
        ((1, 1), (1, 1)),
        ((3000, 1), (512, 1)),
        ((1, 3000), (1, 512)),
    ] {
        for (format, bytes) in
            [(Format::Jpeg, jpeg(&photo(width, height))), (Format::Png, png(&photo(width, height).into()))]
        {
            let (made, _) = made(format, &bytes);
            assert_eq!((made.width, made.height), small, "{width} × {height}");
            assert_eq!((made.original_width, made.original_height), (width, height));
            assert_eq!(size(Cursor::new(&bytes), format).unwrap(), (width, height));
            assert!(made.width.max(made.height) <= SIDE);
        }
    }
}

#[test]
fn every_format_has_a_thumbnail() {
    let picture = photo(600, 400);
    let last = photo(600, 400).get_pixel(590, 390).0;
    for (format, bytes) in [
        (Format::Jpeg, jpeg(&picture)),
        (Format::Png, png(&picture.clone().into())),
        (Format::WebP, webp(&picture.clone().into())),
        (Format::WebP, lossy_webp(&picture)),
        (Format::Gif, gif(&[DynamicImage::from(picture.clone()).into_rgba8()])),
    ] {
        let (_, shown) = made(format, &bytes);
        let [r, g, _] = last;
        let level = shown.get_pixel(503, 332).0;
        // A GIF has only 256 colours.
        let most = if format == Format::Gif { 48 } else { 16 };
        assert!(level[0].abs_diff(r) < most && level[1].abs_diff(g) < most, "{format:?} {level:?}");
    }
}

#[test]
fn photograph_is_small() {
    let noisy = RgbImage::from_fn(1024, 768, |x, y| {
        let noise = x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)).rotate_left(13) % 48;
        Rgb([(x / 5) as u8, (y / 4) as u8, 100].map(|level| level.saturating_add(noise as u8)))
    });
    let (made, _) = made(Format::Jpeg, &jpeg(&noisy));
    let lossless = webp(&pixels(&made.webp)).len();
    assert!(made.webp.len() * 4 < lossless, "{} {lossless}", made.webp.len());
}

#[test]
fn drawing_stays_sharp() {
    let drawing =
        RgbImage::from_fn(
            300,
            200,
            |x, y| if (x / 8 + y / 8) % 2 == 0 { Rgb([255, 0, 0]) } else { Rgb([255; 3]) },
        );
    let (_, shown) = made(Format::Png, &png(&drawing.clone().into()));
    assert_eq!(DynamicImage::from(shown).into_rgb8(), drawing);
}

#[test]
fn transparency_is_kept_and_hidden_colours_do_not_leak() {
    let glass =
        RgbaImage::from_fn(
            1024,
            1024,
            |x, _| if x < 517 { Rgba([255, 0, 0, 0]) } else { Rgba([0, 0, 255, 255]) },
        );
    for (format, bytes) in
        [(Format::Png, png(&glass.clone().into())), (Format::WebP, webp(&glass.clone().into()))]
    {
        let (_, shown) = made(format, &bytes);
        assert_eq!(shown.get_pixel(100, 100).0[3], 0);
        assert_near(&shown, (400, 100), [0, 0, 255, 255], 4);
        // The edge is blue, not violet.
        for x in 255..262 {
            let [red, _, _, alpha] = shown.get_pixel(x, 100).0;
            assert!(alpha == 0 || red < 24, "{red} {alpha} at {x}");
        }
    }
}

#[test]
fn opaque_picture_with_an_alpha_channel_has_none_afterwards() {
    let opaque = RgbaImage::from_pixel(700, 500, Rgba([10, 200, 30, 255]));
    let made = make(Format::Png, &png(&opaque.into())).unwrap();
    assert!(!pixels(&made.webp).color().has_alpha());
}

#[test]
fn thumbnail_is_upright() {
    for number in 1..=8 {
        let bytes = jpeg_with_exif(&jpeg(&photo(640, 480)), number);
        let mut upright = DynamicImage::from(photo(640, 480));
        upright.apply_orientation(image::metadata::Orientation::from_exif(number).unwrap());
        let (made, shown) = made(Format::Jpeg, &bytes);
        assert_eq!((made.original_width, made.original_height), (upright.width(), upright.height()));
        let [r, g, _, _] = upright.to_rgba8().get_pixel(4, 4).0;
        let level = shown.get_pixel(3, 3).0;
        assert!(level[0].abs_diff(r) < 16 && level[1].abs_diff(g) < 16, "{number} {level:?}");
    }
}

#[test]
fn first_frame_of_an_animation_is_shown() {
    let red = RgbaImage::from_pixel(60, 40, Rgba([255, 0, 0, 255]));
    let blue = RgbaImage::from_pixel(60, 40, Rgba([0, 0, 255, 255]));
    for (format, bytes) in [
        (Format::Gif, gif(&[red.clone(), blue.clone()])),
        (Format::Png, animated_png(&red, &blue)),
        (Format::WebP, animated_webp(&[red.clone().into(), blue.clone().into()], 6)),
    ] {
        let (made, shown) = made(format, &bytes);
        assert_near(&shown, (30, 20), [255, 0, 0, 255], 4);
        assert_eq!((made.original_width, made.original_height), (60, 40));
    }
}

#[test]
fn colours_of_a_profile_are_converted() {
    // Display P3's red is outside of sRGB. This orange is inside, but its levels differ.
    let orange = RgbImage::from_pixel(600, 600, Rgb([200, 120, 60]));
    let profile = display_p3();
    let srgb = {
        let transform = moxcms::ColorProfile::new_display_p3()
            .create_transform_8bit(
                moxcms::Layout::Rgb,
                &moxcms::ColorProfile::new_srgb(),
                moxcms::Layout::Rgb,
                moxcms::TransformOptions::default(),
            )
            .unwrap();
        let mut pixel = [0; 3];
        transform.transform(&[200, 120, 60], &mut pixel).unwrap();
        pixel
    };
    assert!(srgb[0] > 204, "{srgb:?}");
    let with_profile = webp_with_metadata(&orange.clone().into(), &profile, 1);
    let mut png_encoder = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut png_encoder);
    image::ImageEncoder::set_icc_profile(&mut encoder, profile.clone()).unwrap();
    DynamicImage::from(orange.clone()).write_with_encoder(encoder).unwrap();
    for (format, bytes) in [
        (Format::Jpeg, jpeg_with(&jpeg(&orange), &[jpeg_profile(&profile)])),
        (Format::WebP, with_profile),
        (Format::Png, png_encoder),
    ] {
        let (_, shown) = made(format, &bytes);
        assert_near(&shown, (99, 99), [srgb[0], srgb[1], srgb[2], 255], 3);
    }
    let (_, shown) = made(Format::Jpeg, &jpeg(&orange));
    assert_near(&shown, (99, 99), [200, 120, 60, 255], 3);
}

#[test]
fn profile_that_does_not_fit_is_ignored() {
    let gray = moxcms::ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let mut cmyk = display_p3();
    cmyk[16..20].copy_from_slice(b"CMYK");
    for profile in [gray.clone(), cmyk, b"no profile".to_vec(), vec![0; 200]] {
        let bytes =
            jpeg_with(&jpeg(&RgbImage::from_pixel(64, 64, Rgb([200, 120, 60]))), &[jpeg_profile(&profile)]);
        let (_, shown) = made(Format::Jpeg, &bytes);
        assert_near(&shown, (9, 9), [200, 120, 60, 255], 3);
    }
    let mut linear = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut linear);
    image::ImageEncoder::set_icc_profile(&mut encoder, gray).unwrap();
    DynamicImage::from(ImageBuffer::from_pixel(64, 64, Luma([55_u8]))).write_with_encoder(encoder).unwrap();
    let (_, shown) = made(Format::Png, &linear);
    assert_near(&shown, (9, 9), [128, 128, 128, 255], 4);
}

#[test]
fn deep_and_grey_pictures_have_thumbnails() {
    let pictures: [DynamicImage; 4] = [
        ImageBuffer::from_pixel(700, 300, Luma([120_u8])).into(),
        ImageBuffer::from_pixel(700, 300, Luma([120_u16 * 257])).into(),
        ImageBuffer::from_pixel(700, 300, Rgb([120_u16 * 257; 3])).into(),
        ImageBuffer::from_pixel(40, 30, Rgb([120_u16 * 257; 3])).into(),
    ];
    for picture in pictures {
        let (_, shown) = made(Format::Png, &png(&picture));
        assert_near(&shown, (20, 20), [120, 120, 120, 255], 2);
    }
    let clear = ImageBuffer::from_pixel(700, 300, Rgba([65_535, 0, 0, 32_768_u16]));
    let (_, shown) = made(Format::Png, &png(&clear.into()));
    assert_near(&shown, (20, 20), [255, 0, 0, 128], 4);
}

#[test]
fn hash_shows_the_average_colour() {
    let (made, _) = made(Format::Png, &png(&RgbImage::from_pixel(900, 300, Rgb([220, 40, 40])).into()));
    let hash = STANDARD.decode(made.hash).unwrap();
    let (r, g, b, _) = thumbhash::thumb_hash_to_average_rgba(&hash).unwrap();
    assert!(r > 0.8 && g < 0.25 && b < 0.25, "{r} {g} {b}");
    assert!(thumbhash::thumb_hash_to_approximate_aspect_ratio(&hash).unwrap() > 2.0);
}

#[test]
fn images_over_the_limits_have_a_size_and_no_thumbnail() {
    let png =
        |width, height| [png_header(width, height), png_chunk(*b"IDAT", b"x\x01\x03\0\0\0\0\x01")].concat();
    let lossy = lossy_webp(&photo(16, 16));
    for (format, bytes, expected) in [
        (Format::Png, png(60_000, 60_000), (60_000, 60_000)),
        (Format::Jpeg, progressive_jpeg(65_535, 65_535, 1, 8), (65_535, 65_535)),
        (Format::Jpeg, progressive_jpeg(8000, 6000, 50, 8), (8000, 6000)),
        (Format::Gif, b"GIF89a\xFF\xFF\xFF\xFF\0\0\0,\0\0\0\0\x01\0\x01\0\0;".to_vec(), (65_535, 65_535)),
        (
            Format::WebP,
            riff(&[
                webp_header(2, 16_000, 16_000),
                webp_chunk(*b"ANIM", &[0; 6]),
                webp_frame(16, 16, &[webp_picture(&lossy)]),
            ]),
            (16_000, 16_000),
        ),
    ] {
        assert_eq!(size(Cursor::new(&bytes), format).unwrap(), expected);
        let result = make(format, &bytes);
        assert!(matches!(result, Err(Error::OverLimits(_))), "{format:?} {result:?}");
    }
}

#[test]
fn picture_larger_than_its_canvas_is_unreadable() {
    let picture = webp_picture(&lossy_webp(&photo(16, 16)));
    let mut large = picture.clone();
    large[14..18].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
    let frame = webp_frame(16, 16, &[webp_chunk(*b"ALPH", &[0; 9]), large.clone()]);
    let mut disguised = large.clone();
    disguised[..4].copy_from_slice(b"ABCD");
    let hidden = webp_frame(16, 16, &[webp_chunk(*b"ALPH", &[0; 9]), disguised]);
    for chunks in [
        vec![webp_header(0, 16, 16), large],
        vec![webp_header(2, 16, 16), webp_chunk(*b"ANIM", &[0; 6]), frame],
        vec![webp_header(2, 16, 16), webp_chunk(*b"ANIM", &[0; 6]), hidden],
    ] {
        let result = make(Format::WebP, &riff(&chunks));
        assert!(matches!(result, Err(Error::Unreadable(_))), "{result:?}");
    }
}

#[test]
fn picture_that_cannot_be_decoded_is_unreadable() {
    let mut png = png(&photo(30, 30).into());
    png[60..70].fill(0xAA);
    let gif = gif(&[glass(30, 30)]);
    for (format, bytes) in [
        (Format::Png, png),
        (Format::Gif, b"GIF89a\x01\0\x01\0\0\0\0/*;*/alert(1)".to_vec()),
        (Format::Gif, b"GIF89a=1;alert(1)//\0".to_vec()),
        (Format::Gif, gif[..gif.len() / 2].to_vec()),
        (Format::Jpeg, progressive_jpeg(0, 16, 1, 8)),
    ] {
        let result = make(format, &bytes);
        assert!(matches!(result, Err(Error::Unreadable(_))), "{format:?} {result:?}");
    }
}
