//! Two nodes without faults between them.

use bytes::Bytes;
use chinwag_core::event::{Ended, Event, Kind};
use chinwag_core::presence::Status;
use chinwag_core::relation::Outcome;
use chinwag_core::token::{Kind as Token, TokenHash};
use chinwag_core::{Date, Seq};
use chinwag_hub::bus::{LocalBus, RedisOptions};
use chinwag_hub::{Close, Identity};
use chinwag_testkit::bus::conforms;
use chinwag_testkit::redis::Redis;

use chinwag_testkit::wait::until;

use crate::harness::{NOW, identity_of, name_of};
use crate::nodes::{
    Node, SECRET, StoreFile, assert_ascending, connect, typing, unaudited, wait_for_subscriptions,
};

#[tokio::test(flavor = "multi_thread")]
async fn every_bus_delivers_local_commits_completely_and_in_order() {
    let (bus, receiver) = LocalBus::new(8);
    let receiver = &tokio::sync::Mutex::new(receiver);
    conforms(bus, || async { receiver.lock().await.recv().await }).await;
    let redis = Redis::start();
    let options = RedisOptions { capacity: 8, ..RedisOptions::new(redis.url(), SECRET) };
    let (bus, receiver) = connect(options).await;
    let receiver = &tokio::sync::Mutex::new(receiver);
    // With and without Redis.
    conforms(bus.clone(), || async { receiver.lock().await.recv().await }).await;
    redis.kill();
    conforms(bus, || async { receiver.lock().await.recv().await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_reaches_sockets_of_other_nodes_once_and_in_order() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ann, ben]).await;
    let (at_one, at_two) = (one.connect(ann, "ann").await, two.connect(ben, "ben").await);
    wait_for_subscriptions(&redis, 4 + 4).await;
    let mut last = Seq(0);
    for n in 0..300 {
        last = if n % 3 == 0 { two.send(group, ben).await } else { one.send(group, ann).await };
    }
    for reader in [&at_one, &at_two] {
        reader.wait_for_number(group, last).await;
        assert_eq!(reader.numbers(group), (1..=300).collect::<Vec<_>>());
    }
    one.hub.publish_ephemeral(typing(group, "ann"));
    at_two.wait_for_text("typing ann").await;
    let figures = one.hub.counts().link.expect("there is a link");
    assert!(figures.published >= 201 && figures.dropped == 0 && figures.forged == 0, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_removal_during_a_resume_is_delivered_once() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ben]).await;
    let (of_ann, of_ben) = (two.connect(ann, "ann").await, two.connect(ben, "ben").await);
    wait_for_subscriptions(&redis, 4 + 3).await;
    for round in 0..20 {
        // The resume is read while Ann is a member, and answered when she is not. Her node may have received
        // both changes, or may look her up afterwards.
        two.hub.pause(&of_ann.client.0, []);
        let joined = one.add_member(group, ann).await;
        let left = one.remove_member(group, ann).await;
        if round % 2 == 0 {
            of_ben.wait_for_number(group, left).await;
        }
        two.hub.resume(&of_ann.client.0, vec![Bytes::from(format!("missed {round}"))], &[(group, joined)]);
        of_ann.wait_for_text(&format!("quit 1 {left}")).await;
    }
    let texts = of_ann.texts();
    let quits = texts.iter().filter(|text| text.starts_with("quit"));
    assert_eq!(quits.count(), 20, "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_joins_and_leaves_start_and_stop_delivery() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ann]).await;
    let (at_one, at_two) = (one.connect(ann, "ann").await, two.connect(ben, "ben").await);
    wait_for_subscriptions(&redis, 4 + 3).await;
    one.send(group, ann).await;
    one.add_member(group, ben).await;
    at_two.wait_for_text("whole 1 2").await;
    wait_for_subscriptions(&redis, 4 + 4).await;
    one.send(group, ann).await;
    at_two.wait_for_text("text 1 3").await;
    let removed = one.remove_member(group, ben).await;
    at_two.wait_for_text("quit 1 4").await;
    for _ in 0..20 {
        one.send(group, ann).await;
    }
    at_one.wait_for_number(group, Seq(24)).await;
    wait_for_subscriptions(&redis, 4 + 3).await;
    assert_eq!(at_two.numbers(group), [2, 3, removed.0]);
    assert_ascending(&at_one.numbers(group));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_removed_under_load_receives_nothing_afterwards() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ann, ben]).await;
    let (at_one, at_two) = (one.connect(ann, "ann").await, two.connect(ben, "ben").await);
    wait_for_subscriptions(&redis, 4 + 4).await;
    let (mut removed, mut last) = (Seq(0), Seq(0));
    for n in 0..600 {
        if n == 300 {
            removed = one.remove_member(group, ben).await;
        }
        last = one.send(group, ann).await;
    }
    at_one.wait_for_number(group, last).await;
    at_two.wait_for_text(&format!("quit 1 {removed}")).await;
    until("the group is let go", || two.hub.counts().groups == 0).await;
    assert_eq!(at_two.numbers(group), (1..=removed.0).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn user_events_reach_their_sockets_on_every_node() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let (at_one, at_two) = (one.connect(ann, "ann").await, two.connect(ben, "ben").await);
    wait_for_subscriptions(&redis, 4 + 2).await;
    let all_seen = |node: &Node| node.hub.status_of(&[ann, ben]) == [Status::Online; 2];
    until("both are seen on both", || all_seen(&one) && all_seen(&two)).await;
    let (author, name) = ((ann, name_of("ann")), (ben, name_of("ben")));
    let kind = Kind::ContactUpdate { author, name, outcome: Outcome::Contact };
    one.write(move |_, events| {
        events.push(Event::to_users(kind.clone(), vec![ann, ben]));
        Ok(())
    })
    .await;
    // Each receives the other's presence, too.
    at_one.wait_for_text("status ben online").await;
    at_two.wait_for_text("status ann online").await;
    assert!(at_one.has("contact") && at_two.has("contact"));
    let kind =
        Kind::UserUpdate { user: ann, name: name_of("ann"), new_name: Some(name_of("eve")), profile: None };
    one.write(move |_, events| {
        events.push(Event::to_users(kind.clone(), vec![ann, ben]));
        Ok(())
    })
    .await;
    at_two.wait_for_text("rename eve").await;
    let texts = at_two.texts();
    assert_eq!(texts.iter().filter(|text| *text == "contact" || *text == "rename eve").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn number_of_a_rename_passes_unsent_on_every_node() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ann, ben]).await;
    let (at_one, at_two) = (one.connect(ann, "ann").await, two.connect(ben, "ben").await);
    wait_for_subscriptions(&redis, 4 + 4).await;
    one.send(group, ann).await;
    one.write(move |tx, events| {
        let seq = tx.seq_take(group, 1)?;
        events.push(Event::in_group(Kind::MemberChanged { group, left: None }, group, seq));
        Ok(())
    })
    .await;
    one.send(group, ann).await;
    for socket in [&at_one, &at_two] {
        until("the message after it is there", || socket.numbers(group) == [1, 3]).await;
    }
    assert_eq!([one.hub.counts().gaps, two.hub.counts().gaps], [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_and_deletion_close_sockets_on_every_node() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let token = TokenHash([7; 32]);
    one.write(move |tx, _| tx.token_insert(&token, ann, Token::Token, Date::from_micros(NOW * 2))).await;
    let by_token = two.connect_as(Identity { token: Some(token), ..identity_of(ann, "ann") }).await;
    let (beside, of_ben) = (two.connect(ann, "ann").await, two.connect(ben, "ben").await);
    one.write(move |tx, events| {
        tx.token_delete(&token)?;
        events.push(Event::to_users(Kind::Ended(Ended::Token(token)), vec![]));
        events.push(Event::to_users(Kind::Ended(Ended::User(ben)), vec![]));
        Ok(())
    })
    .await;
    until("they are closed", || {
        by_token.close() == Some(Close::CredentialEnded) && of_ben.close() == Some(Close::CredentialEnded)
    })
    .await;
    assert_eq!(beside.close(), None);
}
