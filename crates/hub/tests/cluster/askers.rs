//! Answers to requests reach their sender, in whatever order a node learns of a group and its members.

use std::sync::{Arc, Mutex};

use chinwag_core::bus::Bus;
use chinwag_core::event::{Event, Origin};
use chinwag_core::permission::Role;
use chinwag_core::{Date, GroupId, Seq};
use chinwag_testkit::redis::Redis;
use uuid::Uuid;

use crate::harness::{NOW, update};
use crate::nodes::{Node, Reader, StoreFile, add_member, changed, send, unaudited};

fn asked(by: &Reader, reference: &str) -> Origin {
    Origin { socket: by.client.0.id(), reference: Some(Arc::from(reference)) }
}

/// The store's threads publish their commits independently. With `is_late`, the node reads the group from the
/// store before it receives the first event.
async fn answers_both_first_messages(is_late: bool) {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let node = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (node.user("ann").await, node.user("ben").await);
    let (of_ann, of_ben) = (node.connect(ann, "ann").await, node.connect(ben, "ben").await);
    let group = GroupId(Uuid::from_u128(1));
    let committed: Arc<Mutex<Vec<Event>>> = Arc::default();
    let (made, sent) = (asked(&of_ann, "made"), asked(&of_ben, "sent"));
    let into = committed.clone();
    node.write(move |tx, _| {
        tx.group_insert(group, "group", None)?;
        for user in [ann, ben] {
            tx.member_set(group, user, Role::Member, Date::from_micros(NOW))?;
        }
        let seq = changed(tx, group)?;
        let view = tx.view(group)?.expect("the group is there");
        let mut events =
            vec![Event { origin: Some(made.clone()), ..update(view, seq, vec![ann, ben], vec![]) }];
        send(tx, &mut events, group, ben)?;
        events[1].origin = Some(sent.clone());
        *into.lock().expect("no test panics here") = events;
        Ok(())
    })
    .await;
    let mut events = std::mem::take(&mut *committed.lock().expect("no test panics here"));
    let message = events.remove(1);
    if is_late {
        node.bus.publish(vec![message]);
        of_ben.wait_for_text("text 1 2 #sent").await;
        node.bus.publish(events);
    } else {
        node.bus.publish(vec![message, events.remove(0)]);
    }
    of_ann.wait_for_text("whole 1 1 #made").await;
    of_ben.wait_for_text("text 1 2 #sent").await;
    assert!(of_ann.has("whole 1 2") && of_ben.has("whole 1 2"), "{:?} {:?}", of_ann.texts(), of_ben.texts());
}

#[tokio::test(flavor = "multi_thread")]
async fn maker_of_a_group_is_answered_after_a_later_message() {
    answers_both_first_messages(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maker_of_a_group_is_answered_after_its_node_read_it() {
    answers_both_first_messages(true).await;
}

/// Another node has added her, and its hint was lost.
#[tokio::test(flavor = "multi_thread")]
async fn sender_is_answered_whose_join_is_unknown() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let node = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (node.user("ann").await, node.user("ben").await);
    let group = node.group(1, &[ben]).await;
    let (of_ann, of_ben) = (node.connect(ann, "ann").await, node.connect(ben, "ben").await);
    node.write(move |tx, _| add_member(tx, &mut Vec::new(), group, ann).map(drop)).await;
    let sent = asked(&of_ann, "sent");
    node.write(move |tx, events| {
        send(tx, events, group, ann)?;
        events[0].origin = Some(sent.clone());
        Ok(())
    })
    .await;
    of_ann.wait_for_text("text 1 2 #sent").await;
    of_ben.wait_for_number(group, Seq(2)).await;
    assert!(of_ann.has("whole 1 2"), "{:?}", of_ann.texts());
}
