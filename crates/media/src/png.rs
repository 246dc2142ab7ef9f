//! PNG: a signature and a list of chunks.

use std::io::{Read, Seek, Write};

use crate::header::{self, Header};
use crate::input::Input;
use crate::{Error, Format, Result};

pub(crate) const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// The chunks that make up the picture, its colours and its animation. All others are metadata, texts,
/// thumbnails, or offsets that become invalid.
const KEPT: &[&[u8; 4]] = &[
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV",
    b"mDCv", b"cLLI", b"cLLi", b"sBIT", b"bKGD", b"hIST", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

/// The chunks that define how colours are displayed. They also apply to the turned picture.
const COLOURS: &[&[u8; 4]] =
    &[b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi", b"pHYs"];

struct Chunk {
    kind: [u8; 4],
    length: u32,
}

pub(crate) fn header(input: &mut Input<impl Read + Seek>) -> Result<Header> {
    let mut found: Option<Header> = None;
    let mut pictured = false;
    signature(input)?;
    while let Some(chunk) = next_chunk(input)? {
        let length = u64::from(chunk.length);
        match (&chunk.kind, &mut found) {
            (b"IHDR", None) if length == 13 => {
                let [width, height] = [input.array()?, input.array()?].map(u32::from_be_bytes);
                found = Some(Header::new(Format::Png, width, height));
                input.skip(length - 8)?;
            }
            (_, None) => return Err(Error::unreadable("it does not begin with its header")),
            (b"eXIf", Some(header)) => {
                header.orientation = header::orientation(input, length)?.unwrap_or(header.orientation);
            }
            (b"IEND", Some(_)) => break,
            (kind, Some(header)) => {
                pictured |= kind == b"IDAT";
                header.animated |= kind == b"acTL";
                input.skip(length)?;
            }
        }
        input.skip(4)?;
    }
    found.filter(|_| pictured).ok_or_else(|| Error::unreadable("it has no picture"))
}

/// Writes the chunks that make up the picture. Drops bytes after its end.
pub(crate) fn strip(input: &mut Input<impl Read + Seek>, output: &mut impl Write) -> Result<()> {
    signature(input)?;
    output.write_all(SIGNATURE)?;
    while let Some(chunk) = next_chunk(input)? {
        if chunk.kind == *b"IEND" {
            break;
        }
        if KEPT.contains(&&chunk.kind) {
            copy(input, &chunk, output)?;
        } else {
            input.skip(u64::from(chunk.length) + 4)?;
        }
    }
    output.write_all(b"\0\0\0\0IEND\xaeB`\x82")?;
    Ok(())
}

/// Writes `encoded`, a PNG made by this crate, with the original's colour chunks after its header.
pub(crate) fn with_colours_of(
    input: &mut Input<impl Read + Seek>,
    encoded: &[u8],
    output: &mut impl Write,
) -> Result<()> {
    /// The signature and `IHDR`.
    const HEAD: usize = 8 + 12 + 13;
    output.write_all(&encoded[..HEAD])?;
    input.seek(0)?;
    signature(input)?;
    while let Some(chunk) = next_chunk(input)? {
        match &chunk.kind {
            b"IDAT" => break,
            kind if COLOURS.contains(&kind) => copy(input, &chunk, output)?,
            _ => input.skip(u64::from(chunk.length) + 4)?,
        }
    }
    output.write_all(&encoded[HEAD..])?;
    Ok(())
}

fn signature(input: &mut Input<impl Read + Seek>) -> Result<()> {
    if input.array()? == *SIGNATURE { Ok(()) } else { Err(Error::unreadable("it has no PNG signature")) }
}

/// The head of the next chunk, whose payload is complete. `None` at the end of the file: a PNG without its
/// last chunk can be displayed.
fn next_chunk(input: &mut Input<impl Read + Seek>) -> Result<Option<Chunk>> {
    if input.remaining() == 0 {
        return Ok(None);
    }
    let length = u32::from_be_bytes(input.array()?);
    let kind: [u8; 4] = input.array()?;
    if u64::from(length) + 4 > input.remaining() {
        return Err(Error::unreadable("it is cut off"));
    }
    let critical = kind[0].is_ascii_uppercase();
    if !kind.iter().all(u8::is_ascii_alphabetic) || critical && !KEPT.contains(&&kind) {
        return Err(Error::unreadable("it has an unknown chunk that is needed to show it"));
    }
    Ok(Some(Chunk { kind, length }))
}

fn copy(input: &mut Input<impl Read + Seek>, chunk: &Chunk, output: &mut impl Write) -> Result<()> {
    output.write_all(&chunk.length.to_be_bytes())?;
    output.write_all(&chunk.kind)?;
    input.copy(u64::from(chunk.length) + 4, output)
}
