//! The port by which committed events reach those who serve sockets.

use std::sync::Arc;

use crate::event::Event;
use crate::rate::Rates;

/// Carries events from where they were committed to where sockets are, on one node or many.
///
/// **Order.** `publish` is called once per commit; of one group in order of commit, of different
/// groups perhaps side by side; a bus may still reorder between nodes. **Loss.** A bus may lose or
/// repeat events between nodes, never within one: whoever sees a gap in a group's `seq` reads the
/// store. **Bound.** `publish` is called by a store's own threads and may block them while the
/// bus's bounded queue is full, so that a slow fan-out slows the writers and nothing grows; it must
/// not be called from an asynchronous task.
pub trait Bus: Send + Sync + 'static {
    /// Hands over the events of one commit, in their order.
    fn publish(&self, events: Vec<Event>);

    /// Hands over events that were never stored (typing, presence): dropped when the bus is
    /// full, and never blocking, so that any task may call it.
    fn publish_ephemeral(&self, events: Vec<Event>);

    /// From now on what is counted here is added to what other nodes count, a moment later. On one node
    /// alone nothing is to be done.
    fn share_rates(&self, _rates: &Arc<Rates>) {}
}
