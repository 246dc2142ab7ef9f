//! The conformance suite of a bus, and a bus that records its events.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chinwag_core::UserId;
use chinwag_core::bus::Bus;
use chinwag_core::event::{Ended, Event, Kind};

/// The callback for each batch while it is being published.
type Watch = Box<dyn Fn(&[Event]) + Send>;

/// Keeps every batch of events in the order in which it came. Unbounded: for tests alone.
#[derive(Default)]
pub struct Recorder {
    batches: Mutex<Vec<Vec<Event>>>,
    ephemeral: Mutex<Vec<Event>>,
    watch: Mutex<Option<Watch>>,
}

impl Recorder {
    /// Every batch so far, one for each call of `publish`.
    pub fn batches(&self) -> Vec<Vec<Event>> {
        lock(&self.batches).clone()
    }

    /// Every event so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.batches().concat()
    }

    /// Every event that was never stored, so far.
    pub fn ephemeral(&self) -> Vec<Event> {
        lock(&self.ephemeral).clone()
    }

    /// The events since the last call, which are forgotten.
    pub fn take(&self) -> Vec<Event> {
        mem::take(&mut *lock(&self.batches)).concat()
    }

    /// Has `watch` called with each batch from now on, inside `publish`, before it is kept.
    pub fn watch(&self, watch: impl Fn(&[Event]) + Send + 'static) {
        *lock(&self.watch) = Some(Box::new(watch));
    }

    /// Calls nobody any more.
    pub fn unwatch(&self) {
        *lock(&self.watch) = None;
    }
}

impl Bus for Recorder {
    fn publish(&self, events: Vec<Event>) {
        if let Some(watch) = &*lock(&self.watch) {
            watch(&events);
        }
        lock(&self.batches).push(events);
    }

    fn publish_ephemeral(&self, events: Vec<Event>) {
        lock(&self.ephemeral).extend(events);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The duties of every bus on the node that publishes, whatever it does between nodes: what is
/// committed comes once, whole and in order, and what was never stored comes beside it.
///
/// # Panics
///
/// If it does not.
pub async fn conforms<F: Future<Output = Option<Vec<Event>>>>(
    bus: std::sync::Arc<dyn Bus>,
    mut receive: impl FnMut() -> F,
) {
    let batch = |from: i64, count: i64| -> Vec<Event> { (from..from + count).map(numbered).collect() };
    let publisher = bus.clone();
    let writer = std::thread::spawn(move || {
        publisher.publish(Vec::new());
        for n in 0..2000 {
            publisher.publish(batch(n * 3, n % 3 + 1));
        }
    });
    for n in 0..2000 {
        assert_eq!(receive().await, Some(batch(n * 3, n % 3 + 1)), "commits come whole and in order");
    }
    writer.join().expect("a full bus waits, and panics not");
    bus.publish_ephemeral(Vec::new());
    bus.publish_ephemeral(batch(1, 2));
    assert_eq!(receive().await, Some(batch(1, 2)));
}

fn numbered(n: i64) -> Event {
    Event::to_users(Kind::Ended(Ended::User(UserId(n))), Vec::new())
}
