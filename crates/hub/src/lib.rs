//! The hub: connected sockets, the delivery of events to them, and presence.
//!
//! The hub moves encoded frames. It does not depend on HTTP, JSON or WebSocket framing; an [`Encode`] makes
//! the frames. The [`bus`] passes committed events to one dispatcher, which delivers them in order. An event
//! is encoded at most once and shared by reference count. Every queue is bounded: a slow socket is closed,
//! and never delays others.
//!
//! Lifecycle of a socket: [`Hub::register`], then [`Hub::subscribe`], which reads the snapshot from the
//! store, then [`Hub::go_live`]. Events that arrive in between are held. Each event reaches the socket
//! exactly once, either in the snapshot or after it.
//!
//! Lock order: a group, then a user, then a socket's queue. No lock is held across an `.await`.

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
mod tasks;
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
    /// The frame of an event. With a `reference`, the frame for the socket that sent the request. Never
    /// called for [`Kind::Ended`](chinwag_core::event::Kind::Ended) and
    /// [`Kind::MemberChanged`](chinwag_core::event::Kind::MemberChanged), which have no frame.
    fn event(&self, event: &Event, reference: Option<&str>) -> Bytes;

    /// The frame for users to whom the event's group is new: it contains the whole group, while other users
    /// receive only the change. The frame with `receiver` set also has that user's own values, such as its
    /// mentions; the frame without a `receiver` has none.
    fn whole(&self, event: &Event, _receiver: Option<UserId>, reference: Option<&str>) -> Bytes {
        self.event(event, reference)
    }

    /// A user's relations and the status of its contacts. Sent when events without a number may have been
    /// lost.
    fn contacts(&self, _relations: &Relations, _presence: &[(Name, Status)]) -> Vec<Bytes> {
        Vec::new()
    }

    fn ping(&self) -> Bytes;
}
