//! The conformance suite of the bus port, and a bus that records events.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chinwag_core::UserId;
use chinwag_core::bus::Bus;
use chinwag_core::event::{Ended, Event, Kind};

/// A callback for each batch during `publish`.
type Watch = Box<dyn Fn(&[Event]) + Send>;

/// Records every batch of events in order. Unbounded, for tests only.
#[derive(Default)]
pub struct Recorder {
    batches: Mutex<Vec<Vec<Event>>>,
    ephemeral: Mutex<Vec<Event>>,
    watch: Mutex<Option<Watch>>,
}

impl Recorder {
    /// All batches so far, one for each call of `publish`.
    pub fn batches(&self) -> Vec<Vec<Event>> {
        lock(&self.batches).clone()
    }

    /// All events so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.batches().concat()
    }

    /// All ephemeral events so far.
    pub fn ephemeral(&self) -> Vec<Event> {
        lock(&self.ephemeral).clone()
    }

    /// Takes the events since the last call.
    pub fn take(&self) -> Vec<Event> {
        mem::take(&mut *lock(&self.batches)).concat()
    }

    /// Calls `watch` with each later batch, inside `publish`, before the batch is recorded.
    pub fn watch(&self, watch: impl Fn(&[Event]) + Send + 'static) {
        *lock(&self.watch) = Some(Box::new(watch));
    }

    /// Removes the callback.
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

/// Checks the promises of a bus at the publishing node: stored events arrive once, complete and in order, and ephemeral
/// events arrive.
///
/// # Panics
///
/// If the bus breaks a promise.
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
