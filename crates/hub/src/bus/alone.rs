//! The link of a single node, which has no peers.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::link::{Channel, ChannelFilter, Hint, Link, LinkEvent, LinkFigures, NodeId};

/// Drops all hints and reports no link events.
#[derive(Debug)]
struct NoLink {
    /// Keeps the channel open, so that its receiver waits instead of ending.
    _events: mpsc::Sender<LinkEvent>,
}

/// The link, and its channel of link events, which stays empty.
pub(super) fn no_link() -> (Arc<dyn Link>, mpsc::Receiver<LinkEvent>) {
    let (events, none) = mpsc::channel(1);
    (Arc::new(NoLink { _events: events }), none)
}

impl Link for NoLink {
    fn is_alone(&self) -> bool {
        true
    }

    fn node(&self) -> NodeId {
        NodeId(0)
    }

    fn publish(&self, _: Channel, _: Hint) {}

    fn set_filter(&self, _: ChannelFilter) {}

    fn recheck(&self, _: Channel) {}

    fn is_up(&self) -> bool {
        true
    }

    fn figures(&self) -> LinkFigures {
        LinkFigures::default()
    }
}
