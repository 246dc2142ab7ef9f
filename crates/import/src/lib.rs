//! Reads exports of other chat services into one form: the ZIP of a Slack workspace, and Mattermost's bulk
//! export.
//!
//! An export is read completely before it is used, so that a broken one is refused as a whole, with the
//! position of the error. Users and groups are kept in memory. Messages are kept in a temporary file, from
//! which they are read ordered by group and date. An export is untrusted: its archive may be a ZIP bomb, its
//! paths may lead out of a folder, and its ids may refer to nothing.
//!
//! The objects of an export are passed to the use cases of `chinwag_core::app::import`. Their ids are hashes
//! of the original ids, so that a second run recognises the objects of the first.

mod archive;
mod emoji;
mod error;
mod files;
mod foreign;
mod half;
mod ids;
mod list;
mod mattermost;
mod names;
mod remark;
mod roster;
mod slack;
mod sort;
mod sources;
mod split;

pub use error::BadExport;
pub use files::{FileSource, FoundFile};
pub use foreign::{
    ForeignExport, ForeignFile, ForeignGroup, ForeignMessage, ForeignUser, NextMessage, Service, UserIndex,
};
pub use names::NameTable;
pub use remark::Remarks;
pub use sources::TakenFile;

use std::path::Path;

/// The result of reading an export.
pub type Result<T, E = BadExport> = std::result::Result<T, E>;

/// Reads an export of a service. Temporary files are created in `folder`.
pub fn read(
    service: Service,
    export: &Path,
    folder: &Path,
    remarks: &mut dyn Remarks,
) -> Result<ForeignExport> {
    match service {
        Service::Slack => slack::read(export, folder, remarks),
        Service::Mattermost => mattermost::read(export, folder, remarks),
    }
}
