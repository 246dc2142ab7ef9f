//! Stores one part of a resumable upload.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chinwag_core::file_store::{FileKey, FileStore, PartId};
use chinwag_core::{Error, FileId};
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::body::{PacedBody, Pieces};
use super::running::UploadTurn;
use crate::error::{Problem, Result};

/// The status of tus for a checksum mismatch.
const MISMATCH: u16 = 460;

/// A part to be written.
pub(crate) struct NewPart<'a> {
    pub(crate) store: &'a Arc<dyn FileStore>,
    pub(crate) id: FileId,
    pub(crate) offset: u64,
    pub(crate) number: u64,
    /// The maximum size.
    pub(crate) most: u64,
    pub(crate) checksum: Option<Checksum>,
}

/// The outcome of writing a part.
pub(crate) struct WrittenPart {
    /// The number of bytes stored.
    pub(crate) size: u64,
    /// The reason why the body was not read completely, if it was not.
    pub(crate) cut: Option<Problem>,
}

/// The client's checksum of a body.
pub(crate) struct Checksum {
    hasher: Hasher,
    expected: Vec<u8>,
}

enum Hasher {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl NewPart<'_> {
    /// Writes a body. If it ends early, the bytes that arrived are stored, unless there is a checksum to verify.
    pub(crate) async fn write(mut self, body: &mut PacedBody, turn: &mut UploadTurn) -> Result<WrittenPart> {
        let key = FileKey::Part(self.id, PartId { offset: self.offset, number: self.number });
        let mut writer = self.store.create(key).await?;
        let mut size = 0;
        let cut = loop {
            let piece = tokio::select! {
                piece = body.next() => piece,
                () = turn.ended() => Err(Problem::new(StatusCode::CONFLICT, "a later request goes on with this upload")),
            };
            match piece {
                Ok(None) => break None,
                Ok(Some(piece)) => {
                    size += piece.len() as u64;
                    if size > self.most {
                        return Err(Error::TooLarge("the body extends past Upload-Length".into()).into());
                    }
                    if let Some(checksum) = &mut self.checksum {
                        checksum.update(&piece);
                    }
                    writer.write(piece).await?;
                }
                Err(refused) => break Some(refused),
            }
        };
        match (self.checksum, cut) {
            // An incomplete part cannot be verified, so it is discarded and the client sends it again.
            (Some(_), Some(refused)) => Ok(WrittenPart { size: 0, cut: Some(refused) }),
            (Some(checksum), None) if !checksum.holds() => {
                let status = StatusCode::from_u16(MISMATCH).map_err(|_| Problem::fault())?;
                Err(Problem::new(status, "the body does not match its Upload-Checksum: send it again"))
            }
            (_, cut) => {
                if size > 0 {
                    writer.finish().await?;
                }
                Ok(WrittenPart { size, cut })
            }
        }
    }
}

impl Checksum {
    /// Parses the header `Upload-Checksum`.
    pub(crate) fn parse(header: &HeaderValue) -> Result<Self> {
        let refused =
            || Error::field("upload-checksum", "must be sha1 or sha256, a space, and the hash in base64");
        let (algorithm, hash) =
            header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(refused)?;
        let hasher = match algorithm {
            "sha1" => Hasher::Sha1(Sha1::new()),
            "sha256" => Hasher::Sha256(Sha256::new()),
            _ => return Err(refused().into()),
        };
        let expected = STANDARD.decode(hash.trim()).map_err(|_| refused())?;
        Ok(Self { hasher, expected })
    }

    fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Sha1(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
        }
    }

    fn holds(&self) -> bool {
        match &self.hasher {
            Hasher::Sha1(hasher) => hasher.clone().finalize()[..] == self.expected,
            Hasher::Sha256(hasher) => hasher.clone().finalize()[..] == self.expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_bytes() {
        for (header, holds) in [
            ("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=", true),
            ("sha256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", true),
            ("sha1 AAAA", false),
        ] {
            let mut checksum = Checksum::parse(&HeaderValue::from_static(header)).expect("a checksum");
            checksum.update(b"hel");
            checksum.update(b"lo");
            assert_eq!(checksum.holds(), holds, "{header}");
        }
        for header in ["", "sha1", "md5 AAAA", "sha1 *"] {
            assert!(Checksum::parse(&HeaderValue::from_static(header)).is_err(), "{header}");
        }
    }
}
