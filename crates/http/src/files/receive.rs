//! Receives a file: streams its bytes to the storage and detects their type. An image is first spooled to this node's
//! disk and prepared.

use std::fs::File;

use axum::body::Bytes;
use chinwag_core::app::file::CompleteFile;
use chinwag_core::file::{Dimensions, FileLimits, StoredThumbnail};
use chinwag_core::file_store::{Attempt, FileKey};
use chinwag_core::{Error, FileId};
use chinwag_media::Format;
use chinwag_media::sniff::{Sniffer, UNKNOWN};

use super::body::Pieces;
use super::image::Prepared;
use super::spool::{self, Spool};
use super::{FileService, figures};
use crate::error::Problem;

/// An upload that is being received.
pub(crate) struct Reception<'a> {
    pub(crate) files: &'a FileService,
    pub(crate) limits: &'a FileLimits,
    pub(crate) id: FileId,
    /// The attempt under which its objects are written.
    pub(crate) attempt: Attempt,
    /// The maximum size.
    pub(crate) most: u64,
}

/// The bytes read so far.
#[derive(Default)]
struct Progress {
    sniffer: Sniffer,
    size: u64,
}

impl Reception<'_> {
    /// Stores all bytes. After an error, objects may remain in the storage; they are removed when the reservation
    /// ends.
    pub(crate) async fn receive(&self, pieces: &mut impl Pieces) -> Result<CompleteFile, Problem> {
        let outcome = self.store(pieces).await;
        figures::count_upload(&outcome);
        outcome
    }

    async fn store(&self, pieces: &mut impl Pieces) -> Result<CompleteFile, Problem> {
        let mut progress = Progress::default();
        let mut head = Vec::new();
        // Read enough of the beginning to tell whether the file may be an image.
        while !progress.sniffer.has_head() {
            let Some(piece) = self.next(pieces, &mut progress).await? else { break };
            head.push(piece);
        }
        match Format::of(progress.sniffer.clone().finish()) {
            Some(_) => self.receive_image(head, pieces, progress).await,
            None => self.receive_plain(head, pieces, progress).await,
        }
    }

    async fn next(
        &self,
        pieces: &mut impl Pieces,
        progress: &mut Progress,
    ) -> Result<Option<Bytes>, Problem> {
        let Some(piece) = pieces.next().await? else { return Ok(None) };
        progress.size += piece.len() as u64;
        if progress.size > self.most {
            self.limits.admit_size(progress.size)?;
            return Err(Error::TooLarge("the file is longer than its declared length".into()).into());
        }
        progress.sniffer.update(&piece);
        Ok(Some(piece))
    }

    async fn receive_plain(
        &self,
        head: Vec<Bytes>,
        pieces: &mut impl Pieces,
        mut progress: Progress,
    ) -> Result<CompleteFile, Problem> {
        let mut writer = self.files.store().create(FileKey::Whole(self.id, self.attempt)).await?;
        for piece in head {
            writer.write(piece).await?;
        }
        while let Some(piece) = self.next(pieces, &mut progress).await? {
            writer.write(piece).await?;
        }
        let found = progress.sniffer.finish();
        // The beginning had no image signature, so a later match is not an image.
        let media_type = if Format::of(found).is_some() { UNKNOWN } else { found };
        self.limits.admit_type(media_type)?;
        writer.finish().await?;
        Ok(CompleteFile {
            id: self.id,
            attempt: self.attempt,
            media_type: media_type.into(),
            size: progress.size,
            dimensions: None,
            thumbnail: None,
            thumbnail_size: 0,
        })
    }

    async fn receive_image(
        &self,
        head: Vec<Bytes>,
        pieces: &mut impl Pieces,
        mut progress: Progress,
    ) -> Result<CompleteFile, Problem> {
        let mut spool = Spool::new(&self.files.options.spool).await?;
        for piece in head {
            spool.write(&piece).await?;
        }
        while let Some(piece) = self.next(pieces, &mut progress).await? {
            spool.write(&piece).await?;
        }
        let media_type = progress.sniffer.finish();
        let spooled = spool.finish().await?;
        let prepared = match Format::of(media_type) {
            Some(format) => {
                self.limits.admit_type(media_type)?;
                self.files.prepare(spooled, format).await?
            }
            None => Prepared::Unreadable(spooled),
        };
        let (media_type, file, shown, small) = match prepared {
            Prepared::Image { file, size, thumbnail } => (media_type, file, size, thumbnail),
            Prepared::Unreadable(file) => (UNKNOWN, file, None, None),
        };
        self.limits.admit_type(media_type)?;
        let thumbnail_size = small.as_ref().map_or(0, |small| small.webp.len() as u64);
        let thumbnail = match small {
            Some(small) => Some(self.store_thumbnail(small).await?),
            None => None,
        };
        let size = self.store_spooled(file).await?;
        let dimensions = shown.map(|(width, height)| Dimensions { width, height });
        let (id, attempt, media_type) = (self.id, self.attempt, media_type.into());
        Ok(CompleteFile { id, attempt, media_type, size, dimensions, thumbnail, thumbnail_size })
    }

    async fn store_thumbnail(
        &self,
        made: chinwag_media::thumbnail::MadeThumbnail,
    ) -> Result<StoredThumbnail, Problem> {
        let mut writer = self.files.store().create(FileKey::Thumbnail(self.id, self.attempt)).await?;
        writer.write(made.webp.into()).await?;
        writer.finish().await?;
        let dimensions = Dimensions { width: made.width, height: made.height };
        Ok(StoredThumbnail { dimensions, hash: made.hash.into() })
    }

    async fn store_spooled(&self, mut file: File) -> Result<u64, Problem> {
        let mut writer = self.files.store().create(FileKey::Whole(self.id, self.attempt)).await?;
        let mut size = 0;
        loop {
            let piece;
            (file, piece) = spool::read(file).await?;
            if piece.is_empty() {
                break;
            }
            size += piece.len() as u64;
            writer.write(piece).await?;
        }
        writer.finish().await?;
        Ok(size)
    }
}
