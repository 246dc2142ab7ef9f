//! Buses: how events come to this process's dispatcher, and hints go to other nodes. One file for
//! each kind.

mod alone;
pub mod link;
mod local;
mod redis;

use std::sync::Arc;

use chinwag_core::event::Event;
use tokio::sync::mpsc;

pub use local::LocalBus;
pub use redis::{ConnectError, RedisBus, RedisOptions};

use link::{Link, LinkEvent};

/// Where a bus delivers: the dispatcher's end. Events of one commit come together, commits in
/// their order; what was never stored comes beside them, in its own order.
#[derive(Debug)]
pub struct Receiver {
    pub(crate) committed: mpsc::Receiver<Vec<Event>>,
    ephemeral: mpsc::Receiver<Vec<Event>>,
    pub(crate) others: Option<Others>,
}

/// The other nodes: what is said to them, and what they say.
#[derive(Debug)]
pub(crate) struct Others {
    pub(crate) link: Arc<dyn Link>,
    pub(crate) events: mpsc::Receiver<LinkEvent>,
}

impl Receiver {
    /// The next events, or none once the bus is gone and everything has been received.
    /// Cancel safe. Neither lane starves the other.
    pub async fn recv(&mut self) -> Option<Vec<Event>> {
        tokio::select! {
            Some(events) = self.committed.recv() => Some(events),
            Some(events) = self.ephemeral.recv() => Some(events),
            else => None,
        }
    }

    /// The same, of a node among others.
    #[must_use]
    pub fn among(self, link: Arc<dyn Link>, events: mpsc::Receiver<LinkEvent>) -> Self {
        Self { others: Some(Others { link, events }), ..self }
    }

    /// The same, of a node alone over a store that may never hear what became of a commit, whose events the bus
    /// then lacks: as a node among others it compares what it has delivered with the store.
    #[must_use]
    pub fn compared(self) -> Self {
        let (link, events) = alone::no_link();
        self.among(link, events)
    }
}
