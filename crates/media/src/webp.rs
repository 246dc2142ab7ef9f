//! WebP: a RIFF container with its size at the start, made of chunks. A frame of an animation is a chunk of
//! chunks.

use std::io::{Read, Seek, Write};
use std::ops::ControlFlow;

use crate::header::{self, Header};
use crate::input::Input;
use crate::{Error, Format, Result};

const HEAD: u64 = 12;
/// The position and size of a frame, its duration and flags.
const FRAME_HEAD: usize = 16;
const EXTENDED_BYTES: usize = 10;

/// Flags of the extended header.
const XMP: u8 = 1 << 2;
const EXIF: u8 = 1 << 3;
const ANIMATED: u8 = 1 << 1;

/// The chunks that make up the picture, its colours and its animation.
const KEPT: &[&[u8; 4]] = &[b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"];
/// The chunks that make up a frame.
const PARTS: &[&[u8; 4]] = &[b"ALPH", b"VP8 ", b"VP8L"];

#[derive(Clone, Copy)]
struct Chunk {
    kind: [u8; 4],
    /// The position of its payload.
    start: u64,
    length: u32,
}

impl Chunk {
    fn end(self) -> u64 {
        self.start + u64::from(self.length)
    }

    /// The end including the padding, since chunks start at even positions.
    fn padded_end(self) -> u64 {
        self.end() + u64::from(self.length % 2)
    }
}

pub(crate) fn header(input: &mut Input<impl Read + Seek>) -> Result<Header> {
    let end = container(input)?;
    let mut found: Option<Header> = None;
    let mut pictured = false;
    each_chunk(input, end, |input, chunk| {
        match (&chunk.kind, &mut found) {
            (b"VP8X", None) => found = Some(extended(input, chunk)?),
            (b"VP8 " | b"VP8L", None) => {
                let (width, height) = picture_size(input, chunk)?;
                found = Some(Header { decoder_bytes: 6, ..Header::new(Format::WebP, width, height) });
                pictured = true;
                // Chunks after a picture without an extended header have no meaning.
                return Ok(ControlFlow::Break(()));
            }
            (_, None) => return Err(Error::unreadable("it does not begin with its header")),
            (b"EXIF", Some(header)) => {
                header.orientation =
                    header::orientation(input, chunk.length.into())?.unwrap_or(header.orientation);
            }
            (b"VP8 " | b"VP8L", Some(header)) => {
                require_size(picture_size(input, chunk)?, (header.width, header.height))?;
                pictured = true;
            }
            (b"ANMF", Some(_)) if !pictured => {
                first_frame(input, chunk)?;
                pictured = true;
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    })?;
    found.filter(|_| pictured).ok_or_else(|| Error::unreadable("it has no picture"))
}

/// The end of the container. Bytes after it are not part of the image.
pub(crate) fn container(input: &mut Input<impl Read + Seek>) -> Result<u64> {
    let [b'R', b'I', b'F', b'F', s1, s2, s3, s4, b'W', b'E', b'B', b'P'] = input.array()? else {
        return Err(Error::unreadable("it has no WebP signature"));
    };
    let end = 8 + u64::from(u32::from_le_bytes([s1, s2, s3, s4]));
    // Tolerate a missing last byte of padding.
    if end > input.len() + 1 {
        return Err(Error::unreadable("it is cut off"));
    }
    Ok(end)
}

/// The colour profile of a file that [`header`] has read.
pub(crate) fn profile(input: &mut Input<impl Read + Seek>) -> Result<Option<Vec<u8>>> {
    input.seek(0)?;
    let end = container(input)?;
    let mut found = None;
    each_chunk(input, end, |input, chunk| {
        if chunk.kind != *b"ICCP" {
            return Ok(ControlFlow::Continue(()));
        }
        found = Some(input.up_to(chunk.length.into())?);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// Writes the chunks that make up the picture, with the new size.
pub(crate) fn strip(input: &mut Input<impl Read + Seek>, output: &mut impl Write) -> Result<()> {
    let end = container(input)?;
    let size = kept_bytes(input, end)? + 4;
    let size = u32::try_from(size).map_err(|_| Error::unreadable("it is too long"))?;
    output.write_all(b"RIFF")?;
    output.write_all(&size.to_le_bytes())?;
    output.write_all(b"WEBP")?;
    input.seek(HEAD)?;
    write_kept(input, end, output)
}

fn write_kept(input: &mut Input<impl Read + Seek>, end: u64, output: &mut impl Write) -> Result<()> {
    each_chunk(input, end, |input, chunk| {
        match &chunk.kind {
            b"ANMF" => write_frame(input, chunk, output)?,
            b"VP8X" => {
                let mut payload: [u8; EXTENDED_BYTES] = input.array()?;
                payload[0] &= !(EXIF | XMP);
                write_head(output, *b"VP8X", EXTENDED_BYTES as u64)?;
                output.write_all(&payload)?;
            }
            kind if KEPT.contains(&kind) => write_whole(input, chunk, output)?,
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    })
}

fn write_frame(input: &mut Input<impl Read + Seek>, frame: Chunk, output: &mut impl Write) -> Result<()> {
    let head: [u8; FRAME_HEAD] = input.array()?;
    let parts = input.position();
    write_head(output, frame.kind, FRAME_HEAD as u64 + kept_parts_bytes(input, frame.end())?)?;
    output.write_all(&head)?;
    input.seek(parts)?;
    each_chunk(input, frame.end(), |input, chunk| {
        if PARTS.contains(&&chunk.kind) {
            write_whole(input, chunk, output)?;
        }
        Ok(ControlFlow::Continue(()))
    })
}

fn write_head(output: &mut impl Write, kind: [u8; 4], length: u64) -> Result<()> {
    let length = u32::try_from(length).map_err(|_| Error::unreadable("a chunk is too long"))?;
    output.write_all(&kind)?;
    output.write_all(&length.to_le_bytes())?;
    Ok(())
}

fn write_whole(input: &mut Input<impl Read + Seek>, chunk: Chunk, output: &mut impl Write) -> Result<()> {
    write_head(output, chunk.kind, chunk.length.into())?;
    input.copy(chunk.length.into(), output)?;
    if chunk.length % 2 == 1 {
        output.write_all(&[0])?;
    }
    Ok(())
}

/// The bytes of the kept chunks up to `end`, including their heads.
fn kept_bytes(input: &mut Input<impl Read + Seek>, end: u64) -> Result<u64> {
    let mut sum = 0;
    each_chunk(input, end, |input, chunk| {
        sum += match &chunk.kind {
            b"VP8X" => 8 + EXTENDED_BYTES as u64,
            b"ANMF" => {
                input.skip(FRAME_HEAD as u64)?;
                8 + FRAME_HEAD as u64 + kept_parts_bytes(input, chunk.end())?
            }
            kind if KEPT.contains(&kind) => 8 + chunk.padded_end() - chunk.start,
            _ => 0,
        };
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(sum)
}

fn kept_parts_bytes(input: &mut Input<impl Read + Seek>, end: u64) -> Result<u64> {
    let mut sum = 0;
    each_chunk(input, end, |_, part| {
        if PARTS.contains(&&part.kind) {
            sum += 8 + part.padded_end() - part.start;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(sum)
}

/// Visits each chunk up to `end`, with the input at its payload. Every payload is complete.
fn each_chunk<R: Read + Seek>(
    input: &mut Input<R>,
    end: u64,
    mut visit: impl FnMut(&mut Input<R>, Chunk) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let end = end.min(input.len());
    // A remainder that is shorter than a head is padding.
    while input.position() + 8 <= end {
        let kind = input.array()?;
        let length = u32::from_le_bytes(input.array()?);
        let chunk = Chunk { kind, start: input.position(), length };
        if chunk.end() > end {
            return Err(Error::unreadable("it is cut off"));
        }
        if visit(input, chunk)?.is_break() {
            return Ok(());
        }
        input.seek(chunk.padded_end())?;
    }
    Ok(())
}

fn extended(input: &mut Input<impl Read + Seek>, chunk: Chunk) -> Result<Header> {
    if u64::from(chunk.length) < EXTENDED_BYTES as u64 {
        return Err(Error::unreadable("its header is too short"));
    }
    let [flags, _, _, _] = input.array()?;
    let [width, height] = [input.array()?, input.array()?].map(|size| 1 + u24(size));
    let animated = flags & ANIMATED != 0;
    // The decoder keeps a lossless picture, or a lossy one with its transparency; for an animation also the
    // canvas.
    let decoder_bytes = if animated { 14 } else { 9 };
    Ok(Header { animated, decoder_bytes, ..Header::new(Format::WebP, width, height) })
}

/// Checks the parts of the frame to be decoded, because the decoder trusts their order and sizes.
fn first_frame(input: &mut Input<impl Read + Seek>, frame: Chunk) -> Result<()> {
    if u64::from(frame.length) < FRAME_HEAD as u64 {
        return Err(Error::unreadable("a frame is too short"));
    }
    input.skip(6)?;
    let size = [input.array()?, input.array()?].map(|size| 1 + u24(size));
    input.skip(4)?;
    let mut kinds = Vec::new();
    each_chunk(input, frame.end(), |input, chunk| {
        if kinds.len() < 2 {
            if chunk.kind != *b"ALPH" {
                require_size(picture_size(input, chunk)?, (size[0], size[1]))?;
            }
            kinds.push(chunk.kind);
        }
        let complete = kinds.last().is_some_and(|kind| kind != b"ALPH");
        Ok(if complete { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    match kinds.as_slice() {
        [last] | [_, last] if last != b"ALPH" => Ok(()),
        _ => Err(Error::unreadable("a frame has no picture")),
    }
}

fn require_size(picture: (u32, u32), canvas: (u32, u32)) -> Result<()> {
    if picture == canvas { Ok(()) } else { Err(Error::unreadable("its sizes differ")) }
}

fn picture_size(input: &mut Input<impl Read + Seek>, chunk: Chunk) -> Result<(u32, u32)> {
    match (&chunk.kind, chunk.length) {
        (b"VP8 ", 10..) => {
            let [_, _, _, 0x9D, 0x01, 0x2A, w1, w2, h1, h2] = input.array()? else {
                return Err(Error::unreadable("its picture has no key frame"));
            };
            let [width, height] =
                [[w1, w2], [h1, h2]].map(|size| u32::from(u16::from_le_bytes(size) & 0x3FFF));
            Ok((width, height))
        }
        (b"VP8L", 5..) => {
            let [0x2F, bits @ ..] = input.array::<5>()? else {
                return Err(Error::unreadable("its picture has no signature"));
            };
            let bits = u32::from_le_bytes(bits);
            Ok((1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)))
        }
        _ => Err(Error::unreadable("it has no picture")),
    }
}

fn u24([low, middle, high]: [u8; 3]) -> u32 {
    u32::from_le_bytes([low, middle, high, 0])
}
