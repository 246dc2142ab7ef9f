//! A file that is read forwards, skipping parts.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};

use crate::{Error, Result};

/// A reader that knows the file's end, so that no length in the file is trusted.
pub(crate) struct Input<R> {
    reader: BufReader<R>,
    position: u64,
    end: u64,
}

impl<R: Read + Seek> Input<R> {
    pub(crate) fn new(mut reader: R) -> Result<Self> {
        let end = reader.seek(SeekFrom::End(0))?;
        reader.rewind()?;
        Ok(Self { reader: BufReader::new(reader), position: 0, end })
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn len(&self) -> u64 {
        self.end
    }

    pub(crate) fn remaining(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }

    pub(crate) fn seek(&mut self, position: u64) -> Result<()> {
        // Both are valid file offsets. A relative seek keeps the buffer.
        self.reader.seek_relative(position.cast_signed() - self.position.cast_signed())?;
        self.position = position;
        Ok(())
    }

    /// Skips `count` bytes, which must exist.
    pub(crate) fn skip(&mut self, count: u64) -> Result<()> {
        self.require(count)?;
        self.reader.seek_relative(i64::try_from(count).map_err(|_| cut_off())?)?;
        self.position += count;
        Ok(())
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.require(N as u64)?;
        self.reader.read_exact(&mut bytes)?;
        self.position += N as u64;
        Ok(bytes)
    }

    /// Reads the next `count` bytes, or fewer at the end.
    pub(crate) fn up_to(&mut self, count: u64) -> Result<Vec<u8>> {
        let count = count.min(self.remaining());
        let mut bytes = Vec::new();
        (&mut self.reader).take(count).read_to_end(&mut bytes)?;
        self.position += bytes.len() as u64;
        Ok(bytes)
    }

    pub(crate) fn copy(&mut self, count: u64, output: &mut impl Write) -> Result<()> {
        self.require(count)?;
        let copied = io::copy(&mut (&mut self.reader).take(count), output)?;
        self.position += copied;
        if copied < count { Err(cut_off()) } else { Ok(()) }
    }

    /// The buffered bytes: at least one, except at the end of the file.
    pub(crate) fn buffered(&mut self) -> Result<&[u8]> {
        Ok(self.reader.fill_buf()?)
    }

    /// Advances by `count` bytes of [`Self::buffered`].
    pub(crate) fn consume(&mut self, count: usize) {
        self.reader.consume(count);
        self.position += count as u64;
    }

    pub(crate) fn byte(&mut self) -> Result<Option<u8>> {
        let byte = self.buffered()?.first().copied();
        if byte.is_some() {
            self.consume(1);
        }
        Ok(byte)
    }

    fn require(&self, count: u64) -> Result<()> {
        if count > self.remaining() { Err(cut_off()) } else { Ok(()) }
    }
}

fn cut_off() -> Error {
    Error::unreadable("it is cut off")
}
