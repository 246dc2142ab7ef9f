//! Presence across several nodes.

use std::time::Duration;

use chinwag_core::presence::Status::{self, Afk, Disconnected, Online};
use chinwag_core::{Result, UserId};
use chinwag_hub::Options;
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::redis::Redis;
use chinwag_testkit::wait::until;
use tokio::time::Instant;

use crate::nodes::{Node, Reader, StoreFile, quick, unaudited};

async fn seen(node: &Node, user: UserId, status: Status) {
    until("the status is known", || node.hub.status_of(&[user]) == [status]).await;
}

fn received_statuses(reader: &Reader, name: &str) -> Vec<String> {
    let texts = reader.texts();
    let about = format!("status {name} ");
    texts.iter().filter_map(|text| text.strip_prefix(&about)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_the_maximum_over_all_nodes_and_sent_on_change() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    one.contacts(ann, ben).await;
    let at_two = two.connect(ben, "ben").await;
    let first = one.connect(ann, "ann").await;
    at_two.wait_for_text("status ann online").await;
    let second = two.connect(ann, "ann").await;
    let eve = one.user("eve").await;
    let _after = two.connect(eve, "eve").await;
    seen(&one, eve, Online).await;
    let shown = one.hub.set_status(&first.client.0, Afk, None);
    assert_eq!(shown, Online, "the other node's socket is still online");
    seen(&two, ann, Online).await;
    two.hub.set_status(&second.client.0, Afk, None);
    at_two.wait_for_text("status ann afk").await;
    first.wait_for_text("status ann afk").await;
    seen(&one, ann, Afk).await;
    drop(second);
    // The grace passes, and only the first node's socket remains.
    until("the second node forgets her", || two.hub.counts().users == 2).await;
    assert_eq!(two.hub.status_of(&[ann]), [Afk]);
    drop(first);
    at_two.wait_for_text("status ann disconnected").await;
    assert_eq!(received_statuses(&at_two, "ann"), ["online", "afk", "disconnected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn returning_on_another_node_within_the_grace_is_no_absence() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    // Long enough to connect even on a busy machine.
    let options = || Options { presence_grace: Duration::from_secs(3), ..unaudited() };
    let one = Node::start(&place, &redis.url(), options()).await;
    let two = Node::start(&place, &redis.url(), options()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    one.contacts(ann, ben).await;
    let at_two = two.connect(ben, "ben").await;
    let mut at = one.connect(ann, "ann").await;
    at_two.wait_for_text("status ann online").await;
    for (node, left, remaining) in [(&two, &one, 0), (&one, &two, 1), (&two, &one, 0)] {
        drop(at);
        at = node.connect(ann, "ann").await;
        until("the grace passes", || left.hub.counts().users == remaining).await;
    }
    // Announcements of a node arrive in order.
    let eve = one.user("eve").await;
    one.contacts(eve, ben).await;
    let _eve = one.connect(eve, "eve").await;
    at_two.wait_for_text("status eve online").await;
    assert_eq!(received_statuses(&at_two, "ann"), ["online"]);
    assert_eq!(one.hub.status_of(&[ann]), [Online]);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_dead_node_disconnect_once_and_return_with_it() -> Result<()> {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let proxy = Proxy::to(redis.address()).await;
    let one = Node::start(&place, &format!("redis://{}", proxy.address()), quick()).await;
    let two = Node::start(&place, &redis.url(), quick()).await;
    let three = Node::start(&place, &redis.url(), quick()).await;
    let [ann, ben, eve] = [one.user("ann").await, one.user("ben").await, one.user("eve").await];
    let gus = one.user("gus").await;
    for contact in [ann, eve, gus] {
        one.contacts(contact, ben).await;
    }
    let (at_two, at_three) = (two.connect(ben, "ben").await, three.connect(ben, "ben").await);
    let _at_one = [one.connect(ann, "ann").await, one.connect(eve, "eve").await];
    let _elsewhere = three.connect(eve, "eve").await;
    for reader in [&at_two, &at_three] {
        reader.wait_for_text("status ann online").await;
        reader.wait_for_text("status eve online").await;
    }
    until("all know all", || [&one, &two, &three].iter().all(|node| node.hub.counts().nodes == 2)).await;
    let since = Instant::now();
    proxy.cut();
    for reader in [&at_two, &at_three] {
        reader.wait_for_text("status ann disconnected").await;
    }
    assert!(since.elapsed() >= Duration::from_secs(1), "the lease ran out first");
    until("three has noticed", || three.hub.counts().nodes == 1).await;
    assert_eq!((two.hub.status_of(&[ann, eve]), two.hub.counts().nodes), (vec![Disconnected, Online], 1));
    // A node that is cut off keeps its last knowledge, and its own users.
    assert_eq!(one.hub.status_of(&[ann, ben]), [Online, Online]);
    // Everything that these nodes announce about her arrives before this.
    let _fence = [two.connect(gus, "gus").await, three.connect(gus, "gus").await];
    for reader in [&at_two, &at_three] {
        reader.wait_for_text("status gus online").await;
        assert_eq!(received_statuses(reader, "ann"), ["online", "disconnected"]);
        assert_eq!(received_statuses(reader, "eve"), ["online"]);
    }
    proxy.restore();
    for reader in [&at_two, &at_three] {
        reader.wait_for_text("status ann online").await;
        until("ann is told as back", || {
            received_statuses(reader, "ann") == ["online", "disconnected", "online"]
        })
        .await;
        assert_eq!(received_statuses(reader, "eve"), ["online"]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_node_learns_presence_and_a_draining_one_withdraws_it() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    one.contacts(ann, ben).await;
    let at_one = one.connect(ann, "ann").await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    seen(&two, ann, Online).await;
    let at_two = two.connect(ben, "ben").await;
    at_one.wait_for_text("status ben online").await;
    let drain = tokio::spawn({
        let hub = one.hub.clone();
        async move { hub.drain(Duration::from_millis(100)).await }
    });
    until("it is asked to go", || at_one.close().is_some()).await;
    drop(at_one);
    drain.await.expect("it drains");
    at_two.wait_for_text("status ann disconnected").await;
    until("the node is gone", || two.hub.counts().nodes == 0).await;
    assert_eq!(received_statuses(&at_two, "ann").last().map(String::as_str), Some("disconnected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn user_hidden_on_one_node_stays_so_on_another() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    one.contacts(ann, ben).await;
    let mut others = Vec::new();
    for name in ["dan", "eve", "gus", "hal"] {
        let other = one.user(name).await;
        one.contacts(other, ben).await;
        others.push(other);
    }
    let [dan, eve, gus, hal] = others[..] else { panic!("there are four") };
    let (at_one, at_two) = (one.connect(ben, "ben").await, two.connect(ben, "ben").await);
    let first = one.connect(ann, "ann").await;
    at_two.wait_for_text("status ann online").await;
    one.hub.set_status(&first.client.0, Disconnected, None);
    at_two.wait_for_text("status ann disconnected").await;
    let second = two.connect(ann, "ann").await;
    // Announcements of a node arrive in order: when eve appears online on the second, ann's status there has
    // arrived.
    let _eve = two.connect(eve, "eve").await;
    at_one.wait_for_text("status eve online").await;
    drop(first);
    let third = one.connect(ann, "ann").await;
    let late = Node::start(&place, &redis.url(), unaudited()).await;
    seen(&late, eve, Online).await;
    let fourth = late.connect(ann, "ann").await;
    let _dan = late.connect(dan, "dan").await;
    for reader in [&at_one, &at_two] {
        reader.wait_for_text("status dan online").await;
        assert_eq!(received_statuses(reader, "ann"), ["online", "disconnected"]);
    }
    // When the last socket that appears offline has closed, the user is visible again.
    drop((second, third, fourth));
    let _others = (one.connect(gus, "gus").await, late.connect(hal, "hal").await);
    at_two.wait_for_text("status gus online").await;
    at_two.wait_for_text("status hal online").await;
    let _fifth = two.connect(ann, "ann").await;
    at_one.wait_for_text("status ann online").await;
    until("she is told as back", || {
        received_statuses(&at_one, "ann") == ["online", "disconnected", "online"]
    })
    .await;
}
