//! The port to the storage of file contents: a folder, or a bucket that all nodes share.
//!
//! **Atomicity.** An object becomes visible only when its writer finishes, and then completely. A dropped
//! writer leaves nothing visible. **Order.** None. The [store](crate::store) decides which object belongs to a
//! file and who may read it. **Loss.** A finished object survives a power failure. **Bound.** A writer or reader uses
//! a few MiB of memory. If the storage is unreachable or slow, calls fail with
//! [`Error::Unavailable`](crate::Error::Unavailable) within a bounded time; if its disk is full, with
//! [`Error::Full`](crate::Error::Full).

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::store::{Answer, Done};
use crate::{Date, FileId};

/// The most objects in one page of a listing.
pub const LISTED_TOGETHER: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKey {
    /// The content of a file.
    Whole(FileId, Attempt),
    /// The thumbnail of a file.
    Thumbnail(FileId, Attempt),
    /// A part of an incomplete upload.
    Part(FileId, PartId),
}

/// The number of an attempt to complete an upload. Several nodes may complete the same upload concurrently:
/// each attempt writes its own objects, and the file's row names the attempt that won.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt(pub u64);

impl Attempt {
    /// The attempt of a file that is uploaded in a single request.
    pub const ONLY: Self = Self(0);
}

/// The id of a part of an upload. Parts may overlap: a client that loses its connection sends bytes again
/// that may still arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartId {
    /// The position of the part's first byte in the file.
    pub offset: u64,
    /// Distinguishes parts that begin at the same offset.
    pub number: u64,
}

/// The storage. The module's documentation states its guarantees.
pub trait FileStore: Send + Sync + 'static {
    /// Begins to write an object. If several writers of one key finish, the last one wins.
    fn create(&self, key: FileKey) -> Answer<'_, Box<dyn FileWriter>>;

    /// Reads a range of an object in pieces. If the object does not exist, the first call of `next` fails
    /// with [`Error::NotFound`](crate::Error::NotFound).
    fn read(&self, key: FileKey, range: Range<u64>) -> Box<dyn FileReader>;

    /// The size of an object in bytes. None if it does not exist.
    fn size(&self, key: FileKey) -> Answer<'_, Option<u64>>;

    /// The parts of an upload with their sizes, in ascending order.
    fn parts(&self, id: FileId) -> Answer<'_, Vec<(PartId, u64)>>;

    /// Removes the parts of an upload, and the objects of all other attempts to complete it. Missing objects
    /// are not an error.
    fn remove_except(&self, id: FileId, attempt: Attempt) -> Done<'_>;

    /// Removes all objects of a file: content, thumbnail and parts. Missing objects are not an error.
    fn remove(&self, id: FileId) -> Done<'_>;

    /// Lists all visible objects, in no particular order. An object that appears or disappears meanwhile may
    /// or may not be listed.
    fn list(&self) -> Box<dyn FileLister>;

    /// An address at which anybody can read the object until `ttl` has passed. None if the storage has no
    /// such addresses.
    fn presign<'a>(
        &'a self,
        key: FileKey,
        headers: PresignedHeaders<'a>,
        ttl: Duration,
    ) -> Answer<'a, Option<String>>;
}

/// The response headers of a presigned address.
#[derive(Debug, Clone, Copy)]
pub struct PresignedHeaders<'a> {
    pub content_type: &'a str,
    pub content_disposition: &'a str,
}

pub trait FileWriter: Send {
    /// Appends bytes.
    fn write(&mut self, bytes: Bytes) -> Done<'_>;

    /// Makes the object visible.
    fn finish(self: Box<Self>) -> Done<'static>;
}

pub trait FileReader: Send {
    /// Returns the next bytes, between 1 and `most`, or `None` at the end of the range. The buffer holds no
    /// other bytes in memory.
    fn next(&mut self, most: usize) -> Answer<'_, Option<Bytes>>;

    /// Returns the next bytes, between 1 and `most`, as a span of a local file that the operating system has
    /// already read into its page cache. `None` at the end of the range, and always if the storage has no
    /// local files.
    fn next_span(&mut self, _most: usize) -> Answer<'_, Option<FileSpan>> {
        Box::pin(async { Ok(None) })
    }
}

/// A contiguous span of an open file. The file is at least as long as the end of the span.
#[derive(Debug, Clone)]
pub struct FileSpan {
    pub file: Arc<File>,
    pub range: Range<u64>,
}

/// A listing of the storage.
pub trait FileLister: Send {
    /// The next objects, at most [`LISTED_TOGETHER`]. Empty at the end.
    fn next(&mut self) -> Answer<'_, Vec<ListedObject>>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedObject {
    pub key: FileKey,
    /// In bytes.
    pub size: u64,
    /// The time of writing, by the storage's clock.
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
