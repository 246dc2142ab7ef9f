//! Presence as received by contacts and by the user's own sockets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chinwag_core::event::Origin;
use chinwag_core::presence::Status::{Afk, Disconnected, Online};
use tokio::time::sleep;

use crate::harness::{Client, World, quiet, settle};

fn ask(client: &Client, reference: &str) -> Origin {
    Origin { socket: client.0.id(), reference: Some(Arc::from(reference)) }
}

#[tokio::test(start_paused = true)]
async fn contacts_receive_one_event_for_the_first_socket() {
    let world = World::new(quiet());
    let [ann, ben, eve] = world.users(["ann", "ben", "eve"]).await;
    world.contacts(ann, ben).await;
    let (contact, stranger) = (world.connect(ben).await, world.connect(eve).await);
    let first = world.connect(ann).await;
    let second = world.connect(ann).await;
    assert_eq!(contact.texts(), ["hello", "status ann online"]);
    assert_eq!(stranger.texts(), ["hello"]);
    assert_eq!(first.texts(), ["hello"]);
    assert_eq!(second.texts(), ["hello"]);
    assert_eq!(world.hub.status_of(&[ann, ben, eve]), [Online; 3]);
}

#[tokio::test(start_paused = true)]
async fn presence_is_the_maximum_over_sockets_and_sent_on_change() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    world.contacts(ann, ben).await;
    let contact = world.connect(ben).await;
    let (one, two) = (world.connect(ann).await, world.connect(ann).await);
    for client in [&contact, &one, &two] {
        client.texts();
    }
    assert_eq!(world.hub.set_status(&one.0, Afk, Some(&ask(&one, "a"))), Online);
    settle().await;
    assert_eq!(one.texts(), ["status ann online #a"], "the asking socket alone is answered");
    assert!(two.texts().is_empty() && contact.texts().is_empty());
    assert_eq!(world.hub.set_status(&two.0, Afk, Some(&ask(&two, "b"))), Afk);
    settle().await;
    assert_eq!(one.texts(), ["status ann afk"]);
    assert_eq!(two.texts(), ["status ann afk #b"]);
    assert_eq!(contact.texts(), ["status ann afk"]);
    assert_eq!(world.hub.set_status(&two.0, Disconnected, None), Afk);
    assert_eq!(world.hub.set_status(&one.0, Disconnected, None), Disconnected);
    settle().await;
    assert_eq!(contact.texts(), ["status ann disconnected"], "connected, and shown as if not");
    drop((one, two));
    sleep(Duration::from_secs(10)).await;
    assert!(contact.texts().is_empty(), "what was said is not said again");
}

#[tokio::test(start_paused = true)]
async fn each_of_many_concurrent_changes_is_answered_once() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    world.contacts(ann, ben).await;
    let (contact, one) = (world.connect(ben).await, world.connect(ann).await);
    contact.texts();
    one.texts();
    for n in 0..100 {
        let status = if n % 2 == 0 { Afk } else { Online };
        world.hub.set_status(&one.0, status, Some(&ask(&one, &n.to_string())));
    }
    settle().await;
    let answers = one.texts();
    for n in 0..100 {
        let mine = answers.iter().filter(|answer| answer.ends_with(&format!("#{n}"))).count();
        assert_eq!(mine, 1, "{n}");
    }
    assert!(contact.texts().is_empty(), "it came to nothing");
    world.hub.set_status(&one.0, Afk, None);
    settle().await;
    assert_eq!(contact.texts(), ["status ann afk"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_disconnect_is_announced_after_the_grace() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    world.contacts(ann, ben).await;
    let (contact, first) = (world.connect(ben).await, world.connect(ann).await);
    contact.texts();
    drop(first);
    sleep(Duration::from_millis(2900)).await;
    assert_eq!(world.hub.status_of(&[ann]), [Online]);
    let second = world.connect(ann).await;
    sleep(Duration::from_secs(10)).await;
    assert!(contact.texts().is_empty(), "it was away for less than the grace");
    drop(second);
    sleep(Duration::from_millis(2900)).await;
    drop(world.connect(ann).await);
    sleep(Duration::from_millis(2900)).await;
    assert!(contact.texts().is_empty(), "the grace begins anew");
    sleep(Duration::from_millis(200)).await;
    assert_eq!(contact.texts(), ["status ann disconnected"]);
    let _third = world.connect(ann).await;
    assert_eq!(contact.texts(), ["status ann online"]);
}

#[tokio::test(start_paused = true)]
async fn closing_one_of_several_sockets_is_announced_at_once() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    world.contacts(ann, ben).await;
    let (contact, one, two) = (world.connect(ben).await, world.connect(ann).await, world.connect(ann).await);
    world.hub.set_status(&two.0, Afk, None);
    settle().await;
    contact.texts();
    two.texts();
    drop(one);
    settle().await;
    assert_eq!(contact.texts(), ["status ann afk"]);
    assert_eq!(two.texts(), ["status ann afk"]);
    let newcomer = world.connect(ann).await;
    assert_eq!(contact.texts(), ["status ann online"]);
    assert_eq!(two.texts(), ["status ann online"]);
    assert_eq!(newcomer.texts(), ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn a_socket_affects_presence_only_once_live() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let held = world.register(ann).expect("there is room");
    assert_eq!(world.hub.set_status(&held, Online, None), Disconnected);
    assert_eq!(world.hub.status_of(&[ann]), [Disconnected]);
    drop(held);
    sleep(Duration::from_secs(4)).await;
    assert_eq!(world.hub.counts().users, 0);
}

#[tokio::test(start_paused = true)]
async fn user_who_appears_offline_stays_so_on_another_socket() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    world.contacts(ann, ben).await;
    let (bens, first) = (world.connect(ben).await, world.connect(ann).await);
    world.hub.set_status(&first.0, Disconnected, None);
    settle().await;
    bens.texts();
    let second = world.connect(ann).await;
    assert_eq!(bens.texts(), Vec::<String>::new());
    assert_eq!(world.hub.status_of(&[ann]), [Disconnected]);
    world.hub.set_status(&second.0, Online, None);
    settle().await;
    assert_eq!(world.hub.status_of(&[ann]), [Online]);
}

#[tokio::test(start_paused = true)]
async fn arrivals_are_stored_together_and_then_departures() {
    let world = World::new(quiet());
    let [ann, ben, eve] = world.users(["ann", "ben", "eve"]).await;
    let seen = async |user| {
        let details = world.store.read(move |tx| tx.details(&[user])).await.expect("the store reads");
        details.into_iter().flatten().next().and_then(|details| details.last_seen)
    };
    let socket = world.connect(ann).await;
    sleep(Duration::from_secs(20)).await;
    let (_second, third) = (world.connect(ben).await, world.connect(eve).await);
    drop(third);
    sleep(Duration::from_secs(5)).await;
    let left = seen(eve).await.expect("a departure is stored at once");
    assert_eq!((seen(ann).await, seen(ben).await), (None, None), "no arrival is");
    world.clock.0.fetch_add(1_000_000, Ordering::Relaxed);
    sleep(Duration::from_secs(6)).await;
    let came = seen(ann).await.expect("a node that is killed now has stored it");
    assert_eq!(seen(ben).await, Some(came), "with all others who came meanwhile");
    assert!(came > left && seen(eve).await == Some(left), "and nothing of who has left");
    world.clock.0.fetch_add(1_000_000, Ordering::Relaxed);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(seen(ann).await, Some(came), "nobody has come since");
    drop(socket);
    sleep(Duration::from_secs(5)).await;
    assert!(seen(ann).await > Some(came));
}
