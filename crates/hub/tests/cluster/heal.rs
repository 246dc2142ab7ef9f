//! Lost hints that no later hint reveals: the audit finds them.

use chinwag_core::event::{Ended, Event, Kind};
use chinwag_core::token::{Kind as Token, TokenHash};
use chinwag_core::{Date, Seq, TaskId};
use chinwag_hub::{Close, Identity};
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::redis::Redis;
use chinwag_testkit::wait::until;
use uuid::Uuid;

use crate::harness::{NOW, identity_of};
use crate::nodes::{Node, StoreFile, add, quick, wait_for_subscriptions};

/// Two nodes; hints of the first can be cut off, while the second's link stays up.
async fn nodes_with_cut(redis: &Redis, place: &StoreFile, proxy: &Proxy) -> (Node, Node) {
    let one = Node::start(place, &format!("redis://{}", proxy.address()), quick()).await;
    let two = Node::start(place, &redis.url(), quick()).await;
    (one, two)
}

async fn cut(one: &Node, proxy: &Proxy) {
    proxy.cut();
    until("it is cut off", || one.hub.link() == Some(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_of_the_last_hint_is_repaired() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let proxy = Proxy::to(redis.address()).await;
    let (one, two) = nodes_with_cut(&redis, &place, &proxy).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ann, ben]).await;
    let at_two = two.connect(ben, "ben").await;
    wait_for_subscriptions(&redis, 4 + 2).await;
    cut(&one, &proxy).await;
    one.send(group, ann).await;
    at_two.wait_for_text("text 1 1").await;
    assert_eq!(two.hub.link(), Some(true));
    assert!(two.hub.counts().healed > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_joins_removals_and_group_deletions_are_repaired() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let proxy = Proxy::to(redis.address()).await;
    let (one, two) = nodes_with_cut(&redis, &place, &proxy).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let first = one.group(1, &[ann]).await;
    let second = one.group(2, &[ann, ben]).await;
    let third = one.group(3, &[ann, ben]).await;
    let at_two = two.connect(ben, "ben").await;
    wait_for_subscriptions(&redis, 4 + 3).await;
    cut(&one, &proxy).await;
    one.send(first, ann).await;
    one.add_member(first, ben).await;
    one.send(second, ann).await;
    one.remove_member(second, ben).await;
    one.send(second, ann).await;
    one.write(move |tx, _| tx.group_delete(third, TaskId(Uuid::nil()))).await;
    at_two.wait_for_text("whole 1 2").await;
    at_two.wait_for_text("delete 3 1").await;
    at_two.wait_for_text("quit 2 1").await;
    one.send(first, ann).await;
    at_two.wait_for_text("text 1 3").await;
    // Messages before its removal from the second group are no longer readable.
    assert_eq!(
        at_two.numbers(second),
        [1],
        "the first number that it was not told, and none after its removal"
    );
    assert_eq!(two.hub.counts().groups, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_hints_of_pending_memberships_are_repaired() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let proxy = Proxy::to(redis.address()).await;
    let (one, two) = nodes_with_cut(&redis, &place, &proxy).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let mut groups = Vec::new();
    for n in 1..=5 {
        groups.push(one.group(n, &[ann]).await);
    }
    let [added, declined, ended, accepted, fifth] = groups[..] else { panic!("five were made") };
    for group in [declined, ended] {
        // Without a hint, which might arrive after the summary.
        one.write(move |tx, _| add(tx, &mut Vec::new(), group, ben).map(drop)).await;
    }
    let at_two = two.connect(ben, "ben").await;
    wait_for_subscriptions(&redis, 4 + 1).await;
    one.add(accepted, ben).await;
    at_two.wait_for_text("pending 4 1").await;
    cut(&one, &proxy).await;
    one.add(added, ben).await;
    one.decline(declined, ben).await;
    one.write(move |tx, _| tx.group_delete(ended, TaskId(Uuid::nil()))).await;
    one.accept(accepted, ben).await;
    at_two.wait_for_text("pending 1 1").await;
    at_two.wait_for_text("ended 2 2").await;
    at_two.wait_for_text("ended 3").await;
    at_two.wait_for_text("whole 4 1").await;
    // A pending member receives nothing of the group.
    one.send(added, ann).await;
    let last = one.send(accepted, ann).await;
    at_two.wait_for_number(accepted, last).await;
    // The audit that finds this change would also repeat others, if it repeated any.
    one.add(fifth, ben).await;
    at_two.wait_for_text("pending 5 1").await;
    let mut texts = at_two.texts();
    texts.sort_unstable();
    #[rustfmt::skip]
    let expected = [
        "ended 2 2", "ended 3", "hello", "pending 1 1", "pending 4 1", "pending 5 1", "text 4 2", "whole 4 1",
    ];
    assert_eq!(texts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_token_and_user_deletions_are_repaired() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let proxy = Proxy::to(redis.address()).await;
    let (one, two) = nodes_with_cut(&redis, &place, &proxy).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let token = TokenHash([7; 32]);
    one.write(move |tx, _| tx.token_insert(&token, ann, Token::Token, Date::from_micros(NOW * 2))).await;
    let by_token = two.connect_as(Identity { token: Some(token), ..identity_of(ann, "ann") }).await;
    let (beside, of_ben) = (two.connect(ann, "ann").await, two.connect(ben, "ben").await);
    cut(&one, &proxy).await;
    one.write(move |tx, events| {
        tx.token_delete(&token)?;
        tx.user_delete(ben, TaskId(Uuid::nil()))?;
        events.push(Event::to_users(Kind::Ended(Ended::Token(token)), vec![]));
        Ok(())
    })
    .await;
    until("they are closed", || {
        by_token.close() == Some(Close::CredentialEnded) && of_ben.close() == Some(Close::CredentialEnded)
    })
    .await;
    assert_eq!(beside.close(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_before_the_subscription_is_active_are_not_missed() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), crate::nodes::unaudited()).await;
    let two = Node::start(&place, &redis.url(), crate::nodes::unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    for n in 0..20 {
        let group = one.group(n, &[ann, ben]).await;
        let at_two = two.connect(ben, "ben").await;
        // Sent before this node is subscribed: the comparison finds it afterwards.
        let last = one.send(group, ann).await;
        at_two.wait_for_number(group, last).await;
        assert_eq!(last, Seq(1));
        drop(at_two);
        until("it is gone", || two.hub.counts().users == 0).await;
    }
}
