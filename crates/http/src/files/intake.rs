//! The intake of files by commands, which read them from this machine.

use std::io::Read;

use axum::body::Bytes;
use axum::http::StatusCode;
use chinwag_core::FileId;
use chinwag_core::app::file::CompleteFile;
use chinwag_core::file::{FileLimits, FileName};
use chinwag_core::file_store::Attempt;
use chinwag_media::name;

use super::FileService;
use super::body::Pieces;
use super::receive::Reception;
use crate::error::Problem;
use crate::options::FileOptions;

/// Bytes that are read at a time.
const PIECE: usize = 256 << 10;

/// Stores files of this machine, in the same way as uploads.
pub struct FileIntake {
    files: FileService,
    limits: FileLimits,
}

/// The reason why a file was not stored.
#[derive(Debug)]
pub enum IntakeError {
    /// This file cannot be read, or is not accepted.
    Refused(String),
    /// The storage has failed, so no file can be stored now.
    Failed(String),
}

impl FileIntake {
    pub fn new(options: FileOptions, limits: FileLimits) -> Self {
        Self { files: FileService::new(options), limits }
    }

    /// The sanitized name of a stored file.
    pub fn name(text: &str) -> FileName {
        FileName::cleaned(&name::clean(text))
    }

    /// Stores up to `most` bytes for a reserved upload. Blocks the thread while it reads.
    pub async fn receive(
        &self,
        id: FileId,
        most: u64,
        reader: &mut (dyn Read + Send),
    ) -> Result<CompleteFile, IntakeError> {
        let (files, limits, attempt) = (&self.files, &self.limits, Attempt::ONLY);
        let reception = Reception { files, limits, id, attempt, most };
        reception.receive(&mut ReadPieces(reader)).await.map_err(|problem| {
            let detail = problem.detail.into_owned();
            let is_of_file = matches!(
                problem.status,
                StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE
            );
            if is_of_file { IntakeError::Refused(detail) } else { IntakeError::Failed(detail) }
        })
    }
}

/// The bytes of a blocking reader, in pieces.
struct ReadPieces<'r>(&'r mut (dyn Read + Send));

impl Pieces for ReadPieces<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut *self.0).take(PIECE as u64).read_to_end(&mut piece);
        read.map_err(|fault| Problem::new(StatusCode::BAD_REQUEST, fault.to_string()))?;
        Ok(Some(Bytes::from(piece)).filter(|piece| !piece.is_empty()))
    }
}
