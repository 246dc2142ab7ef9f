//! Prepares images: removes their metadata and creates a thumbnail, with bounded concurrency.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use chinwag_core::{Error, Result};
use chinwag_media::thumbnail::MadeThumbnail;
use chinwag_media::{Error as MediaError, Format, ImageLimits, size, strip, thumbnail};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{FileService, figures, spool};

/// How long an image waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(60);

/// An image that is ready to be stored.
pub(crate) enum Prepared {
    /// The image without metadata, rewound to its beginning.
    Image { file: File, size: Option<(u32, u32)>, thumbnail: Option<MadeThumbnail> },
    /// Not a readable image, despite its signature.
    Unreadable(File),
}

impl FileService {
    /// Prepares a spooled image.
    pub(crate) async fn prepare(&self, original: File, format: Format) -> Result<Prepared> {
        let turn = timeout(TURN_TIMEOUT, self.images.clone().acquire_owned()).await;
        let permit = turn.map_err(|_| Error::unavailable())?.map_err(Error::internal)?;
        let folder = self.options.spool.clone();
        let prepared = spawn_blocking(move || {
            let _permit = permit;
            let begun = Instant::now();
            let prepared = prepare(original, format, &folder);
            let result = match &prepared {
                Ok(Prepared::Image { thumbnail: Some(_), .. }) => "thumbnail",
                Ok(Prepared::Image { .. }) => "no_thumbnail",
                Ok(Prepared::Unreadable(_)) => "unreadable",
                Err(_) => "failed",
            };
            figures::count_image(result, begun.elapsed());
            prepared
        });
        prepared.await.map_err(Error::internal)?
    }
}

fn prepare(mut original: File, format: Format, folder: &Path) -> Result<Prepared> {
    let limits = ImageLimits::default();
    let mut stripped = BufWriter::new(tempfile::tempfile_in(folder).map_err(spool::error)?);
    let written = strip::strip(&mut original, format, &limits, &mut stripped).map(drop);
    let file = match written.and_then(|()| Ok(stripped.flush()?)) {
        Ok(()) => stripped.into_inner().map_err(|why| spool::error(why.into_error()))?,
        Err(MediaError::Io(fault)) => return Err(spool::error(fault)),
        // An image whose metadata cannot be removed is not stored as an image.
        Err(_) => return unreadable(original),
    };
    let made = thumbnail::thumbnail(&file, format, &limits);
    let (shown, made) = match made {
        Ok(made) => (Some((made.original_width, made.original_height)), Some(made)),
        Err(MediaError::OverLimits(_) | MediaError::Unsupported(_)) => (size(&file, format).ok(), None),
        Err(MediaError::Unreadable(_)) => return unreadable(original),
        Err(MediaError::Io(fault)) => return Err(spool::error(fault)),
    };
    Ok(Prepared::Image { file: at_beginning(file)?, size: shown, thumbnail: made })
}

fn unreadable(original: File) -> Result<Prepared> {
    at_beginning(original).map(Prepared::Unreadable)
}

fn at_beginning(mut file: File) -> Result<File> {
    file.seek(SeekFrom::Start(0)).map_err(spool::error)?;
    Ok(file)
}
