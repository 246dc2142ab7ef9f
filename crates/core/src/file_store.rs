//! The port to the storage of files' bytes: a folder, or a bucket that nodes share.
//!
//! **Atomicity.** An object is visible only when its writer has finished, and then whole; a writer that is dropped
//! leaves nothing to read. **Order.** None: which object belongs to a file, and who may read it, is decided in the
//! store. **Loss.** What is finished survives the loss of power. **Bound.** A writer and a reader hold a few MiB. A
//! storage that is away or slow is [`Error::Unavailable`](crate::Error::Unavailable) within a bounded time, a full disk
//! [`Error::Full`](crate::Error::Full).

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::store::{Answer, Done};
use crate::{Date, FileId};

/// The most objects that are listed together.
pub const LISTED_TOGETHER: usize = 1000;

/// The key of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKey {
    /// The bytes of a file.
    Whole(FileId, Attempt),
    /// Its thumbnail.
    Thumbnail(FileId, Attempt),
    /// A part of an upload that is not complete.
    Part(FileId, PartId),
}

/// The number of the attempt to complete a file that wrote its objects. Nodes may complete an upload at the same time: each
/// writes objects of its own, and the file's row names those that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt(pub u64);

impl Attempt {
    /// That of a file whose bytes come in one request.
    pub const ONLY: Self = Self(0);
}

/// The id of a part of an upload. Parts may overlap, since a client that lost its connection sends again what may
/// still arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartId {
    /// The position of its first byte.
    pub offset: u64,
    /// A number that no other part of this offset has.
    pub number: u64,
}

/// The storage. See the module's documentation for its promises.
pub trait FileStore: Send + Sync + 'static {
    /// Begins to write an object. The last writer of a key to finish replaces what others wrote there.
    fn create(&self, key: FileKey) -> Answer<'_, Box<dyn FileWriter>>;

    /// Reads a range of an object, in pieces. The first is [`Error::NotFound`](crate::Error::NotFound) if there is no
    /// such object.
    fn read(&self, key: FileKey, range: Range<u64>) -> Box<dyn FileReader>;

    /// The size of an object, if there is one.
    fn size(&self, key: FileKey) -> Answer<'_, Option<u64>>;

    /// The parts of an upload with their sizes, ascending.
    fn parts(&self, id: FileId) -> Answer<'_, Vec<(PartId, u64)>>;

    /// Removes the parts of an upload, and the objects of other attempts to complete it. Those that are gone are no error.
    fn remove_except(&self, id: FileId, attempt: Attempt) -> Done<'_>;

    /// Removes everything of a file: its bytes, its thumbnail, its parts. What is gone is no error.
    fn remove(&self, id: FileId) -> Done<'_>;

    /// Lists all objects that are visible, in no order. One that appears or goes meanwhile may be listed or not.
    fn list(&self) -> Box<dyn FileLister>;

    /// An address at which anybody reads an object for a while, if the storage makes such addresses.
    fn presign<'a>(
        &'a self,
        key: FileKey,
        headers: PresignedHeaders<'a>,
        ttl: Duration,
    ) -> Answer<'a, Option<String>>;
}

/// The headers of the answer at a presigned address.
#[derive(Debug, Clone, Copy)]
pub struct PresignedHeaders<'a> {
    pub content_type: &'a str,
    pub content_disposition: &'a str,
}

/// An object that is being written.
pub trait FileWriter: Send {
    /// Appends bytes.
    fn write(&mut self, bytes: Bytes) -> Done<'_>;

    /// Makes the object visible.
    fn finish(self: Box<Self>) -> Done<'static>;
}

/// An object that is being read.
pub trait FileReader: Send {
    /// The next bytes, at least one and at most `most`, or `None` at the end of the range. They hold no others in memory.
    fn next(&mut self, most: usize) -> Answer<'_, Option<Bytes>>;

    /// The next bytes, at least one and at most `most`, where they are in a file of this machine: the system has read
    /// them into its memory. `None` at the end of the range, and always if the storage has no such files.
    fn next_span(&mut self, _most: usize) -> Answer<'_, Option<FileSpan>> {
        Box::pin(async { Ok(None) })
    }
}

/// Neighbouring bytes of an open file, which is at least as long as they reach.
#[derive(Debug, Clone)]
pub struct FileSpan {
    pub file: Arc<File>,
    pub range: Range<u64>,
}

/// The objects of a storage, being listed.
pub trait FileLister: Send {
    /// The next objects, at most [`LISTED_TOGETHER`]; none at the end.
    fn next(&mut self) -> Answer<'_, Vec<ListedObject>>;
}

/// An object as it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedObject {
    pub key: FileKey,
    /// Its length in bytes.
    pub size: u64,
    /// The date at which it was written, by the storage's clock.
    pub written: Date,
}

impl FileKey {
    /// The file to which the object belongs.
    pub fn file(self) -> FileId {
        match self {
            Self::Whole(id, _) | Self::Thumbnail(id, _) | Self::Part(id, _) => id,
        }
    }
}
