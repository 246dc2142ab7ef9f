//! Hostile images stay within a memory limit. The allocator counts for the whole process, so the tests of
//! this binary run one at a time.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails on it")]

#[path = "samples/mod.rs"]
mod samples;

use std::io::{Cursor, sink};
use std::sync::{Mutex, OnceLock, PoisonError};

use chinwag_media::strip::strip;
use chinwag_media::thumbnail::thumbnail;
use chinwag_media::{Error, Format, ImageLimits, size};
use image::DynamicImage;
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use samples::*;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

static ALONE: Mutex<()> = Mutex::new(());

static FILES: OnceLock<Vec<(Format, Vec<u8>)>> = OnceLock::new();

/// The peak memory of `run`, in bytes, relative to the memory before.
fn peak(run: impl FnOnce()) -> u64 {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    run();
    (ALLOCATOR.peak_usage() - before) as u64
}

/// Processes an image in every way. The results may be errors, but the memory must stay within the limit.
fn read(format: Format, bytes: &[u8], limits: &ImageLimits) -> [Result<(), Error>; 3] {
    [
        size(Cursor::new(bytes), format).map(|_| ()),
        strip(Cursor::new(bytes), format, limits, &mut sink()).map(|_| ()),
        thumbnail(Cursor::new(bytes), format, limits).map(|_| ()),
    ]
}

fn files(width: u32, height: u32) -> Vec<(Format, Vec<u8>)> {
    let (picture, clear) = (photo(width, height), glass(width, height));
    let [short_width, short_height] = [width, height].map(|side| u16::try_from(side).unwrap());
    let deep = DynamicImage::from(picture.clone()).into_rgba16();
    let profile = display_p3();
    vec![
        (Format::Jpeg, jpeg_with_exif(&jpeg(&picture), 6)),
        (Format::Jpeg, jpeg_with(&jpeg(&picture), &[jpeg_profile(&profile)])),
        (Format::Jpeg, progressive_jpeg(short_width, short_height, 2, (width * height / 512) as usize)),
        (Format::Png, png_with(&png(&picture.clone().into()), &[png_chunk(*b"eXIf", &exif(6))])),
        (Format::Png, png_with(&png(&clear.clone().into()), &[png_chunk(*b"eXIf", &exif(3))])),
        (Format::Png, png(&deep.into())),
        (Format::Png, animated_png(&clear, &clear)),
        (Format::Gif, gif(&[clear.clone(), clear.clone()])),
        (Format::WebP, lossy_webp(&picture)),
        (Format::WebP, webp_with_metadata(&picture.clone().into(), &profile, 6)),
        (Format::WebP, webp_with_metadata(&clear.clone().into(), &profile, 1)),
        (Format::WebP, clear_lossy_webp(&clear)),
        (Format::WebP, animated_webp(&[clear.clone().into(), clear.into()], 1)),
    ]
}

fn clear_lossy_webp(picture: &image::RgbaImage) -> Vec<u8> {
    webp::Encoder::from_rgba(picture.as_raw(), picture.width(), picture.height()).encode(80.0).to_vec()
}

#[test]
fn memory_needed_is_within_the_estimate() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for (number, (format, bytes)) in files(1200, 900).into_iter().enumerate() {
        let generous = ImageLimits::default();
        let expected = strip(Cursor::new(&bytes), format, &generous, &mut sink()).unwrap();
        // Increases the memory limit until everything succeeds, in steps of a tenth.
        let mut limits = ImageLimits { memory: 5 << 19, ..generous };
        loop {
            let mut made = None;
            let used = peak(|| {
                let stripped = strip(Cursor::new(&bytes), format, &limits, &mut sink());
                let small = thumbnail(Cursor::new(&bytes), format, &limits);
                made = Some((stripped, small));
            });
            println!("{number} {format:?}: {used} bytes of {}", limits.memory);
            assert!(used <= limits.memory);
            if let Some((Ok(stripped), Ok(_))) = made
                && stripped == expected
            {
                break;
            }
            limits.memory += limits.memory / 10;
            assert!(limits.memory < 64 << 20);
        }
    }
}

#[test]
fn bombs_take_no_memory() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let large = png_header(60_000, 60_000);
    for (format, bytes) in [
        (Format::Png, [large, png_chunk(*b"IDAT", b"x\x01\x03\0\0\0\0\x01")].concat()),
        (Format::Jpeg, progressive_jpeg(65_535, 65_535, 1, 8)),
        (Format::Gif, b"GIF89a\xFF\xFF\xFF\xFF\0\0\0,\0\0\0\0\x01\0\x01\0\0;".to_vec()),
        (Format::Gif, b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\xFF\xFF\xFF\xFF\0\x02\0;".to_vec()),
        (Format::WebP, riff(&[webp_chunk(*b"VP8L", b"\x2F\xFF\xFF\xFF\x1F\0\0\0")])),
        (Format::WebP, riff(&[webp_chunk(*b"VP8 ", b"\0\0\0\x9D\x01\x2A\xFF\x3F\xFF\x3F")])),
    ] {
        let used = peak(|| assert!(read(format, &bytes, &ImageLimits::default())[2].is_err()));
        assert!(used < 1 << 20, "{format:?}: {used} bytes");
    }
}

#[test]
fn frame_that_is_larger_than_its_gif_stays_within_the_bound() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // 4000 × 3800 pixels on a screen of 2000 × 2000.
    let bytes = b"GIF89a\xD0\x07\xD0\x07\0\0\0,\0\0\0\0\xA0\x0F\xD8\x0E\0\x02\0;";
    let limits = ImageLimits { memory: 64 << 20, ..ImageLimits::default() };
    let used = peak(|| drop(read(Format::Gif, bytes, &limits)));
    assert!(used <= limits.memory, "{used} bytes");
}

#[test]
fn damaged_head_of_lossy_webp_stays_within_the_bound() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let whole = lossy_webp(&photo(40, 30));
    for (at, byte) in (0..60).flat_map(|at| [0, 0x20, 0x7F, 0xFF].map(|byte| (at, byte))) {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        for memory in [3 << 20, 20 << 20] {
            let limits = ImageLimits { pixels: 100_000, memory };
            let used = peak(|| drop(read(Format::WebP, &bytes, &limits)));
            assert!(used <= memory, "{byte} at {at}: {used} bytes of {memory}");
        }
    }
}

#[derive(Debug, Clone)]
enum Mutation {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Length(prop::sample::Index, u32),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        6 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        1 => at().prop_map(Mutation::Cut),
        2 => (at(), 1..40_usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        2 => (at(), 1..40_usize).prop_map(|(at, count)| Mutation::Repeat(at, count)),
        2 => (at(), any::<u32>()).prop_map(|(at, length)| Mutation::Length(at, length)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation, head: bool) {
    let reach = if head { bytes.len().min(160) } else { bytes.len() };
    if reach == 0 {
        return;
    }
    let end = |at: usize, count: usize, bytes: &[u8]| (at + count).min(bytes.len());
    match mutation {
        Mutation::Set(at, byte) => bytes[at.index(reach)] = *byte,
        Mutation::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Mutation::Remove(at, count) => {
            let at = at.index(reach);
            bytes.drain(at..end(at, *count, bytes));
        }
        Mutation::Repeat(at, count) => {
            let at = at.index(reach);
            let part = bytes[at..end(at, *count, bytes)].to_vec();
            bytes.splice(at..at, part);
        }
        Mutation::Length(at, length) => {
            let at = at.index(reach);
            let part = end(at, 4, bytes) - at;
            bytes[at..at + part].copy_from_slice(&length.to_be_bytes()[..part]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn damaged_images_stay_within_the_bound(
        file in 0..13_usize,
        // Below the memory that WebP's decoder needs, and above it.
        memory in prop::sample::select(vec![3_u64, 20]),
        mutations in prop::collection::vec((mutation(), any::<bool>()), 1..6),
    ) {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (format, mut bytes) = FILES.get_or_init(|| files(40, 30))[file].clone();
        for (mutation, head) in &mutations {
            mutate(&mut bytes, mutation, *head);
        }
        let limits = ImageLimits { pixels: 100_000, memory: memory << 20 };
        let used = peak(|| drop(read(format, &bytes, &limits)));
        prop_assert!(used <= limits.memory, "{} bytes", used);
        // A second run removes nothing further, and the result has the same format.
        let mut output = Vec::new();
        if strip(Cursor::new(&bytes), format, &limits, &mut output).is_ok() && format != Format::Gif {
            let mut again = Vec::new();
            strip(Cursor::new(&output), format, &limits, &mut again).unwrap();
            prop_assert_eq!(again, output);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        bytes in any::<Vec<u8>>(),
        format in prop::sample::select(vec![Format::Gif, Format::Jpeg, Format::Png, Format::WebP]),
    ) {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let head: &[u8] = match format {
            Format::Gif => b"GIF89a",
            Format::Jpeg => b"\xFF\xD8",
            Format::Png => b"\x89PNG\r\n\x1a\n",
            Format::WebP => b"RIFF\x80\0\0\0WEBPVP8X",
        };
        let limits = ImageLimits { pixels: 100_000, memory: 20 << 20 };
        let used = peak(|| drop(read(format, &[head, &bytes].concat(), &limits)));
        prop_assert!(used <= limits.memory, "{} bytes", used);
    }
}
