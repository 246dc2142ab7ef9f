//! Files in the store: one row per file, and the number and total size of the files per user. A
//! [`FileStore`](crate::file_store::FileStore) keeps their content.
//!
//! **Atomicity.** A row and the totals change together. **Order.** A file is first reserved, then stored,
//! then attached or made an avatar, and can be dropped from each of these states. **Loss.** Dropped files are
//! not read; their rows stay until their objects are removed. **Bound.** Each call that drops files changes a
//! bounded number of rows.

use crate::file::{FileName, Reservation, StoredFile};
use crate::{Date, FileId, GroupId, Result, Seq, UserId};

/// The state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// The content is incomplete.
    Reserved,
    /// The content is complete, and the file is not used yet.
    Stored,
    /// A message carries it.
    Attached,
    /// The objects are to be removed.
    Dropped,
    /// The file is the avatar of its owner or of a group.
    Avatar,
}

/// A file that is not dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    pub id: FileId,
    /// The user who uploaded the file.
    pub owner: UserId,
    pub state: FileState,
    pub name: FileName,
    /// The bytes that count towards the quotas: those of the reservation, and later those of the file and its
    /// thumbnail.
    pub size: u64,
    /// The date after which the file is dropped. Has no effect on attached files and avatars.
    pub expires: Option<Date>,
    /// None while the content is incomplete.
    pub file: Option<StoredFile>,
    /// The group of the message that carries the file, if that message exists; or the group whose avatar the
    /// file is.
    pub group: Option<GroupId>,
}

/// Files, in a transaction.
pub trait Files {
    /// The file, unless it is dropped.
    fn file(&self, id: FileId) -> Result<Option<FileRow>>;

    /// The files after `after` that are not dropped, in order of id.
    fn files_after(&self, after: Option<FileId>, limit: usize) -> Result<Vec<FileRow>>;

    /// The total size of a user's files that are not dropped, or of all users' files.
    fn file_usage(&self, owner: Option<UserId>) -> Result<u64>;

    /// The number of a user's files that are not dropped.
    fn file_count(&self, owner: UserId) -> Result<u64>;

    /// Stores a reservation.
    fn file_reserve(&mut self, reservation: &Reservation) -> Result<()>;

    /// Sets the expiry date of a file that is not attached.
    fn file_extend(&mut self, id: FileId, expires: Date) -> Result<()>;

    /// Completes a reserved file. From now on, `counted` bytes count towards the quotas instead of the
    /// reservation.
    fn file_complete(&mut self, file: &StoredFile, counted: u64, expires: Date) -> Result<()>;

    /// Attaches stored files to the message with this number, and sets their alternative texts. They no
    /// longer expire.
    fn files_attach(&mut self, files: &[StoredFile], group: GroupId, message: Seq) -> Result<()>;

    /// Makes a stored file the avatar of its owner, or of a group. It no longer expires.
    fn file_show(&mut self, id: FileId, group: Option<GroupId>) -> Result<()>;

    /// At most `limit` files of a user that are avatars of groups, with these groups.
    fn avatars_of_groups(&self, owner: UserId, limit: usize) -> Result<Vec<(FileId, GroupId)>>;

    fn file_drop(&mut self, id: FileId) -> Result<()>;

    /// Drops the files of erased messages. At most [`MAX_DELETED_PER_ENTRY`](crate::limits::MAX_DELETED_PER_ENTRY)
    /// messages per call.
    fn files_drop_of_messages(&mut self, group: GroupId, messages: &[Seq]) -> Result<()>;

    /// Drops at most `limit` files of a deleted group, including its avatar. Returns their number.
    fn files_drop_of_group(&mut self, group: GroupId, limit: usize) -> Result<usize>;

    /// Drops at most `limit` files of a deleted user. Returns their number. The user's totals are deleted
    /// with the last file.
    fn files_drop_of_user(&mut self, user: UserId, limit: usize) -> Result<usize>;

    /// Whether there is a dropped file whose removal is due, or a file that has expired at `now`.
    fn files_are_due(&self, now: Date) -> Result<bool>;

    /// Drops at most `limit` files that have expired at `now`.
    fn files_expire(&mut self, now: Date, limit: usize) -> Result<()>;

    /// At most `limit` dropped files whose removal is due at `now`: first those that were never attempted,
    /// then those that have waited longest, then those that are due later than any file
    /// [lives](crate::file::FILE_TTL), which happens after a clock was set back.
    fn files_dropped(&self, now: Date, limit: usize) -> Result<Vec<FileId>>;

    /// Postpones the removal of dropped files until a date. For files whose objects could not be removed.
    fn files_postpone(&mut self, ids: &[FileId], until: Date) -> Result<()>;

    /// The ids that have no row, not even a dropped one, in any order.
    fn files_unknown(&self, ids: &[FileId]) -> Result<Vec<FileId>>;

    /// Deletes the rows of dropped files whose objects are removed.
    fn files_forget(&mut self, ids: &[FileId]) -> Result<()>;
}
