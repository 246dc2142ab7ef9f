//! Types on the wire that several endpoints or both transports share: data that is serialized to clients, or parsed from
//! them.

pub mod avatar;
pub mod entry;
pub mod events;
pub mod feed;
pub mod fields;
pub mod file;
pub mod frame;
pub mod group_settings;
pub mod input;
pub mod key;
pub mod message;
pub mod object;
pub mod outgoing;
pub mod profile;
pub(crate) mod push;
pub mod report;
pub mod server_event;
pub mod summary;
pub mod text;
