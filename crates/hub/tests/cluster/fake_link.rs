//! A link for tests: hints wait until a test delivers, drops or repeats them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use chinwag_hub::bus::link::{
    Channel, ChannelFilter, Hint, Link, LinkEvent, LinkFigures, NodeId, QueuedBytes,
};
use tokio::sync::mpsc;

/// The network shared by all nodes.
#[derive(Debug, Default)]
pub(crate) struct FakeNetwork {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    ends: HashMap<NodeId, Arc<FakeLink>>,
    pending: Vec<(NodeId, Channel, Hint)>,
}

/// The link of one node.
pub(crate) struct FakeLink {
    node: NodeId,
    network: Arc<FakeNetwork>,
    events: mpsc::Sender<LinkEvent>,
    wanted: OnceLock<ChannelFilter>,
    doubtful: Mutex<Vec<Channel>>,
}

impl std::fmt::Debug for FakeLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.node.fmt(f)
    }
}

impl FakeNetwork {
    pub(crate) fn end(self: &Arc<Self>, node: u128) -> (Arc<FakeLink>, mpsc::Receiver<LinkEvent>) {
        let (events, receiver) = mpsc::channel(100_000);
        let _ = events.try_send(LinkEvent::Up);
        let end = Arc::new(FakeLink {
            node: NodeId(node),
            network: self.clone(),
            events,
            wanted: OnceLock::new(),
            doubtful: Mutex::default(),
        });
        self.inner.lock().expect("no test panics here").ends.insert(end.node, end.clone());
        (end, receiver)
    }

    pub(crate) fn pending(&self) -> usize {
        self.inner.lock().expect("no test panics here").pending.len()
    }

    /// Delivers one pending hint to the subscribed nodes; with `again` it stays pending.
    pub(crate) fn deliver(&self, at: usize, again: bool) {
        let mut inner = self.inner.lock().expect("no test panics here");
        if inner.pending.is_empty() {
            return;
        }
        let at = at % inner.pending.len();
        let (from, channel, hint) = inner.pending[at].clone();
        if !again {
            inner.pending.remove(at);
        }
        for end in inner.ends.values().filter(|end| end.node != from) {
            if end.is_subscribed(channel) {
                let _ = end.events.try_send(LinkEvent::Hint(from, hint.clone(), QueuedBytes::default()));
            }
        }
    }

    pub(crate) fn lose(&self, at: usize) {
        let mut inner = self.inner.lock().expect("no test panics here");
        if !inner.pending.is_empty() {
            let at = at % inner.pending.len();
            inner.pending.remove(at);
        }
    }

    /// Activates the requested subscriptions.
    pub(crate) fn listen(&self) {
        for end in self.inner.lock().expect("no test panics here").ends.values() {
            let channels = std::mem::take(&mut *end.doubtful.lock().expect("no test panics here"));
            let begun: Vec<_> = channels.into_iter().filter(|channel| end.is_subscribed(*channel)).collect();
            let _ = end.events.try_send(LinkEvent::Subscribed(begun));
        }
    }
}

impl FakeLink {
    fn is_subscribed(&self, channel: Channel) -> bool {
        match channel {
            Channel::Nodes => true,
            Channel::Node(node) => node == self.node,
            _ => self.wanted.get().is_some_and(|wanted| wanted(channel)),
        }
    }
}

impl Link for FakeLink {
    fn node(&self) -> NodeId {
        self.node
    }

    fn publish(&self, to: Channel, hint: Hint) {
        self.network.inner.lock().expect("no test panics here").pending.push((self.node, to, hint));
    }

    fn set_filter(&self, wanted: ChannelFilter) {
        let _ = self.wanted.set(wanted);
    }

    fn recheck(&self, channel: Channel) {
        self.doubtful.lock().expect("no test panics here").push(channel);
    }

    fn is_up(&self) -> bool {
        true
    }

    fn figures(&self) -> LinkFigures {
        LinkFigures::default()
    }
}
