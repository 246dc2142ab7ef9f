//! The bus of a single process: two bounded queues in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::Receiver;

/// Carries events within this process, without loss, repetition or reordering of committed events. Ephemeral
/// events have a queue of their own, so that a flood of commits, which blocks the writers, does not cause all
/// of them to be dropped.
#[derive(Debug)]
pub struct LocalBus {
    committed: mpsc::Sender<Vec<Event>>,
    ephemeral: mpsc::Sender<Vec<Event>>,
    dropped: AtomicU64,
}

impl LocalBus {
    /// A bus and its only receiver. Each of the two queues holds up to `capacity` publications (at least
    /// one), each with any number of events. When its queue is full, a committed publication blocks the
    /// publisher, and an ephemeral one is dropped.
    pub fn new(capacity: usize) -> (Arc<Self>, Receiver) {
        let (committed, committed_end) = mpsc::channel(capacity.max(1));
        let (ephemeral, ephemeral_end) = mpsc::channel(capacity.max(1));
        let bus = Self { committed, ephemeral, dropped: AtomicU64::new(0) };
        (Arc::new(bus), Receiver { committed: committed_end, ephemeral: ephemeral_end, others: None })
    }

    /// The number of ephemeral publications that were dropped because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Bus for LocalBus {
    fn publish(&self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        // A full queue blocks this thread, which is the store's writer. Without a receiver the process serves
        // no sockets any more, so the events are dropped.
        if let Err(TrySendError::Full(events)) = self.committed.try_send(events) {
            let _ = self.committed.blocking_send(events);
        }
    }

    fn publish_ephemeral(&self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        if let Err(TrySendError::Full(events)) = self.ephemeral.try_send(events) {
            self.dropped.fetch_add(events.len() as u64, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::UserId;
    use chinwag_core::event::{Ended, Kind};

    use super::*;

    fn event(n: i64) -> Vec<Event> {
        vec![Event::to_users(Kind::Ended(Ended::User(UserId(n))), Vec::new())]
    }

    #[tokio::test]
    async fn a_full_bus_blocks_the_publisher_and_loses_nothing() {
        let (bus, mut receiver) = LocalBus::new(2);
        let writer = std::thread::spawn(move || (0..100).for_each(|n| bus.publish(event(n))));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        assert!(!writer.is_finished(), "the third publication waits");
        for n in 0..100 {
            assert_eq!(receiver.recv().await, Some(event(n)));
        }
        assert_eq!(receiver.recv().await, None);
        writer.join().expect("the writer ends");
    }

    #[tokio::test]
    async fn ephemeral_events_are_dropped_when_the_bus_is_full() {
        let (bus, mut receiver) = LocalBus::new(1);
        bus.publish(event(1));
        bus.publish_ephemeral(event(2));
        bus.publish_ephemeral(event(3));
        assert_eq!(bus.dropped(), 1);
        let mut got = vec![receiver.recv().await, receiver.recv().await];
        got.sort_by_key(|events| format!("{events:?}"));
        assert_eq!(got, [Some(event(1)), Some(event(2))]);
    }
}
