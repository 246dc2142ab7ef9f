//! Generated files: pictures from encoders, and hand-made segments and chunks.
#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses some of them")]

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, Frame, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// Contained in all metadata. Must not be found afterwards.
pub(crate) const SECRET: &[u8] = b"SECRET-51.5N-0.1W";

/// A picture in which all corners and edges differ.
pub(crate) fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let share = |part: u32, whole: u32| u8::try_from(part * 255 / whole.max(1)).unwrap();
        Rgb([share(x, width), share(y, height), share((x * 7 + y * 3) % 64, 64)])
    })
}

/// A picture whose left half is transparent.
pub(crate) fn glass(width: u32, height: u32) -> RgbaImage {
    let picture = photo(width, height);
    RgbaImage::from_fn(width, height, |x, y| {
        let Rgb([r, g, b]) = *picture.get_pixel(x, y);
        Rgba([r, g, b, if x < width / 2 { 0 } else { 255 }])
    })
}

pub(crate) fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90)).unwrap();
    bytes
}

pub(crate) fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

/// A lossless WebP in the simple container.
pub(crate) fn webp(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(WebPEncoder::new_lossless(&mut bytes)).unwrap();
    bytes
}

pub(crate) fn lossy_webp(picture: &RgbImage) -> Vec<u8> {
    let encoder = webp::Encoder::from_rgb(picture.as_raw(), picture.width(), picture.height());
    encoder.encode(80.0).to_vec()
}

/// A GIF with these frames.
pub(crate) fn gif(frames: &[RgbaImage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.encode_frames(frames.iter().cloned().map(Frame::new)).unwrap();
    drop(encoder);
    bytes
}

/// EXIF data with an orientation, and a text in place of GPS data.
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let mut bytes = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    bytes.extend([orientation, 0, 0, 0, 0, 0, 0]);
    bytes.extend(SECRET);
    bytes
}

pub(crate) fn segment(marker: u8, payload: &[&[u8]]) -> Vec<u8> {
    let payload = payload.concat();
    let length = u16::try_from(payload.len() + 2).unwrap();
    [&[0xFF, marker], &length.to_be_bytes()[..], &payload].concat()
}

/// A JPEG with segments after its first marker.
pub(crate) fn jpeg_with(jpeg: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
    [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()
}

pub(crate) fn jpeg_with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    jpeg_with(jpeg, &[segment(0xE1, &[b"Exif\0\0", &exif(orientation)])])
}

pub(crate) fn jpeg_profile(profile: &[u8]) -> Vec<u8> {
    segment(0xE2, &[b"ICC_PROFILE\0\x01\x01", profile])
}

/// A grey progressive JPEG of any size, with this number of scans of `bytes` bytes each.
pub(crate) fn progressive_jpeg(width: u16, height: u16, scans: usize, bytes: usize) -> Vec<u8> {
    let [w, h] = [width, height].map(u16::to_be_bytes);
    let mut jpeg = vec![0xFF, 0xD8];
    let mut table = vec![0];
    table.extend([1; 64]);
    jpeg.extend(segment(0xDB, &[&table]));
    jpeg.extend(segment(0xC2, &[&[8], &h, &w, &[1, 1, 0x11, 0]]));
    // One code of one bit, for the difference 0.
    let mut codes = vec![0, 1];
    codes.extend([0; 15]);
    codes.push(0);
    jpeg.extend(segment(0xC4, &[&codes]));
    for scan in 0..scans {
        // The first scan has the high bits, and each refinement adds one bit.
        let refinement = if scan == 0 { 0x01 } else { 0x10 };
        jpeg.extend(segment(0xDA, &[&[1, 1, 0, 0, 0, refinement]]));
        jpeg.extend(vec![0; bytes]);
    }
    jpeg.extend([0xFF, 0xD9]);
    jpeg
}

pub(crate) fn png_chunk(kind: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let crc = [&kind[..], payload].concat().iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 })
    });
    [&length.to_be_bytes(), &kind[..], payload, &(!crc).to_be_bytes()].concat()
}

/// A PNG with chunks after its header.
pub(crate) fn png_with(png: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    [&png[..33], &chunks.concat(), &png[33..]].concat()
}

/// The header of a PNG without a picture.
pub(crate) fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    [b"\x89PNG\r\n\x1a\n".to_vec(), png_chunk(*b"IHDR", &header)].concat()
}

/// The kinds and payloads of a PNG's chunks.
pub(crate) fn png_chunks(png: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let mut chunks = Vec::new();
    let mut rest = &png[8..];
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes(*head.first_chunk().unwrap()) as usize;
        chunks.push((*head.last_chunk().unwrap(), tail[..length].to_vec()));
        rest = &tail[length + 4..];
    }
    chunks
}

/// An animation with two frames of the same size.
pub(crate) fn animated_png(first: &RgbaImage, second: &RgbaImage) -> Vec<u8> {
    let [size_1, size_2] = [first.width(), first.height()].map(u32::to_be_bytes);
    let control = |number: u32| {
        png_chunk(
            *b"fcTL",
            &[&number.to_be_bytes(), &size_1[..], &size_2, &[0; 8], &[0, 1, 0, 10, 0, 0]].concat(),
        )
    };
    let data = |picture: &RgbaImage| -> Vec<u8> {
        let chunks = png_chunks(&png(&picture.clone().into()));
        chunks.into_iter().filter(|(kind, _)| kind == b"IDAT").flat_map(|(_, payload)| payload).collect()
    };
    let whole = png(&first.clone().into());
    [
        &whole[..33],
        &png_chunk(*b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]),
        &control(0),
        &png_chunk(*b"IDAT", &data(first)),
        &control(1),
        &png_chunk(*b"fdAT", &[&2_u32.to_be_bytes(), &data(second)[..]].concat()),
        &png_chunk(*b"IEND", &[]),
    ]
    .concat()
}

pub(crate) fn webp_chunk(kind: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let padding = &[0][..payload.len() % 2];
    [&kind[..], &length.to_le_bytes(), payload, padding].concat()
}

pub(crate) fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    let size = u32::try_from(chunks.len() + 4).unwrap();
    [b"RIFF", &size.to_le_bytes()[..], b"WEBP", &chunks].concat()
}

/// The picture chunk of a WebP in the simple container.
pub(crate) fn webp_picture(simple: &[u8]) -> Vec<u8> {
    simple[12..].to_vec()
}

pub(crate) fn webp_header(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let [w1, w2, w3, _] = (width - 1).to_le_bytes();
    let [h1, h2, h3, _] = (height - 1).to_le_bytes();
    webp_chunk(*b"VP8X", &[flags, 0, 0, 0, w1, w2, w3, h1, h2, h3])
}

pub(crate) fn webp_frame(width: u32, height: u32, parts: &[Vec<u8>]) -> Vec<u8> {
    let [w1, w2, w3, _] = (width - 1).to_le_bytes();
    let [h1, h2, h3, _] = (height - 1).to_le_bytes();
    let head = [0, 0, 0, 0, 0, 0, w1, w2, w3, h1, h2, h3, 100, 0, 0, 0];
    webp_chunk(*b"ANMF", &[&head[..], &parts.concat()].concat())
}

/// A lossless WebP with a profile and all kinds of metadata.
pub(crate) fn webp_with_metadata(picture: &DynamicImage, profile: &[u8], orientation: u8) -> Vec<u8> {
    let alpha = if picture.color().has_alpha() { 0x10 } else { 0 };
    riff(&[
        webp_header(0x2C | alpha, picture.width(), picture.height()),
        webp_chunk(*b"ICCP", profile),
        webp_picture(&webp(picture)),
        webp_chunk(*b"EXIF", &exif(orientation)),
        webp_chunk(*b"XMP ", SECRET),
        webp_chunk(*b"ABCD", SECRET),
    ])
}

pub(crate) fn animated_webp(pictures: &[DynamicImage], orientation: u8) -> Vec<u8> {
    let (width, height) = (pictures[0].width(), pictures[0].height());
    let mut chunks = vec![webp_header(0x1A, width, height), webp_chunk(*b"ANIM", &[0; 6])];
    chunks.extend(pictures.iter().map(|picture| {
        webp_frame(width, height, &[webp_picture(&webp(picture)), webp_chunk(*b"ABCD", SECRET)])
    }));
    chunks.push(webp_chunk(*b"EXIF", &exif(orientation)));
    riff(&chunks)
}

pub(crate) fn display_p3() -> Vec<u8> {
    moxcms::ColorProfile::new_display_p3().encode().unwrap()
}

pub(crate) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// The pixels, decoded by the crate `image`.
pub(crate) fn pixels(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}
