//! The port that carries committed events to the hub.

use std::sync::Arc;

use crate::event::Event;
use crate::rate::Rates;

/// Carries events from the store that commits them to the hubs that hold the sockets, on one node or many.
///
/// **Order.** The store calls `publish` once per commit: for one group in the order of commits, for different
/// groups possibly concurrently. A bus may reorder events between nodes. **Loss.** A bus may lose or repeat
/// events between nodes, never within one node. A receiver that finds a gap in a group's `seq` fetches from
/// the store. **Bound.** The store's own threads call `publish`. It may block them while the bus's bounded
/// queue is full: a slow fan-out then slows the writers instead of growing memory. Never call it from an
/// asynchronous task.
pub trait Bus: Send + Sync + 'static {
    /// Publishes the events of one commit, in their order.
    fn publish(&self, events: Vec<Event>);

    /// Publishes events that are never stored (typing, presence). Never blocks: when the bus is full, the
    /// events are dropped. Safe to call from any task.
    fn publish_ephemeral(&self, events: Vec<Event>);

    /// Starts to exchange rate limit counts with the other nodes, with a short delay. Does nothing on a
    /// single node.
    fn share_rates(&self, _rates: &Arc<Rates>) {}
}
