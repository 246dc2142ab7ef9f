//! The recipients of events, their order, and shared frames.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::event::{Audience, Event, Kind, Origin};
use chinwag_core::group::{Group, View};
use chinwag_core::group_details::GroupDetails;
use chinwag_core::relation::Outcome;
use chinwag_core::{GroupId, Seq, UserId};
use chinwag_hub::Close;
use uuid::Uuid;

use crate::harness::{World, message, name_of, quiet, quit, settle, update};

#[tokio::test(start_paused = true)]
async fn members_alone_receive_events_in_commit_order() {
    let world = World::new(quiet());
    let [ann, ben, eve] = world.users(["ann", "ben", "eve"]).await;
    let group = world.group(7, &[ann, ben]).await;
    let clients = [world.connect(ann).await, world.connect(ben).await, world.connect(ben).await];
    let outside = world.connect(eve).await;
    for _ in 0..300 {
        world.send(group).await;
    }
    settle().await;
    let mut expected = vec!["hello".to_owned()];
    expected.extend((1..=300).map(|seq| format!("message 7 {seq}")));
    for client in &clients {
        assert_eq!(client.texts(), expected);
    }
    assert_eq!(outside.texts(), ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_encoded_once_for_all_but_its_origin() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let group = world.group(7, &[ann, ben]).await;
    let (asker, other) = (world.connect(ann).await, world.connect(ann).await);
    let third = world.connect(ben).await;
    let mut frames = [vec![], vec![], vec![]];
    let before = world.encoder.0.load(Ordering::Relaxed);
    let origin = Origin { socket: asker.0.id(), reference: Some(Arc::from("r1")) };
    let bare = Origin { reference: None, ..origin.clone() };
    let two = vec![message(group, Seq(1)).from(Some(&origin)), message(group, Seq(2)).from(Some(&bare))];
    world.publish(two).await;
    for (client, frames) in [&asker, &other, &third].into_iter().zip(&mut frames) {
        client.read_frames(frames);
    }
    let [asker, other, third] = frames;
    assert_eq!(asker[1], "message 7 1 #r1");
    assert_eq!(other[1], "message 7 1");
    assert_eq!(other[1].as_ptr(), third[1].as_ptr());
    assert_eq!(asker[2], "message 7 2");
    assert_eq!(asker[2].as_ptr(), other[2].as_ptr());
    assert_eq!(world.encoder.0.load(Ordering::Relaxed) - before, 3);
}

#[tokio::test(start_paused = true)]
async fn events_without_recipients_are_not_encoded() {
    let world = World::new(quiet());
    let group = world.group(7, &[]).await;
    world.publish(vec![message(group, Seq(1))]).await;
    assert_eq!(world.hub.counts().events, 1);
    assert_eq!(world.encoder.0.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn typing_reaches_everyone_but_its_author() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let group = world.group(7, &[ann, ben]).await;
    let (author, other) = (world.connect(ann).await, world.connect(ben).await);
    let kind = Kind::Typing { author: name_of("ann"), group, started: true };
    world.bus.publish_ephemeral(vec![Event {
        to: Audience::Others(group, vec![ann]),
        ..Event::to_users(kind, vec![])
    }]);
    settle().await;
    assert_eq!(author.texts(), ["hello"]);
    assert_eq!(other.texts(), ["hello", "typing ann"]);
}

fn view(group: GroupId) -> Arc<View> {
    let details = GroupDetails::default();
    let group =
        Group { id: group, name: "group".into(), private: false, head: Seq(0), pins: vec![], details };
    let (members, messages, people, reads) = (vec![], vec![], vec![], vec![]);
    Arc::new(View { group, members, members_count: 0, messages, people, reads, mentioned: vec![] })
}

#[tokio::test(start_paused = true)]
async fn joining_starts_delivery_and_leaving_ends_it() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let group = world.group(7, &[ann]).await;
    let (stays, comes) = (world.connect(ann).await, world.connect(ben).await);
    let seq = |n| Seq(n);
    world.publish(vec![message(group, seq(1)), update(view(group), seq(2), vec![ben], vec![])]).await;
    world.publish(vec![message(group, seq(3))]).await;
    world
        .publish(vec![update(view(group), seq(4), vec![], vec![ben]), quit(group, "ben", seq(4), ben)])
        .await;
    world.publish(vec![message(group, seq(5))]).await;
    assert_eq!(comes.texts(), ["hello", "whole 7 2", "message 7 3", "quit 7 4"]);
    assert_eq!(
        stays.texts(),
        ["hello", "message 7 1", "update 7 2", "message 7 3", "update 7 4", "message 7 5"]
    );
}

#[tokio::test(start_paused = true)]
async fn new_group_reaches_its_first_members() {
    let world = World::new(quiet());
    let [ann, ben, eve] = world.users(["ann", "ben", "eve"]).await;
    let group = GroupId(Uuid::from_u128(9));
    let client = world.connect(ann).await;
    world.publish(vec![update(view(group), Seq(1), vec![eve], vec![])]).await;
    assert_eq!(world.hub.counts().groups, 0, "nobody who is connected is in it");
    world.publish(vec![update(view(group), Seq(2), vec![ann, ben], vec![])]).await;
    world.publish(vec![message(group, Seq(3))]).await;
    assert_eq!(client.texts(), ["hello", "whole 9 2", "message 9 3"]);
    assert_eq!(world.hub.counts().gaps, 0);
}

#[tokio::test(start_paused = true)]
async fn deleted_group_is_announced_and_then_forgotten() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let group = world.group(7, &[ann]).await;
    let client = world.connect(ann).await;
    assert_eq!(world.hub.counts().groups, 1);
    world.publish(vec![Event::in_group(Kind::GroupDelete(group), group, Seq(1))]).await;
    world.publish(vec![message(group, Seq(2))]).await;
    assert_eq!(client.texts(), ["hello", "delete 7 1"]);
    assert_eq!(world.hub.counts().groups, 0);
}

#[tokio::test(start_paused = true)]
async fn repeated_numbers_are_dropped_and_gaps_are_counted() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let group = world.group(7, &[ann]).await;
    let client = world.connect(ann).await;
    world.write(move |tx, _| tx.seq_take(group, 6).map(drop)).await;
    let publish = |n: &[i64]| world.publish(n.iter().map(|n| message(group, Seq(*n))).collect());
    publish(&[1, 2, 2, 1, 3]).await;
    assert_eq!(client.texts(), ["hello", "message 7 1", "message 7 2", "message 7 3"]);
    assert_eq!(world.hub.counts().gaps, 0);
    publish(&[5, 4, 6]).await;
    assert_eq!(client.texts(), ["message 7 5", "message 7 6"]);
    assert_eq!(world.hub.counts().gaps, 1);
}

#[tokio::test(start_paused = true)]
async fn number_that_a_lone_store_gives_again_requires_a_resync() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let group = world.group(7, &[ann]).await;
    let client = world.connect(ann).await;
    // The store has lost two of three messages.
    world.publish((1..=3).map(|n| message(group, Seq(n))).collect()).await;
    world.write(move |tx, _| tx.seq_take(group, 1).map(drop)).await;
    assert_eq!(client.texts(), ["hello", "message 7 1", "message 7 2", "message 7 3"]);
    world.send(group).await;
    settle().await;
    assert_eq!(client.read(), (vec![], Some(Close::ResyncRequired)));
    let again = world.connect(ann).await;
    world.send(group).await;
    settle().await;
    assert_eq!(again.texts(), ["hello", "message 7 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_rename_reaches_the_sockets_before_its_event() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let client = world.connect(ann).await;
    assert_eq!(client.0.name(), name_of("ann"), "the store's name counts, not the handshake's");
    let kind =
        Kind::UserUpdate { user: ann, name: name_of("ann"), new_name: Some(name_of("anna")), profile: None };
    world.publish(vec![Event::to_users(kind, vec![ann])]).await;
    assert_eq!(client.0.name(), name_of("anna"));
    assert_eq!(client.texts(), ["hello", "rename anna"]);
}

#[tokio::test(start_paused = true)]
async fn new_contacts_receive_each_others_status_unless_disconnected() {
    let world = World::new(quiet());
    let [ann, ben, eve] = world.users(["ann", "ben", "eve"]).await;
    let (a, b) = (world.connect(ann).await, world.connect(ben).await);
    let contact = |x: (UserId, &str), y: (UserId, &str)| {
        let kind = Kind::ContactUpdate {
            author: (x.0, name_of(x.1)),
            name: (y.0, name_of(y.1)),
            outcome: Outcome::Contact,
        };
        Event::to_users(kind, vec![x.0, y.0])
    };
    world.publish(vec![contact((ann, "ann"), (ben, "ben")), contact((eve, "eve"), (ann, "ann"))]).await;
    assert_eq!(a.texts(), ["hello", "contact", "status ben online", "contact"]);
    assert_eq!(b.texts(), ["hello", "contact", "status ann online"]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_socket_wakes_for_a_frame_and_an_idle_one_sleeps() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let client = world.connect(ann).await;
    assert!(client.is_ready().await);
    client.texts();
    assert!(!client.is_ready().await);
    let task = tokio::spawn(async move {
        client.0.wait().await;
        client.texts()
    });
    settle().await;
    assert!(!task.is_finished());
    let kind =
        Kind::UserUpdate { user: ann, name: name_of("ann"), new_name: Some(name_of("anna")), profile: None };
    world.publish(vec![Event::to_users(kind, vec![ann])]).await;
    assert_eq!(task.await.expect("it ends"), ["rename anna"]);
}

#[tokio::test(start_paused = true)]
async fn overlapping_pauses_hold_delivery_until_the_last_ends() {
    let world = World::new(quiet());
    let ann = world.user("ann").await;
    let group = world.group(1, &[ann]).await;
    let client = world.connect(ann).await;
    client.texts();
    world.hub.pause(&client.0, []);
    world.hub.pause(&client.0, []);
    world.send(group).await;
    settle().await;
    world.hub.resume(&client.0, vec![Bytes::from_static(b"missed")], &[(group, Seq(1))]);
    world.send(group).await;
    settle().await;
    assert_eq!(client.texts(), ["missed"], "what was missed is told, what comes is still held");
    world.hub.resume(&client.0, vec![Bytes::from_static(b"more")], &[]);
    world.send(group).await;
    settle().await;
    assert_eq!(client.texts(), ["more", "message 1 2", "message 1 3"]);
}

#[tokio::test(start_paused = true)]
async fn only_groups_held_up_to_the_head_are_current() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let (group, other) = (world.group(1, &[ann]).await, world.group(2, &[ben]).await);
    world.send(group).await;
    let client = world.connect(ann).await;
    world.hub.pause(&client.0, []);
    let part = |group, held| world.hub.split_current(&client.0, vec![(group, Seq(held))]);
    assert_eq!(part(group, 1), (vec![(group, Seq(1))], vec![]));
    world.send(group).await;
    settle().await;
    assert_eq!(part(group, 2), (vec![(group, Seq(2))], vec![]), "what is held meanwhile follows");
    for held in [0, 1, 3] {
        assert_eq!(part(group, held), (vec![], vec![(group, Seq(held))]));
    }
    assert_eq!(part(other, 0), (vec![], vec![(other, Seq(0))]), "a group of others' is looked up");
}

#[tokio::test(start_paused = true)]
async fn joining_socket_is_sent_the_whole_group_and_others_its_change() {
    let world = World::new(quiet());
    let [ann, ben, cat] = world.users(["ann", "ben", "cat"]).await;
    let group = world.group(7, &[ann, ben]).await;
    let (anns, bens, cats) = (world.connect(ann).await, world.connect(ben).await, world.connect(cat).await);
    let before = world.encoder.0.load(Ordering::Relaxed);
    world.publish(vec![update(view(group), Seq(1), vec![cat], vec![])]).await;
    assert_eq!(
        (anns.texts(), bens.texts()),
        (words(&["hello", "update 7 1"]), words(&["hello", "update 7 1"]))
    );
    assert_eq!(cats.texts(), ["hello", "whole 7 1"]);
    assert_eq!(world.encoder.0.load(Ordering::Relaxed) - before, 2, "each form is encoded once");
}

#[tokio::test(start_paused = true)]
async fn number_without_recipients_leaves_no_gap() {
    let world = World::new(quiet());
    let [ann, ben] = world.users(["ann", "ben"]).await;
    let group = world.group(7, &[ann, ben]).await;
    let anns = world.connect(ann).await;
    let changed = |seq, left| Event::in_group(Kind::MemberChanged { group, left }, group, Seq(seq));
    world.publish(vec![message(group, Seq(1)), changed(2, Some(ben)), message(group, Seq(3))]).await;
    assert_eq!(anns.texts(), ["hello", "message 7 1", "message 7 3"]);
    assert_eq!(world.hub.counts().gaps, 0);
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
