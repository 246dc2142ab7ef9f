//! Avatars that are uploaded images: which files may become avatars, who may read them, and how they are
//! replaced.

use std::sync::Arc;

use super::Unit;
use super::actor::visible;
use super::directory::find;
use super::work::StepLimits;
use crate::entry::Change;
use crate::group_details::{DetailKey, GroupDetails};
use crate::limits::Directory;
use crate::profile::Avatar;
use crate::store::{FileRow, FileState, Tx};
use crate::user::Caller;
use crate::{Date, Error, FileId, GroupId, Result, UserId};

/// The owner of an avatar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AvatarOf {
    User(UserId),
    /// A group, and the user who changes its avatar. None if a service changes it in nobody's name.
    Group(GroupId, Option<UserId>),
}

/// The file of a stored avatar, if it has one.
fn file_of(stored: Option<&Arc<str>>) -> Option<FileId> {
    stored.and_then(|stored| Avatar::stored_file(stored))
}

/// Marks the new avatar's file as shown, and drops the file of the old one.
pub(super) fn replace_avatar(
    unit: &mut Unit,
    of: AvatarOf,
    before: Option<&Arc<str>>,
    after: Option<&Arc<str>>,
) -> Result<()> {
    let (before, after) = (file_of(before), file_of(after));
    if before == after {
        return Ok(());
    }
    if let Some(id) = after {
        let (uploader, group) = match of {
            AvatarOf::User(user) => (Some(user), None),
            AvatarOf::Group(group, by) => (by, Some(group)),
        };
        require_usable(unit, id, uploader)?;
        unit.tx.file_show(id, group)?;
    }
    before.map_or(Ok(()), |id| unit.tx.file_drop(id))
}

fn require_usable(unit: &Unit, id: FileId, uploader: Option<UserId>) -> Result<()> {
    let unusable = |why: &str| {
        Err(Error::field("avatar", format!("must be an unused image that the user uploaded: {id} {why}")))
    };
    let row = unit.tx.file(id)?.filter(|row| uploader.is_none_or(|user| user == row.owner));
    let Some(row) = row else { return unusable("is not a file that the user uploaded") };
    match (row.state, row.file) {
        (FileState::Stored, Some(file)) if file.thumbnail.is_some() => Ok(()),
        (FileState::Stored, _) => unusable("is not an image of a supported type"),
        (FileState::Reserved, _) => unusable("is not complete"),
        _ => unusable("is already in use: upload the image again"),
    }
}

/// Whether the caller may read an avatar: it must be able to see the user or the group. A group with an invite shows
/// its avatar to everybody who has the code. The code is not needed here, since it also shows the file's id, which
/// cannot be guessed.
pub(super) fn is_shown(
    tx: &dyn Tx,
    caller: Caller,
    directory: Directory,
    row: &FileRow,
    now: Date,
) -> Result<bool> {
    // The files of a deleted user will soon be removed.
    let Some(uploader) = tx.user(row.owner)? else { return Ok(false) };
    let Some(group) = row.group else {
        return Ok(find(tx, caller, directory, &uploader.name)?.is_some());
    };
    let Some(found) = tx.group(group)? else { return Ok(false) };
    let is_uploader = caller == Caller::User(row.owner);
    let is_visible = is_uploader || found.details.is_open || visible(tx, caller, group).is_ok();
    Ok(is_visible || !tx.invites(group, now)?.is_empty())
}

impl Unit<'_> {
    /// Removes the avatars of groups whose files a deleted user uploaded. Returns whether all are removed.
    pub(super) fn take_avatars(&mut self, user: UserId, effort: StepLimits) -> Result<bool> {
        let found = self.tx.avatars_of_groups(user, effort.groups)?;
        for (file, group) in &found {
            self.tx.file_drop(*file)?;
            let Some(before) = self.tx.group(*group)?.map(|found| found.details) else { continue };
            if file_of(before.avatar.as_ref()) != Some(*file) {
                continue;
            }
            self.tx.group_details_set(*group, &GroupDetails { avatar: None, ..before })?;
            let entry = self.log_changes(*group, None, vec![Change::Details(vec![DetailKey::Avatar])])?;
            self.group_updated(*group, entry.seq, vec![], vec![], Some(entry))?;
        }
        Ok(found.len() < effort.groups)
    }
}
