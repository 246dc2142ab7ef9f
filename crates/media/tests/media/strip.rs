use std::io::Cursor;

use chinwag_media::strip::{Stripped, strip};
use chinwag_media::{Error, Format, ImageLimits, Result, size};
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{AnimationDecoder, DynamicImage, ImageDecoder};

use crate::samples::*;

fn stripped_with(limits: &ImageLimits, format: Format, bytes: &[u8]) -> Result<(Stripped, Vec<u8>)> {
    let mut output = Vec::new();
    let stripped = strip(Cursor::new(bytes), format, limits, &mut output)?;
    Ok((stripped, output))
}

fn stripped(format: Format, bytes: &[u8]) -> Result<(Stripped, Vec<u8>)> {
    stripped_with(&ImageLimits::default(), format, bytes)
}

/// Strips an image without an orientation, and checks that its pixels are unchanged and no metadata is left.
fn stripped_as_is(format: Format, bytes: &[u8]) -> Vec<u8> {
    let (stripped, output) = stripped(format, bytes).unwrap();
    assert_eq!(stripped, Stripped::AsIs);
    assert_eq!(pixels(&output), pixels(bytes));
    for secret in [SECRET, b"Exif", b"EXIF", b"eXIf", b"XMP", b"SECRET"] {
        assert!(!contains(&output, secret), "{}", String::from_utf8_lossy(secret));
    }
    output
}

fn jpeg_metadata() -> Vec<Vec<u8>> {
    vec![
        segment(0xE0, &[b"JFXX\0\x10", SECRET]),
        segment(0xE1, &[b"Exif\0\0", &exif(1)]),
        segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET]),
        segment(0xE2, &[b"MPF\0", SECRET]),
        segment(0xED, &[b"Photoshop 3.0\08BIM", SECRET]),
        segment(0xEF, &[SECRET]),
        segment(0xFE, &[SECRET]),
    ]
}

#[test]
fn jpeg_loses_its_metadata_and_no_pixel() {
    let plain = jpeg(&photo(61, 43));
    let output = stripped_as_is(Format::Jpeg, &jpeg_with(&plain, &jpeg_metadata()));
    assert_eq!(output, plain);
}

#[test]
fn jpeg_keeps_its_colours() {
    let profile = jpeg_profile(&display_p3());
    let adobe = segment(0xEE, &[b"Adobe\0\x64\0\0\0\0\x01"]);
    let mut segments = jpeg_metadata();
    segments.extend([profile.clone(), adobe.clone()]);
    let output = stripped_as_is(Format::Jpeg, &jpeg_with(&jpeg(&photo(40, 30)), &segments));
    assert!(contains(&output, &profile) && contains(&output, &adobe));
}

#[test]
fn metadata_between_and_behind_scans_is_removed() {
    let mut bytes = progressive_jpeg(64, 64, 2, 8);
    let scan = bytes.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    bytes.splice(scan..scan, segment(0xE1, &[b"Exif\0\0", &exif(6)]));
    bytes.extend(jpeg_with_exif(&jpeg(&photo(8, 8)), 6));
    bytes.extend(SECRET);
    let output = stripped_as_is(Format::Jpeg, &bytes);
    assert_eq!(output, progressive_jpeg(64, 64, 2, 8));
}

#[test]
fn thumbnail_of_jfif_is_removed() {
    let plain = jpeg(&photo(20, 20));
    assert_eq!(&plain[6..11], b"JFIF\0");
    let old = [&plain[6..18], &[2, 1], b"SECRET"].concat();
    let bytes = [&plain[..2], &segment(0xE0, &[&old]), &plain[20..]].concat();
    assert_eq!(stripped_as_is(Format::Jpeg, &bytes), plain);
}

#[test]
fn jpeg_that_is_cut_off_in_its_picture_is_kept() {
    let bytes = jpeg_with(&jpeg(&photo(80, 80)), &jpeg_metadata());
    stripped_as_is(Format::Jpeg, &bytes[..bytes.len() - 200]);
}

#[test]
fn png_loses_its_metadata_and_no_pixel() {
    let profile = png_chunk(*b"iCCP", b"P3\0\0x\x01\x01\0\0\xff\xff\0\0\0\x01");
    let kept = [
        png_chunk(*b"gAMA", &45_455_u32.to_be_bytes()),
        png_chunk(*b"pHYs", &[0, 0, 11, 18, 0, 0, 11, 18, 1]),
    ];
    for picture in [DynamicImage::from(photo(33, 17)), glass(33, 17).into(), photo(9, 9).into()] {
        let plain = png_with(&png(&picture), &kept);
        let metadata = [
            png_chunk(*b"eXIf", &exif(1)),
            png_chunk(*b"tEXt", &[b"GPS\0", SECRET].concat()),
            png_chunk(*b"zTXt", SECRET),
            png_chunk(*b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", SECRET].concat()),
            png_chunk(*b"tIME", &[7, 234, 11, 28, 9, 0, 0]),
            png_chunk(*b"caBX", SECRET),
        ];
        let bytes = [png_with(&plain, &metadata), SECRET.to_vec()].concat();
        assert_eq!(stripped_as_is(Format::Png, &bytes), plain);
    }
    let plain = png_with(&png(&photo(5, 5).into()), std::slice::from_ref(&profile));
    assert!(contains(&stripped_as_is(Format::Png, &plain), &profile));
}

#[test]
fn png_loses_metadata_behind_its_picture() {
    let plain = png(&photo(12, 12).into());
    let end = plain.len() - 12;
    let bytes =
        [&plain[..end], &png_chunk(*b"tEXt", SECRET), &png_chunk(*b"eXIf", &exif(1)), &plain[end..]].concat();
    assert_eq!(stripped_as_is(Format::Png, &bytes), plain);
    // Browsers display it even without its last chunk.
    assert_eq!(stripped(Format::Png, &plain[..end]).unwrap(), (Stripped::AsIs, plain));
}

#[test]
fn webp_loses_its_metadata_and_no_pixel() {
    let profile = display_p3();
    for picture in [DynamicImage::from(photo(21, 35)), glass(21, 35).into()] {
        let bytes = webp_with_metadata(&picture, &profile, 1);
        let output = stripped_as_is(Format::WebP, &[&bytes[..], SECRET].concat());
        assert!(contains(&output, &profile));
        let alpha = if picture.color().has_alpha() { 0x10 } else { 0 };
        let expected = [
            webp_header(0x20 | alpha, 21, 35),
            webp_chunk(*b"ICCP", &profile),
            webp_picture(&webp(&picture)),
        ];
        assert_eq!(output, riff(&expected));
    }
    let lossy = lossy_webp(&photo(50, 50));
    assert_eq!(stripped_as_is(Format::WebP, &[&lossy[..], SECRET].concat()), lossy);
}

#[test]
fn animations_stay_animations() {
    let opaque = DynamicImage::from(photo(20, 10)).into_rgba8();
    let frames = [opaque.clone(), image::imageops::rotate180(&opaque)];
    let bytes = png_with(&animated_png(&frames[0], &frames[1]), &[png_chunk(*b"eXIf", &exif(6))]);
    let (stripped_png, output) = stripped(Format::Png, &bytes).unwrap();
    let frames_of = |bytes: &[u8]| {
        let decoder = PngDecoder::new(Cursor::new(bytes.to_vec())).unwrap().apng().unwrap();
        decoder.into_frames().map(|frame| frame.unwrap().into_buffer()).collect::<Vec<_>>()
    };
    assert_eq!(frames_of(&output), frames);
    assert!(!contains(&output, SECRET));

    let bytes = animated_webp(&frames.clone().map(DynamicImage::from), 6);
    let (stripped_webp, output) = stripped(Format::WebP, &bytes).unwrap();
    let decoder = WebPDecoder::new(Cursor::new(output.clone())).unwrap();
    let shown: Vec<_> = decoder.into_frames().map(|frame| frame.unwrap().into_buffer()).collect();
    assert_eq!(shown.len(), 2);
    for (shown, frame) in shown.into_iter().zip(frames) {
        // Blending frames in the decoder loses a level.
        assert!(difference(&shown.into(), &frame.into()) <= 1.0);
    }
    assert!(!contains(&output, SECRET) && !contains(&output, b"EXIF"));
    assert_eq!([stripped_png, stripped_webp], [Stripped::Unturned; 2]);
}

#[test]
fn gif_is_copied() {
    let bytes = gif(&[glass(10, 10), glass(10, 10)]);
    assert_eq!(stripped(Format::Gif, &bytes).unwrap(), (Stripped::AsIs, bytes));
}

/// The orientations, by their EXIF numbers.
fn orientations() -> impl Iterator<Item = (u8, Orientation)> {
    (1..=8).map(|number| (number, Orientation::from_exif(number).unwrap()))
}

#[test]
fn photographs_are_turned_upright() {
    for (number, orientation) in orientations().skip(1) {
        let picture = DynamicImage::from(photo(48, 32));
        let mut upright = picture.clone();
        upright.apply_orientation(orientation);
        let profile = display_p3();
        let files = [
            (
                Format::Jpeg,
                jpeg_with(&jpeg_with_exif(&jpeg(&photo(48, 32)), number), &[jpeg_profile(&profile)]),
            ),
            (Format::Png, png_with(&png(&picture), &[png_chunk(*b"eXIf", &exif(number))])),
            (Format::WebP, webp_with_metadata(&picture, &profile, number)),
        ];
        for (format, bytes) in files {
            let (stripped, output) = stripped(format, &bytes).unwrap();
            assert_eq!(stripped, Stripped::Turned, "{format:?} {number}");
            assert_eq!(size(Cursor::new(&bytes), format).unwrap(), (upright.width(), upright.height()));
            assert_eq!(size(Cursor::new(&output), format).unwrap(), (upright.width(), upright.height()));
            let mut decoder = image::ImageReader::new(Cursor::new(&output))
                .with_guessed_format()
                .unwrap()
                .into_decoder()
                .unwrap();
            assert_eq!(decoder.orientation().unwrap(), Orientation::NoTransforms);
            if format != Format::Png {
                assert_eq!(decoder.icc_profile().unwrap().as_deref(), Some(&profile[..]), "{format:?}");
            }
            assert!(!contains(&output, b"SECRET"));
            let shown = DynamicImage::from_decoder(decoder).unwrap();
            let difference = difference(&shown, &upright);
            let most = if format == Format::Jpeg { 8.0 } else { 0.0 };
            assert!(difference <= most, "{format:?} {number}: {difference}");
        }
    }
}

/// The mean difference of the levels.
fn difference(a: &DynamicImage, b: &DynamicImage) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let (a, b) = (a.to_rgba8().into_raw(), b.to_rgba8().into_raw());
    let sum: f64 = a.iter().zip(&b).map(|(&a, &b)| f64::from(a.abs_diff(b))).sum();
    sum / f64::from(u32::try_from(a.len()).unwrap())
}

#[test]
fn turned_png_keeps_its_colours_and_depth() {
    let deep = image::ImageBuffer::from_fn(6, 4, |x, y| {
        image::Rgba([x as u16 * 9999, y as u16 * 9999, 257, 65_535])
    });
    let mut upright = DynamicImage::from(deep.clone());
    let gamma = png_chunk(*b"gAMA", &100_000_u32.to_be_bytes());
    let bytes = png_with(&png(&upright), &[gamma.clone(), png_chunk(*b"eXIf", &exif(8))]);
    let (stripped, output) = stripped(Format::Png, &bytes).unwrap();
    upright.apply_orientation(Orientation::Rotate270);
    assert_eq!((stripped, pixels(&output)), (Stripped::Turned, upright));
    assert!(contains(&output, &gamma));
}

#[test]
fn image_over_the_limits_keeps_how_to_turn_it_alone() {
    let limits = ImageLimits { pixels: 1000, ..ImageLimits::default() };
    let plain = jpeg(&photo(48, 32));
    let bytes =
        jpeg_with(&jpeg_with_exif(&plain, 6), &[segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET])]);
    let (stripped, kept) = stripped_with(&limits, Format::Jpeg, &bytes).unwrap();
    assert_eq!(stripped, Stripped::Unturned);
    assert!(!contains(&kept, SECRET), "nothing else is kept");
    assert_eq!(kept.len(), plain.len() + 36);
    assert_eq!(stripped_with(&ImageLimits::default(), Format::Jpeg, &kept).unwrap().0, Stripped::Turned);
    assert_eq!(size(Cursor::new(&kept), Format::Jpeg).unwrap(), (32, 48), "as it is shown");
    let little = ImageLimits { memory: 1 << 20, ..ImageLimits::default() };
    assert_eq!(stripped_with(&little, Format::Jpeg, &bytes).unwrap().0, Stripped::Unturned);
}

#[test]
fn files_that_only_look_like_images_are_reported() {
    let jpeg = jpeg(&photo(30, 30));
    let png = png(&photo(30, 30).into());
    let webp = webp(&photo(30, 30).into());
    let scan = jpeg.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    for (format, bytes) in [
        (Format::Jpeg, b"\xFF\xD8\xFF\xE0<html><script>alert(1)</script></html>".to_vec()),
        (Format::Jpeg, [b"\xFF\xD8", &segment(0xFE, &[b"<script>alert(1)</script>"])[..]].concat()),
        (Format::Jpeg, jpeg[..scan].to_vec()),
        (Format::Jpeg, vec![]),
        (Format::Png, png[..50].to_vec()),
        (Format::Png, png[..33].to_vec()),
        (Format::Png, png_with(&png, &[png_chunk(*b"CgBI", &[0; 4])])),
        (Format::WebP, webp[..webp.len() - 20].to_vec()),
        (Format::WebP, riff(&[webp_chunk(*b"EXIF", &exif(1)), webp_picture(&webp)])),
        (Format::WebP, riff(&[webp_header(0, 30, 30)])),
        (Format::WebP, riff(&[webp_header(0, 30, 31), webp_picture(&webp)])),
        (Format::Gif, b"GIF89a\0\0".to_vec()),
        (Format::Gif, b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()),
    ] {
        let result = stripped(format, &bytes);
        assert!(matches!(result, Err(Error::Unreadable(_))), "{format:?} {result:?}");
    }
}

#[test]
fn disk_errors_are_not_reported_as_bad_images() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for bytes in [jpeg(&photo(30, 30)), jpeg_with_exif(&jpeg(&photo(30, 30)), 3)] {
        let result = strip(Cursor::new(bytes), Format::Jpeg, &ImageLimits::default(), &mut Full);
        assert!(matches!(result, Err(Error::Io(_))), "{result:?}");
    }
}
