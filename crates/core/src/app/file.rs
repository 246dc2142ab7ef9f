//! Files: reserve, complete, abandon, read. The callers transfer the content.

use std::sync::Arc;

use super::actor::{actor, require_actor, visible};
use super::avatar::is_shown;
use super::suspension::governs;
use super::{App, Context, Growth, Unit};
use crate::actor::unknown;
use crate::authority::Govern;
use crate::bot::{BotAct, BotTarget};
use crate::file::{
    Attachment, AttachmentList, Dimensions, FILE_TTL, FileName, PLAIN_UPLOAD_TTL, Reservation, StoredFile,
    StoredThumbnail,
};
use crate::file_store::Attempt;
use crate::limits::Directory;
use crate::store::{FileRow, FileState, Tx};
use crate::user::Caller;
use crate::{Date, Error, FileId, GroupId, Name, Result, Seq, UserId};

const MISSING: Error = Error::NotFound("file");

/// Begins an upload.
#[derive(Debug, Clone)]
pub struct ReserveFile {
    /// The acting user, if a service calls.
    pub author: Option<Name>,
    pub name: FileName,
    /// The length of the file in bytes, or an upper bound.
    pub size: u64,
    /// Whether the upload may continue after an interruption.
    pub resumable: bool,
}

/// Completes an upload whose content is in the file store.
#[derive(Debug, Clone)]
pub struct CompleteFile {
    pub id: FileId,
    /// The attempt that wrote the objects.
    pub attempt: Attempt,
    pub media_type: Arc<str>,
    /// The length of the stored file in bytes. It may exceed the reservation.
    pub size: u64,
    pub dimensions: Option<Dimensions>,
    pub thumbnail: Option<StoredThumbnail>,
    /// The size of the thumbnail in bytes. It counts towards the quotas as well.
    pub thumbnail_size: u64,
}

impl App {
    /// Reserves bytes of the quotas for a file.
    pub async fn file_reserve(&self, context: &Context, command: ReserveFile) -> Result<Reservation> {
        self.rules.limits.files.admit_size(command.size)?;
        self.write(Growth::Adds, context, command, reserve).await
    }

    /// An incomplete upload of the caller.
    pub async fn file_reservation(&self, context: &Context, id: FileId) -> Result<Reservation> {
        self.read(context, id, |tx, caller, id| own_reservation(tx, caller, *id)).await
    }

    /// Restarts the lifetime of an incomplete upload that has received new bytes.
    pub async fn file_extend(&self, context: &Context, id: FileId) -> Result<Reservation> {
        self.write(Growth::Bounded, context, id, |unit, id| {
            let reservation = own_reservation(unit.tx, unit.caller, *id)?;
            let expires = unit.now().plus(FILE_TTL);
            unit.tx.file_extend(*id, expires)?;
            Ok(Reservation { expires, ..reservation })
        })
        .await
    }

    /// Completes an upload, and returns the unused part of its reservation to the quotas. If the file is
    /// already complete, returns it unchanged, with the attempt that completed it. A refusal changes nothing;
    /// the caller then [drops](Self::file_drop) the upload.
    pub async fn file_complete(&self, command: CompleteFile) -> Result<StoredFile> {
        self.write(Growth::Adds, &Context::server(), command, complete).await
    }

    /// Aborts an upload of the caller, or removes a file of the caller that is not in use.
    pub async fn file_abandon(&self, context: &Context, id: FileId) -> Result<()> {
        self.write(Growth::Bounded, context, id, |unit, id| {
            let row = owned_file(unit.tx, unit.caller, *id)?;
            match row.state {
                FileState::Attached | FileState::Avatar => Err(MISSING),
                _ => unit.tx.file_drop(*id),
            }
        })
        .await
    }

    /// Aborts an upload whose content did not arrive or was refused. Does not check the owner.
    pub async fn file_drop(&self, id: FileId) -> Result<()> {
        self.write(Growth::Bounded, &Context::server(), id, |unit, id| {
            let row = unit.tx.file(*id)?;
            if row.is_some_and(|row| row.state == FileState::Reserved) {
                unit.tx.file_drop(*id)
            } else {
                Ok(())
            }
        })
        .await
    }

    /// A complete file, if the caller may read it: as its owner, as a reader of the message that carries it,
    /// or because the caller can see the user or group whose avatar it is.
    pub async fn file(&self, context: &Context, id: FileId) -> Result<StoredFile> {
        let query = (id, self.user_rules().directory, self.clock().now());
        let act = (BotAct::ReadFile, BotTarget::File(id));
        self.read_by_bots(context, act, query, |tx, caller, (id, directory, now)| {
            readable(tx, caller, *directory, *id, *now)
        })
        .await
    }

    /// Up to `limit` uploads of a user after `after`, in order of id. Incomplete uploads have no file. For
    /// the user itself, and for services and admins.
    pub async fn files_of(
        &self,
        context: &Context,
        owner: Option<Name>,
        after: Option<FileId>,
        limit: usize,
    ) -> Result<Vec<(FileId, Option<StoredFile>)>> {
        self.read(context, (owner, after, limit), |tx, caller, (owner, after, limit)| {
            let owner = match owner {
                Some(name) if governs(tx, caller, Govern::SeeFiles)? => {
                    tx.user_named(name)?.ok_or_else(|| unknown(name, "author"))?
                }
                _ => require_actor(tx, caller, owner.as_ref())?,
            };
            let rows = tx.files_written(owner.id, *after, *limit)?;
            Ok(rows.into_iter().map(|row| (row.id, row.file)).collect())
        })
        .await
    }

    /// The total size of all files in bytes, including reservations.
    pub async fn file_usage(&self) -> Result<u64> {
        self.read(&Context::server(), (), |tx, _, ()| tx.file_usage(None)).await
    }

    /// The files that are not dropped, in order of id.
    pub async fn files_after(&self, after: Option<FileId>, limit: usize) -> Result<Vec<FileRow>> {
        let server = Context::server();
        self.read(&server, (after, limit), |tx, _, (after, limit)| tx.files_after(*after, *limit)).await
    }
}

fn reserve(unit: &mut Unit, command: &ReserveFile) -> Result<Reservation> {
    let owner = require_actor(unit.tx, unit.caller, command.author.as_ref())?.id;
    admit_count(unit, owner)?;
    admit(unit, owner, command.size)?;
    let time = if command.resumable { FILE_TTL } else { PLAIN_UPLOAD_TTL };
    let reservation = Reservation {
        id: FileId::new(&*unit.rules.clock),
        owner,
        name: command.name.clone(),
        size: command.size,
        expires: unit.now().plus(time),
    };
    unit.tx.file_reserve(&reservation)?;
    Ok(reservation)
}

/// Refuses another file if the user already has as many as the limit allows. Without this limit, empty files
/// could fill the table.
fn admit_count(unit: &Unit, owner: UserId) -> Result<()> {
    let most = unit.rules.limits.files.per_user_count;
    if unit.tx.file_count(owner)? < most {
        return Ok(());
    }
    let why = format!("you would have more than {most} files (files.per_user_count): delete some first");
    Err(Error::TooLarge(why))
}

/// Refuses `more` further bytes if the quotas do not allow them.
fn admit(unit: &Unit, owner: UserId, more: u64) -> Result<()> {
    let limits = &unit.rules.limits.files;
    let exceeds = |used: u64, most: u64| used.saturating_add(more) > most;
    if exceeds(unit.tx.file_usage(Some(owner))?, limits.per_user) {
        let why = format!(
            "your files would have more than {} bytes together (files.per_user): delete some first",
            limits.per_user
        );
        return Err(Error::TooLarge(why));
    }
    match limits.total {
        Some(total) if exceeds(unit.tx.file_usage(None)?, total) => {
            let why = format!("all files would have more than {total} bytes together (files.total)");
            Err(Error::TooLarge(why))
        }
        _ => Ok(()),
    }
}

fn complete(unit: &mut Unit, command: &CompleteFile) -> Result<StoredFile> {
    let CompleteFile { id, attempt, media_type, size, dimensions, thumbnail, thumbnail_size } =
        command.clone();
    let row = unit.tx.file(id)?.ok_or(MISSING)?;
    if let Some(file) = row.file {
        return Ok(file);
    }
    unit.rules.limits.files.admit_type(&media_type)?;
    let counted = size + thumbnail_size;
    if counted > row.size {
        admit(unit, row.owner, counted - row.size)?;
    }
    let file = StoredFile { id, attempt, name: row.name, media_type, size, dimensions, thumbnail, alt: None };
    let expires = unit.now().plus(FILE_TTL);
    unit.tx.file_complete(&file, counted, expires)?;
    Ok(file)
}

/// A file of the caller. A service may use the files of all users.
fn owned_file(tx: &dyn Tx, caller: Caller, id: FileId) -> Result<FileRow> {
    let user = actor(tx, caller, None)?;
    let row = tx.file(id)?.ok_or(MISSING)?;
    match user {
        Some(user) if user.id != row.owner => Err(MISSING),
        _ => Ok(row),
    }
}

fn own_reservation(tx: &dyn Tx, caller: Caller, id: FileId) -> Result<Reservation> {
    match owned_file(tx, caller, id)? {
        FileRow { id, owner, state: FileState::Reserved, name, size, expires: Some(expires), .. } => {
            Ok(Reservation { id, owner, name, size, expires })
        }
        _ => Err(MISSING),
    }
}

fn readable(tx: &dyn Tx, caller: Caller, directory: Directory, id: FileId, now: Date) -> Result<StoredFile> {
    let user = actor(tx, caller, None)?;
    let row = tx.file(id)?.ok_or(MISSING)?;
    let is_owner = user.is_none_or(|user| user.id == row.owner);
    let is_readable = match (row.state, row.group) {
        (FileState::Stored, _) => is_owner,
        // The owner may read the file even after leaving the group.
        (FileState::Attached, Some(group)) if is_owner => tx.group(group)?.is_some(),
        (FileState::Attached, Some(group)) => visible(tx, caller, group).is_ok(),
        (FileState::Avatar, _) => is_shown(tx, caller, directory, &row, now)?,
        _ => false,
    };
    row.file.filter(|_| is_readable).ok_or(MISSING)
}

/// The files to attach to a message. Each one must be an unused upload of the author.
pub(super) fn attachable(unit: &Unit, author: UserId, list: &AttachmentList) -> Result<Vec<StoredFile>> {
    let find = |Attachment { id, alt }: &Attachment| {
        let row = unit.tx.file(*id)?.filter(|row| row.owner == author);
        let Some(row) = row else { return Err(unusable(*id, "is not a file that the author uploaded")) };
        match (row.state, row.file) {
            (FileState::Stored, Some(file)) => Ok(StoredFile { alt: alt.clone(), ..file }),
            (FileState::Reserved, _) => Err(unusable(*id, "is not complete")),
            _ => Err(unusable(*id, "is already in use: upload the file again")),
        }
    };
    list.files().iter().map(find).collect()
}

fn unusable(id: FileId, why: &str) -> Error {
    Error::field("attachments", format!("must name unused files of the author: {id} {why}"))
}

/// Attaches these files to a stored message.
pub(super) fn attach(unit: &mut Unit, files: &[StoredFile], group: GroupId, message: Seq) -> Result<()> {
    unit.tx.files_attach(files, group, message)
}
