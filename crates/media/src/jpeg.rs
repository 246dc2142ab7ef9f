//! JPEG: a list of segments, with scans of entropy-coded data between them.

use std::io::{self, Read, Seek, Write};

use image::metadata::Orientation;

use crate::header::{self, Header};
use crate::input::Input;
use crate::{Error, Format, Result};

const START: u8 = 0xD8;
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const APP14: u8 = 0xEE;

/// The length of a JFIF segment without its thumbnail, which may show the photograph before it was cropped.
const JFIF_BYTES: usize = 14;
const ADOBE_BYTES: usize = 12;

/// Reads the whole file, since it may have any number of scans. Readers ignore EXIF data after the first
/// scan.
pub(crate) fn header(input: &mut Input<impl Read + Seek>) -> Result<Header> {
    start(input)?;
    let mut frame = None;
    let mut oriented = None;
    let mut scans = 0;
    let mut marker = next_marker(input)?;
    while let Some(current) = marker.filter(|&marker| marker != END) {
        marker = match current {
            SCAN => {
                scans += 1;
                segment(input)?;
                scan(input, &mut io::sink())?
            }
            APP1 if oriented.is_none() && scans == 0 => {
                let length = payload_length(input)?;
                oriented = header::orientation(input, length.into())?;
                next_marker(input)?
            }
            _ if is_frame(current) && frame.is_none() => {
                frame = Some((current, segment(input)?));
                next_marker(input)?
            }
            _ if is_alone(current) => next_marker(input)?,
            START => return Err(Error::unreadable("an image begins within the image")),
            _ => {
                let length = payload_length(input)?;
                input.skip(length.into())?;
                next_marker(input)?
            }
        };
    }
    let (frame, payload) =
        frame.filter(|_| scans > 0).ok_or_else(|| Error::unreadable("it has no picture"))?;
    let &[_, h1, h2, w1, w2, components, ..] = payload.as_slice() else {
        return Err(Error::unreadable("its frame is too short"));
    };
    let [width, height] = [[w1, w2], [h1, h2]].map(u16::from_be_bytes);
    let mut header = Header::new(Format::Jpeg, width.into(), height.into());
    header.orientation = oriented.unwrap_or(header.orientation);
    header.passes = scans;
    if scans > 1 || !matches!(frame, 0xC0 | 0xC1) {
        // The decoder keeps all coefficients until the last scan.
        header.decoder_bytes = 2 * u64::from(components);
    }
    Ok(header)
}

/// Writes everything that makes up the picture: tables, frames, scans, the colour profile, and the headers
/// for the encoding of colours. Drops bytes after the end of the image, which may be further pictures, videos
/// and metadata. Writes a new segment for the orientation.
pub(crate) fn strip(
    input: &mut Input<impl Read + Seek>,
    output: &mut impl Write,
    orientation: Orientation,
) -> Result<()> {
    start(input)?;
    output.write_all(&[0xFF, START])?;
    if orientation != Orientation::NoTransforms {
        write_segment(output, APP1, &exif(orientation))?;
    }
    let mut marker = next_marker(input)?;
    while let Some(current) = marker.filter(|&marker| marker != END) {
        marker = match current {
            SCAN => {
                write_segment(output, SCAN, &segment(input)?)?;
                scan(input, output)?
            }
            _ if is_alone(current) => next_marker(input)?,
            START => return Err(Error::unreadable("an image begins within the image")),
            _ => {
                let payload = segment(input)?;
                if let Some(kept) = kept(current, payload) {
                    write_segment(output, current, &kept)?;
                }
                next_marker(input)?
            }
        };
    }
    if marker == Some(END) {
        output.write_all(&[0xFF, END])?;
    }
    Ok(())
}

/// EXIF data with nothing but the orientation: the tag 0x0112, in little-endian order.
fn exif(orientation: Orientation) -> [u8; 32] {
    let mut exif = *b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";
    exif[24] = orientation.to_exif();
    exif
}

fn start(input: &mut Input<impl Read + Seek>) -> Result<()> {
    match input.array()? {
        [0xFF, START] => Ok(()),
        _ => Err(Error::unreadable("it has no JPEG signature")),
    }
}

fn kept(marker: u8, mut payload: Vec<u8>) -> Option<Vec<u8>> {
    match marker {
        // Tables, frames, restart intervals.
        0xC0..=0xCF | 0xDB..=0xDF => Some(payload),
        APP0 if payload.starts_with(b"JFIF\0") && payload.len() >= JFIF_BYTES => {
            payload.truncate(JFIF_BYTES);
            payload[JFIF_BYTES - 2..].fill(0);
            Some(payload)
        }
        APP2 if payload.starts_with(b"ICC_PROFILE\0") => Some(payload),
        APP14 if payload.starts_with(b"Adobe") && payload.len() >= ADOBE_BYTES => {
            payload.truncate(ADOBE_BYTES);
            Some(payload)
        }
        _ => None,
    }
}

/// Whether a marker starts a frame, as opposed to tables (`DHT`, `DAC`) or `JPG`.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

/// Whether a marker has no payload.
fn is_alone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xD0..=0xD7)
}

/// The next marker. Skips bytes that are not part of the image.
fn next_marker(input: &mut Input<impl Read + Seek>) -> Result<Option<u8>> {
    let mut marked = false;
    while let Some(byte) = input.byte()? {
        match byte {
            0xFF => marked = true,
            0 => marked = false,
            marker if marked => return Ok(Some(marker)),
            _ => {}
        }
    }
    Ok(None)
}

fn payload_length(input: &mut Input<impl Read + Seek>) -> Result<u16> {
    u16::from_be_bytes(input.array()?)
        .checked_sub(2)
        .ok_or_else(|| Error::unreadable("a segment is shorter than its length"))
}

fn segment(input: &mut Input<impl Read + Seek>) -> Result<Vec<u8>> {
    let length = payload_length(input)?;
    let payload = input.up_to(length.into())?;
    if payload.len() < length.into() {
        return Err(Error::unreadable("it is cut off"));
    }
    Ok(payload)
}

fn write_segment(output: &mut impl Write, marker: u8, payload: &[u8]) -> Result<()> {
    let length = u16::try_from(payload.len() + 2).map_err(|_| Error::unreadable("a segment is too long"))?;
    output.write_all(&[0xFF, marker])?;
    output.write_all(&length.to_be_bytes())?;
    output.write_all(payload)?;
    Ok(())
}

/// Passes on the entropy-coded data of a scan. Returns the marker after it, or `None` if the file ends within
/// the scan, for example after an interrupted download.
fn scan(input: &mut Input<impl Read + Seek>, output: &mut impl Write) -> Result<Option<u8>> {
    loop {
        let data = input.buffered()?;
        if data.is_empty() {
            return Ok(None);
        }
        let length = data.iter().position(|&byte| byte == 0xFF).unwrap_or(data.len());
        output.write_all(&data[..length])?;
        let marked = length < data.len();
        input.consume(length);
        if !marked {
            continue;
        }
        input.consume(1);
        let mut next = input.byte()?;
        while next == Some(0xFF) {
            next = input.byte()?;
        }
        match next {
            Some(stuffed @ (0 | 0xD0..=0xD7)) => output.write_all(&[0xFF, stuffed])?,
            marker => return Ok(marker),
        }
    }
}
