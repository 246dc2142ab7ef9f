//! The storage of uploaded files, on the crate `object_store`: a folder, or a bucket of S3.
//!
//! An object that is being written has a name of its own (in a folder `<key>#<n>`, in a bucket a multipart upload), so
//! that nobody reads it before it is whole. In a folder it is written, synchronised to the disk, and renamed.

mod copy;
mod fault;
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
pub use location::{Location, LocationError};
pub use storage::{Options, Storage, StorageError};
