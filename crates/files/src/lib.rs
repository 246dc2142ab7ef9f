//! The storage of uploaded files on top of the crate `object_store`: in a folder, or in a bucket of S3.
//!
//! While an object is being written, it has a temporary name (in a folder `<key>#<n>`, in a bucket a
//! multipart upload), so that it is never read before it is complete. In a folder it is written, flushed to
//! the disk, and then renamed.

mod copy;
mod fault;
mod folder;
mod folder_lister;
mod folder_reader;
mod key;
mod lister;
mod location;
mod owner;
mod reader;
mod storage;
mod sweep;
mod writer;

pub use copy::{CopyError, copy};
pub use folder::create_folder;
pub use location::{Location, LocationError};
pub use storage::{Options, Storage, StorageError};
