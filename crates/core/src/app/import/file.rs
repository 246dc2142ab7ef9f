//! Files of an import.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{People, Person, Unit};
use crate::file::{FILE_TTL, FileName, Reservation};
use crate::store::FileState;
use crate::{Error, FileId, Result};

/// How many ids are tried for a file.
const TRIES: u8 = 16;

/// A file of a message in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The preferred id. If it is taken, other ids are derived from it.
    pub id: Uuid,
    /// The message's author, by its id in the source.
    pub owner: Uuid,
    pub name: FileName,
    pub size: u64,
}

/// The slot for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSlot {
    /// The content has to be stored.
    Reserved(FileId),
    /// An earlier run stored the content.
    Stored(FileId),
}

/// Reserves an upload, or finds the one of an earlier run. If a server ran in between, it may have removed
/// that upload, whose id is then not used again.
pub(super) fn slot(unit: &mut Unit, file: &SourceFile) -> Result<FileSlot> {
    let people = People::find(unit.tx, [file.owner])?;
    let Person::Standing(owner) = people.get(file.owner) else {
        return Err(Error::field("owner", "must be a user who was imported and not deleted since"));
    };
    let expires = unit.now().plus(FILE_TTL);
    for number in 0..TRIES {
        let id = numbered(file.id, number);
        match unit.tx.file(id)? {
            Some(row) if row.owner == owner.id && row.state == FileState::Reserved => {
                unit.tx.file_extend(id, expires)?;
                return Ok(FileSlot::Reserved(id));
            }
            Some(row) if row.owner == owner.id && row.state == FileState::Stored => {
                unit.tx.file_extend(id, expires)?;
                return Ok(FileSlot::Stored(id));
            }
            None if !unit.tx.files_unknown(&[id])?.is_empty() => {
                let (owner, name, size) = (owner.id, file.name.clone(), file.size);
                unit.tx.file_reserve(&Reservation { id, owner, name, size, expires })?;
                return Ok(FileSlot::Reserved(id));
            }
            _ => {}
        }
    }
    Err(Error::internal(format!("the file {} finds no free id", file.id)))
}

fn numbered(id: Uuid, number: u8) -> FileId {
    if number == 0 {
        return FileId(id);
    }
    let digest = Sha256::new_with_prefix(id).chain_update([number]).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    FileId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
