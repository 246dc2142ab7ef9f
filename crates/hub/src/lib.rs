//! Who is connected, what each socket is sent, presence, and what happens to one who reads too
//! slowly.
//!
//! Nothing here knows of HTTP, JSON or WebSocket framing: the hub moves ready frames, and is
//! handed an [`Encode`] that makes them. Committed events come from the [`bus`] to one
//! dispatcher, which delivers them in that order; an event is encoded at most once and shared by
//! reference count. Everything is bounded: a socket that does not keep up is closed, and nobody
//! waits for it.
//!
//! A socket's life: [`Hub::register`], then [`Hub::subscribe`], which reads the snapshot from the
//! store, then [`Hub::go_live`]; what happens meanwhile is held, and each event reaches the socket
//! exactly once, in the snapshot or after it.
//!
//! Locks are taken in one order, a group's before a user's before a socket's queue, and none is
//! held over an `.await`.

mod budget;
pub mod bus;
mod cluster;
mod connect;
mod counts;
mod dispatch;
mod drain;
mod floors;
mod flush;
mod group;
mod hub;
mod options;
mod pages;
mod presence;
mod queue;
mod run;
mod shards;
mod snapshot;
mod socket;
mod timer;
mod typing;
mod user;

use bytes::Bytes;
use chinwag_core::Name;
use chinwag_core::event::Event;
use chinwag_core::presence::Status;
use chinwag_core::relation::Relations;

pub use connect::{Connection, Identity, Numbers, Refused, Shown};
pub use counts::Counts;
pub use hub::Hub;
pub use options::{Nodes, Options};
pub use socket::{Close, Sink, Socket, Taken};

/// Makes ready frames: passed in by whoever knows the wire.
pub trait Encode: Send + Sync + 'static {
    /// The frame that tells of `event`; with a `reference`, the copy of the socket that asked.
    /// Never called with [`Kind::Ended`](chinwag_core::event::Kind::Ended) and
    /// [`Kind::MemberChanged`](chinwag_core::event::Kind::MemberChanged), which nobody is sent.
    fn event(&self, event: &Event, reference: Option<&str>) -> Bytes;

    /// The same for those to whom the event's group is new: the whole group, where others are sent
    /// its change.
    fn whole(&self, event: &Event, reference: Option<&str>) -> Bytes {
        self.event(event, reference)
    }

    /// The frames that tell a user anew of its relations, and of its contacts' presence: for after
    /// events that have no number may have been lost.
    fn contacts(&self, _relations: &Relations, _presence: &[(Name, Status)]) -> Vec<Bytes> {
        Vec::new()
    }

    /// A ping.
    fn ping(&self) -> Bytes;
}
