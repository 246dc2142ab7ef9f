//! The link of a node alone: to nobody.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::link::{Channel, ChannelFilter, Hint, Link, LinkEvent, LinkFigures, NodeId};

/// Publishes to nobody, and hears of nobody.
#[derive(Debug)]
struct NoLink {
    /// As long as it stands, whoever takes the link's events waits.
    _events: mpsc::Sender<LinkEvent>,
}

/// The link, and its events, of which there are none.
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
