//! Buses: they carry events to this process's dispatcher, and hints to other nodes. One file per kind.

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

/// The receiving end of a bus. It yields the events of one commit together, and commits in order. Ephemeral
/// events, which are never stored, have a lane of their own and keep their order there.
#[derive(Debug)]
pub struct Receiver {
    pub(crate) committed: mpsc::Receiver<Vec<Event>>,
    ephemeral: mpsc::Receiver<Vec<Event>>,
    pub(crate) others: Option<Others>,
}

/// The link to the other nodes, and the events that it reports.
#[derive(Debug)]
pub(crate) struct Others {
    pub(crate) link: Arc<dyn Link>,
    pub(crate) events: mpsc::Receiver<LinkEvent>,
}

impl Receiver {
    /// The next events, or `None` once the bus is closed and everything has been received. Cancel safe.
    /// Neither lane starves the other.
    pub async fn recv(&mut self) -> Option<Vec<Event>> {
        tokio::select! {
            Some(events) = self.committed.recv() => Some(events),
            Some(events) = self.ephemeral.recv() => Some(events),
            else => None,
        }
    }

    /// Adds a link to the other nodes.
    #[must_use]
    pub fn among(self, link: Arc<dyn Link>, events: mpsc::Receiver<LinkEvent>) -> Self {
        Self { others: Some(Others { link, events }), ..self }
    }

    /// For a single node whose store may lose the outcome of a commit, so that the bus may lack events: adds
    /// a link without peers, which makes the node audit its deliveries against the store as a node in a
    /// cluster does.
    #[must_use]
    pub fn compared(self) -> Self {
        let (link, events) = alone::no_link();
        self.among(link, events)
    }
}
