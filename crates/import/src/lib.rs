//! Exports of other chat services, read into one form: the ZIP of a Slack workspace, and Mattermost's bulk export.
//!
//! An export is read to its end before anything is done with it, so that a broken one is refused as a whole, with the
//! place where it is broken. Users and groups are kept in memory, messages in a temporary file, from which they come
//! in the order of their groups and dates. Nothing in an export is relied on: its archive may be a ZIP bomb, its paths
//! may lead elsewhere, and its ids may name nothing.
//!
//! The objects of an export are given to the use cases of `chinwag_core::app::import`. Their ids are hashes of the ids
//! that they had, so that a second run finds what the first has taken.

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

/// Reads an export of a service. `folder` is where temporary files are made.
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
