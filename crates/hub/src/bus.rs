//! Buses: how committed events come to this process's dispatcher. One file for each kind.

mod local;

use chinwag_core::event::Event;
use tokio::sync::mpsc;

pub use local::LocalBus;

/// Where a bus delivers: the dispatcher's end. Events of one commit come together, commits in
/// their order; what was never stored comes beside them, in its own order.
#[derive(Debug)]
pub struct Receiver {
    committed: mpsc::Receiver<Vec<Event>>,
    ephemeral: mpsc::Receiver<Vec<Event>>,
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
}
