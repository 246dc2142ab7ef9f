//! Sockets that cannot be sent a complete sequence are closed so that their clients resume.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::limits::RESUME_EVENTS;
use chinwag_core::permission::Role;
use chinwag_core::store::Store;
use chinwag_core::{Date, GroupId};
use chinwag_hub::bus::LocalBus;
use chinwag_hub::{Close, Hub};
use chinwag_store_sqlite::SqliteStore;
use uuid::Uuid;

use crate::fake_link::FakeNetwork;
use crate::harness::{Client, Hands, NOW, Still, Words, heads, identity_of, make_user, quiet, settle};

/// A bus that loses every event, so that the audit alone finds what was committed.
struct Lossy;

impl Bus for Lossy {
    fn publish(&self, _: Vec<Event>) {}

    fn publish_ephemeral(&self, _: Vec<Event>) {}
}

#[tokio::test(start_paused = true)]
async fn too_many_missed_events_require_a_resync() {
    let store = SqliteStore::memory(Arc::new(Lossy)).expect("a store opens");
    let store: Arc<dyn Store> = Arc::new(Still(store));
    let (bus, receiver) = LocalBus::new(16);
    let (link, events) = Arc::new(FakeNetwork::default()).end(1);
    let clock = Arc::new(Hands(NOW.into()));
    let receiver = receiver.among(link, events);
    let hub = Hub::start(store.clone(), bus, receiver, Arc::new(Words::default()), clock, quiet());
    let ann = make_user(&store, "ann").await;
    let group = GroupId(Uuid::from_u128(1));
    let make = store.write(move |tx, _| {
        tx.group_insert(group, "group", None)?;
        tx.member_set(group, ann, Role::Member, Date::from_micros(NOW))
    });
    make.await.expect("the store writes");
    let connection = hub.register(identity_of(ann, "ann")).expect("there is room");
    let shown = hub.subscribe(&connection, heads).await.expect("the store reads");
    hub.go_live(&connection, vec![Bytes::from_static(b"hello")], &shown.expect("the user is there").1);
    let client = Client(connection);
    assert_eq!(client.texts(), ["hello"]);
    let taken = store.write(move |tx, _| tx.seq_take(group, RESUME_EVENTS + 1));
    taken.await.expect("the store writes");
    tokio::time::sleep(Duration::from_secs(15)).await;
    settle().await;
    assert_eq!(client.read(), (vec![], Some(Close::ResyncRequired)));
    let counts = hub.counts();
    assert_eq!((counts.resyncs, counts.too_slow), (1, 0));
}
