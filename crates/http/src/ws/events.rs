//! The client events, a noun a file, in the order of the protocol's table.

mod contact;
mod group;
mod message;
mod status;
mod sync;
mod typing;

use super::client_event::ClientEventEntry;

/// Every event that a client may send. A new one is a type in the file of its noun, and a line here.
pub static CLIENT_EVENTS: &[ClientEventEntry] = &[
    ClientEventEntry::of::<message::MessageText>(),
    ClientEventEntry::of::<message::MessageFirst>(),
    ClientEventEntry::of::<message::MessageFetch>(),
    ClientEventEntry::of::<message::MessageRead>(),
    ClientEventEntry::of::<message::MessageUpdate>(),
    ClientEventEntry::of::<message::MessageDelete>(),
    ClientEventEntry::of::<status::StatusUpdate>(),
    ClientEventEntry::of::<contact::ContactUpdate>(),
    ClientEventEntry::of::<group::GroupCreate>(),
    ClientEventEntry::of::<group::GroupUpdate>(),
    ClientEventEntry::of::<group::GroupQuit>(),
    ClientEventEntry::of::<group::GroupAccept>(),
    ClientEventEntry::of::<group::GroupDelete>(),
    ClientEventEntry::of::<typing::TypingStart>(),
    ClientEventEntry::of::<typing::TypingStop>(),
    ClientEventEntry::of::<sync::SyncResume>(),
];

/// The event of this name.
pub(super) fn find(name: &str) -> Option<&'static ClientEventEntry> {
    CLIENT_EVENTS.iter().find(|event| event.name == name)
}
