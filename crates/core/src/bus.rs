//! The port that carries committed events to the hub.

use std::sync::Arc;

use crate::event::Event;
use crate::rate::Rates;

/// Carries events from the store that commits them to the hubs with the sockets, on one node or many.
///
/// **Order.** The store calls `publish` once per commit: for one group in the order of commits, for different
/// groups possibly concurrently. A bus may reorder events between nodes. **Loss.** A bus may lose or repeat
/// events between nodes, never within one. A receiver that sees a gap in a group's `seq` reads the store.
/// **Bound.** The store's own threads call `publish`. It may block them while the bounded queue of the bus is
/// full, so that a slow fan-out slows the writers and no memory grows. It must not be called from an
/// asynchronous task.
pub trait Bus: Send + Sync + 'static {
    /// Publishes the events of one commit, in their order.
    fn publish(&self, events: Vec<Event>);

    /// Publishes events that are never stored (typing, presence). Never blocks: drops the events if the bus
    /// is full. Any task may call it.
    fn publish_ephemeral(&self, events: Vec<Event>);

    /// Adds this node's counts to those of the other nodes from now on, a moment later. A single node does
    /// nothing.
    fn share_rates(&self, _rates: &Arc<Rates>) {}
}
