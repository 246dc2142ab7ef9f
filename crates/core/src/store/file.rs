//! Files, as a store keeps them: a row for each, and their number and the sum of their sizes for each user. Their bytes are in a
//! [`FileStore`](crate::file_store::FileStore).
//!
//! **Atomicity.** A row and the sums change together. **Order.** A file is reserved, then stored, then attached or
//! made an avatar, and dropped from any of these. **Loss.** A dropped file is not read, and its row stays until its bytes are gone.
//! **Bound.** Each drop takes a bounded number of rows.

use crate::file::{FileName, Reservation, StoredFile};
use crate::{Date, FileId, GroupId, Result, Seq, UserId};

/// The state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Its bytes are not complete.
    Reserved,
    /// It is complete.
    Stored,
    /// A message carries it.
    Attached,
    /// Its bytes are to be removed.
    Dropped,
    /// It is the avatar of the user who uploaded it, or of a group.
    Avatar,
}

/// A file that was not dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    pub id: FileId,
    /// The user who uploaded it.
    pub owner: UserId,
    pub state: FileState,
    pub name: FileName,
    /// The bytes that count in the sums: those that are reserved, and then those of the file and its thumbnail.
    pub size: u64,
    /// The date after which it is dropped, unless it is attached or an avatar.
    pub expires: Option<Date>,
    /// The file, if it is complete.
    pub file: Option<StoredFile>,
    /// The group of the message that carries it, if that message stands; or the group whose avatar it is.
    pub group: Option<GroupId>,
}

/// Files, in a transaction.
pub trait Files {
    /// A file that was not dropped.
    fn file(&self, id: FileId) -> Result<Option<FileRow>>;

    /// Files that were not dropped, in order of their ids, those after `after`.
    fn files_after(&self, after: Option<FileId>, limit: usize) -> Result<Vec<FileRow>>;

    /// The sum of the sizes of a user's files that were not dropped; without a user, of all files.
    fn file_usage(&self, owner: Option<UserId>) -> Result<u64>;

    /// The number of a user's files that were not dropped.
    fn file_count(&self, owner: UserId) -> Result<u64>;

    /// Keeps a reservation.
    fn file_reserve(&mut self, reservation: &Reservation) -> Result<()>;

    /// Gives a file that is not attached another date at which it expires.
    fn file_extend(&mut self, id: FileId, expires: Date) -> Result<()>;

    /// Completes a reserved file. These bytes count instead of the reserved ones.
    fn file_complete(&mut self, file: &StoredFile, counted: u64, expires: Date) -> Result<()>;

    /// Attaches stored files to the message with this number, with their alternative texts. They no longer expire.
    fn files_attach(&mut self, files: &[StoredFile], group: GroupId, message: Seq) -> Result<()>;

    /// Makes a stored file the avatar of its owner, or of a group. It no longer expires.
    fn file_show(&mut self, id: FileId, group: Option<GroupId>) -> Result<()>;

    /// A user's files that are avatars of groups, at most `limit`, with those groups.
    fn avatars_of_groups(&self, owner: UserId, limit: usize) -> Result<Vec<(FileId, GroupId)>>;

    /// Drops a file.
    fn file_drop(&mut self, id: FileId) -> Result<()>;

    /// Drops the files of erased messages, at most [`DELETED_TOGETHER`](crate::limits::DELETED_TOGETHER) messages.
    fn files_drop_of_messages(&mut self, group: GroupId, messages: &[Seq]) -> Result<()>;

    /// Drops files of a deleted group and its avatar, at most `limit`; answers how many.
    fn files_drop_of_group(&mut self, group: GroupId, limit: usize) -> Result<usize>;

    /// Drops files of a deleted user, at most `limit`; answers how many. With the last, its sum is forgotten.
    fn files_drop_of_user(&mut self, user: UserId, limit: usize) -> Result<usize>;

    /// Whether a file is dropped, or has expired at `now`.
    fn files_are_due(&self, now: Date) -> Result<bool>;

    /// Drops files that have expired at `now`, at most `limit`.
    fn files_expire(&mut self, now: Date, limit: usize) -> Result<()>;

    /// Dropped files whose removal is due at `now`, at most `limit`: first those that were not tried yet, then those that
    /// have waited longest.
    fn files_dropped(&self, now: Date, limit: usize) -> Result<Vec<FileId>>;

    /// Lets dropped files whose bytes could not be removed wait until a date.
    fn files_postpone(&mut self, ids: &[FileId], until: Date) -> Result<()>;

    /// Those of the ids that have no row, not even of a dropped file, in any order.
    fn files_unknown(&self, ids: &[FileId]) -> Result<Vec<FileId>>;

    /// Forgets dropped files whose bytes are gone.
    fn files_forget(&mut self, ids: &[FileId]) -> Result<()>;
}
