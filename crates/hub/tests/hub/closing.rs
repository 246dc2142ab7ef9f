//! The ways in which sockets end, and the release of everything that they used.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::event::{Ended, Event, Kind};
use chinwag_core::token::{self, TokenHash};
use chinwag_core::{Date, Seq, TaskId};
use chinwag_hub::bus::LocalBus;
use chinwag_hub::{Close, Encode, Hub, Identity, Options, RegisterError};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::harness::{Client, NOW, World, identity_of, message, quiet, settle};

#[tokio::test(start_paused = true)]
async fn only_a_socket_that_does_not_read_is_closed() {
    let world = World::new(Options { queue_frames: 10, ..quiet() });
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let group = world.group(7, &[ann, ben]).await;
    let (slow, quick) = (world.connect(ann).await, world.connect(ben).await);
    let mut read = Vec::new();
    for seq in 1..=11 {
        world.publish(vec![message(group, Seq(seq))]).await;
        read.extend(quick.texts());
    }
    assert_eq!(slow.read(), (vec![], Some(Close::TooSlow)));
    assert_eq!(read.len(), 12);
    assert_eq!(world.hub.counts().too_slow, 1);
    world.publish(vec![message(group, Seq(12))]).await;
    assert_eq!(slow.read(), (vec![], Some(Close::TooSlow)));
    assert_eq!(quick.texts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn queued_bytes_are_bounded_except_one_frame_and_the_snapshot() {
    let world = World::new(Options { queue_bytes: 100, ..quiet() });
    let ann = world.user("ann").await;
    let connection = world.register(ann).expect("there is room");
    world.hub.go_live(&connection, vec![Bytes::from(vec![b'x'; 1000]); 3], &[]);
    let client = Client(connection);
    world.hub.send(&client.0, Bytes::from(vec![b'y'; 1000]));
    assert_eq!(client.read().0.len(), 4);
    world.hub.send(&client.0, Bytes::from(vec![b'y'; 60]));
    world.hub.send(&client.0, Bytes::from(vec![b'y'; 40]));
    assert_eq!(client.read().0.len(), 2);
    world.hub.send(&client.0, Bytes::from(vec![b'y'; 60]));
    world.hub.send(&client.0, Bytes::from(vec![b'y'; 41]));
    assert_eq!(client.read(), (vec![], Some(Close::TooSlow)));
}

#[tokio::test(start_paused = true)]
async fn events_held_for_a_starting_socket_are_bounded() {
    let world = World::new(Options { queue_frames: 10, ..quiet() });
    let ann = world.user("ann").await;
    let connection = world.register(ann).expect("there is room");
    for _ in 0..11 {
        world.hub.send(&connection, Bytes::from_static(b"x"));
    }
    world.hub.go_live(&connection, vec![Bytes::from_static(b"hello")], &[]);
    assert_eq!(Client(connection).read(), (vec![], Some(Close::TooSlow)));
}

fn hash(n: u8) -> TokenHash {
    TokenHash([n; 32])
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_closes_its_sockets_and_drops_their_queues() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    world
        .write(move |tx, _| {
            let expires = Date::from_micros(NOW * 2);
            [1, 2].iter().try_for_each(|n| tx.token_insert(&hash(*n), ann, token::Kind::Token, expires))
        })
        .await;
    let identity = |n| Identity { token: Some(hash(n)), ..identity_of(ann, "ann") };
    let [a, b, c] =
        [world.connect_as(identity(1)).await, world.connect_as(identity(2)).await, world.connect(ann).await];
    let end = |ended| Event::to_users(Kind::Ended(ended), vec![]);
    world.publish(vec![end(Ended::Token(hash(1))), end(Ended::Token(hash(9)))]).await;
    assert_eq!(a.read(), (vec![], Some(Close::CredentialEnded)));
    assert_eq!(b.texts(), ["hello"]);
    world.publish(vec![end(Ended::User(ann))]).await;
    assert_eq!(b.read(), (vec![], Some(Close::CredentialEnded)));
    assert_eq!(c.read(), (vec![], Some(Close::CredentialEnded)));
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_ended_before_registration_is_noticed() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let identity = Identity { token: Some(hash(1)), ..identity_of(ann, "ann") };
    assert_eq!(world.connect_as(identity).await.read(), (vec![], Some(Close::CredentialEnded)));
    world.write(move |tx, _| tx.user_delete(ann, TaskId(Uuid::nil()))).await;
    assert_eq!(world.connect(ann).await.read(), (vec![], Some(Close::CredentialEnded)));
}

#[tokio::test(start_paused = true)]
async fn an_expired_credential_closes_its_socket_within_2_s() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let expires = Some(Date::from_micros(NOW + 60_000_000));
    let client = world.connect_as(Identity { expires, ..identity_of(ann, "ann") }).await;
    world.clock.0.store(NOW + 59_999_999, Ordering::Relaxed);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(client.texts(), ["hello"]);
    world.clock.0.store(NOW + 60_000_000, Ordering::Relaxed);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(client.read().1, Some(Close::CredentialEnded));
}

#[tokio::test(start_paused = true)]
async fn pings_are_spread_and_silent_sockets_are_closed() {
    let world = World::new(Options::default());
    let ann = world.user("ann").await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        let client = world.connect(ann).await;
        client.texts();
        clients.push(client);
    }
    for _ in 0..100 {
        sleep(Duration::from_secs(1)).await;
        let pinged = clients[..40].iter().filter(|client| client.texts() == ["ping"]).count();
        assert!((1..=2).contains(&pinged), "{pinged} of 40 in one second, of 25");
        clients[..40].iter().for_each(|client| client.0.mark_alive());
    }
    assert!(clients[40..].iter().all(|client| client.read().1 == Some(Close::TimedOut)));
}

#[tokio::test(start_paused = true)]
async fn silence_is_allowed_for_a_minute() {
    let world = World::new(Options::default());
    let ann = world.user("ann").await;
    let client = world.connect(ann).await;
    sleep(Duration::from_secs(58)).await;
    assert_eq!(client.read().1, None);
    client.0.mark_alive();
    sleep(Duration::from_secs(59)).await;
    assert_eq!(client.read().1, None);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(client.read().1, Some(Close::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn sockets_are_bounded_in_all_and_for_each_user() {
    let world = World::new(Options { sockets: 3, sockets_per_user: 2, ..quiet() });
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let _first = world.register(ann).expect("there is room");
    let second = world.register(ann).expect("there is room");
    assert_eq!(world.register(ann).expect_err("two are enough"), RegisterError::TooManyOfUser);
    let _third = world.register(ben).expect("there is room");
    assert_eq!(world.register(ben).expect_err("it is full"), RegisterError::Full);
    drop(second);
    world.register(ann).expect("there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_drain_closes_sockets_one_by_one_with_their_queues() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let mut tasks = Vec::new();
    for _ in 0..50 {
        let client = world.connect(ann).await;
        tasks.push(tokio::spawn(async move {
            let mut frames = Vec::new();
            loop {
                client.0.wait().await;
                if let Some(close) = client.read_frames(&mut frames) {
                    return (close, frames.len(), Instant::now());
                }
            }
        }));
    }
    let begun = Instant::now();
    world.hub.drain(Duration::from_secs(10)).await;
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(9) && took < Duration::from_secs(11), "{took:?}");
    assert_eq!(world.register(ann).expect_err("it drains"), RegisterError::Draining);
    let mut ends = Vec::new();
    for task in tasks {
        let (close, frames, at) = task.await.expect("it ends");
        assert_eq!((close, frames), (Close::Restarting, 1));
        ends.push((at - begun).as_secs());
    }
    for second in 0..10 {
        let count = ends.iter().filter(|at| **at == second).count();
        assert!((4..=6).contains(&count), "{count} of 50 in one second, of 10");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_ever() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let _stays = world.connect(ann).await;
    let begun = Instant::now();
    world.hub.drain(Duration::from_secs(1)).await;
    assert!(begun.elapsed() < Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_graceful_close_flushes_the_queue_first() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let (client, other) = (world.connect(ann).await, world.connect(ann).await);
    let (_, hub) = (client.texts(), world.hub.clone());
    hub.send(&client.0, Bytes::from_static(b"one"));
    let drain = tokio::spawn(async move { hub.drain(Duration::ZERO).await });
    settle().await;
    world.hub.send(&client.0, Bytes::from_static(b"two"));
    assert_eq!(client.read(), (vec!["one".to_owned()], Some(Close::Restarting)));
    world.publish(vec![Event::to_users(Kind::Ended(Ended::User(ann)), vec![])]).await;
    assert_eq!(other.read(), (vec![], Some(Close::CredentialEnded)));
    other.0.cut().await;
    drop((client, other));
    drain.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_one_event_closes_its_sockets_alone() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let group = world.group(7, &[ann, ben]).await;
    let (a, b) = (world.connect(ann).await, world.connect(ben).await);
    let fault = Kind::UserDelete { name: crate::harness::name_of("eve") };
    world.publish(vec![Event::to_users(fault, vec![ann]), message(group, Seq(1))]).await;
    assert_eq!(a.read(), (vec![], Some(Close::Fault)));
    assert_eq!(b.texts(), ["hello", "message 7 1"]);
}

#[tokio::test(start_paused = true)]
async fn no_state_remains_after_all_have_left() {
    let world = World::new(quiet());
    let users = world.users(["ann", "ben", "eve"]).await;
    for n in 0..20 {
        world.group(n, &users).await;
    }
    let mut clients = Vec::new();
    for user in users {
        clients.push(world.connect(user).await);
        clients.push(world.connect(user).await);
        drop(world.register(user));
    }
    let counts = world.hub.counts();
    assert_eq!((counts.sockets, counts.users, counts.groups), (6, 3, 20));
    clients.clear();
    assert_eq!(world.hub.counts().sockets, 0);
    sleep(Duration::from_secs(4)).await;
    let counts = world.hub.counts();
    assert_eq!((counts.sockets, counts.users, counts.groups), (0, 0, 0));
    assert_eq!((counts.queued_frames, counts.queued_bytes), (0, 0));
}

/// An encoder without pings, which makes the timer panic.
struct Pingless;

impl Encode for Pingless {
    fn event(&self, _: &Event, _: Option<&str>) -> Bytes {
        Bytes::new()
    }

    fn ping(&self) -> Bytes {
        panic!("a fault")
    }
}

#[tokio::test(start_paused = true)]
async fn panic_of_a_task_is_noticed() {
    let world = World::new(quiet());
    let (bus, receiver) = LocalBus::new(16);
    let hub =
        Hub::start(world.store.clone(), bus, receiver, Arc::new(Pingless), world.clock.clone(), quiet());
    let within = Duration::from_secs(5);
    timeout(within, hub.broken()).await.expect("its timer has panicked");
    assert!(timeout(within, world.hub.broken()).await.is_err(), "the other one is whole");
}

/// Lets the client's task wait, so that the frames which it took count as written. Returns whether it waits.
async fn waits(client: &Client) -> bool {
    !client.is_ready().await
}

#[tokio::test(start_paused = true)]
async fn largest_socket_of_a_user_is_closed_beyond_its_bytes() {
    let world = World::new(Options { user_bytes: 64 * 1024, ..quiet() });
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let (small, large) = (world.connect(ann).await, world.connect(ann).await);
    let (quick, other) = (world.connect(ann).await, world.connect(ben).await);
    let page = |size| Bytes::from(vec![b'x'; size]);
    for socket in [&large, &other] {
        world.hub.pause(&socket.0, []);
        world.hub.send_first(&socket.0, vec![page(40 * 1024)]);
    }
    world.hub.send(&small.0, page(12 * 1024));
    for _ in 0..9 {
        world.hub.send(&quick.0, page(8 * 1024));
        assert_eq!((quick.read().1, waits(&quick).await), (None, true), "what was written counts no more");
    }
    assert_eq!(world.hub.counts().too_slow, 0);
    world.hub.send(&small.0, page(24 * 1024));
    assert_eq!(large.read(), (vec![], Some(Close::TooSlow)));
    assert_eq!((small.read().1, quick.read().1, other.read().1), (None, None, None));
    assert_eq!(world.hub.counts().too_slow, 1);
}

#[tokio::test(start_paused = true)]
async fn largest_sockets_are_closed_when_too_much_waits_in_all() {
    let world = World::new(Options { total_bytes: 128 * 1024, ..quiet() });
    let [ann, ben, cat] = world.users(["ann", "ben", "cat"]).await;
    let (anns, bens, cats) = (world.connect(ann).await, world.connect(ben).await, world.connect(cat).await);
    for (socket, size) in [(&anns, 64), (&bens, 40), (&cats, 1)] {
        world.hub.send(&socket.0, Bytes::from(vec![b'x'; size * 1024]));
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!(anns.read(), (vec![], Some(Close::TooSlow)));
    assert_eq!((bens.read().1, cats.read().1), (None, None));
}
