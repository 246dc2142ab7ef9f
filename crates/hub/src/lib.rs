//! The hub: connected sockets, the delivery of events to them, and presence.
//!
//! The hub moves encoded frames. It knows nothing of HTTP, JSON or WebSocket framing, and is given an
//! [`Encode`] that makes the frames. The [`bus`] gives committed events to one dispatcher, which
//! delivers them in that order. An event is encoded at most once and shared by reference count.
//! Everything is bounded: a socket that does not keep up is closed, and nobody waits for it.
//!
//! A socket's life: [`Hub::register`], then [`Hub::subscribe`], which reads the snapshot from the
//! store, then [`Hub::go_live`]. Events are held in between, and each reaches the socket exactly once,
//! in the snapshot or after it.
//!
//! Locks are taken in one order, a group's before a user's before a socket's queue, and none is
//! held over an `.await`.

mod batch;
mod budget;
pub mod bus;
mod catch_up;
mod cluster;
mod connect;
mod counts;
mod deliver;
mod dispatcher;
mod drain;
mod entry;
mod flush;
mod group;
mod hub;
mod options;
mod pages;
mod presence;
mod queue;
mod replication;
mod shards;
mod socket;
mod timer;
mod typing;
mod user;

use bytes::Bytes;
use chinwag_core::event::Event;
use chinwag_core::presence::Status;
use chinwag_core::relation::Relations;
use chinwag_core::{Name, UserId};

pub use connect::{Connection, Heads, Identity, Memberships, RegisterError, Snapshot};
pub use counts::Counts;
pub use hub::Hub;
pub use options::{Nodes, Options};
pub use socket::{Close, Sink, Socket, TakeOutcome};

/// The encoding of frames, implemented by the transport.
pub trait Encode: Send + Sync + 'static {
    /// An event's frame; with a `reference`, that for the socket that asked. It is never called with
    /// [`Kind::Ended`](chinwag_core::event::Kind::Ended) and
    /// [`Kind::MemberChanged`](chinwag_core::event::Kind::MemberChanged), which have none.
    fn event(&self, event: &Event, reference: Option<&str>) -> Bytes;

    /// The frame for users to whom the event's group is new: the whole group, where others receive the
    /// change. Without a `receiver` it is for those of whom the event says nothing of their own.
    fn whole(&self, event: &Event, _receiver: Option<UserId>, reference: Option<&str>) -> Bytes {
        self.event(event, reference)
    }

    /// A user's relations and the status of its contacts, for when events without a number may have been
    /// lost.
    fn contacts(&self, _relations: &Relations, _presence: &[(Name, Status)]) -> Vec<Bytes> {
        Vec::new()
    }

    fn ping(&self) -> Bytes;
}
