//! An attacker on Redis who repeats, delays, reorders and forges hints.

use chinwag_core::Seq;
use chinwag_hub::bus::RedisOptions;
use chinwag_hub::bus::link::{Channel, Hint, HintKind};
use chinwag_testkit::redis::Redis;
use futures_util::StreamExt;
use redis::{Client, cmd};

use chinwag_testkit::wait::until;

use crate::nodes::{Node, Reader, SECRET, StoreFile, connect, typing, unaudited, wait_for_subscriptions};

type Recording = Vec<(String, Vec<u8>)>;

/// The last message of a recording.
const END: &str = "chinwag:end";

/// Records everything on Redis until `while_doing` has ended.
async fn record_while(redis: &Redis, while_doing: impl Future<Output = ()>) -> Recording {
    let mut subscription =
        Client::open(redis.url()).expect("a URL").get_async_pubsub().await.expect("a link");
    subscription.psubscribe("chinwag:*").await.expect("it listens");
    while_doing.await;
    publish(redis, &vec![(END.to_owned(), Vec::new())]).await;
    let mut recorded = Recording::new();
    let mut stream = subscription.on_message();
    while let Some(message) = stream.next().await.filter(|message| message.get_channel_name() != END) {
        recorded.push((message.get_channel_name().to_owned(), message.get_payload_bytes().to_vec()));
    }
    recorded
}

async fn publish(redis: &Redis, recorded: &Recording) {
    let client = Client::open(redis.url()).expect("a URL");
    let mut link = client.get_multiplexed_async_connection().await.expect("a link");
    for (channel, payload) in recorded {
        let mut publish = cmd("PUBLISH");
        publish.arg(channel).arg(payload);
        publish.query_async::<()>(&mut link).await.expect("it publishes");
    }
}

fn typed(reader: &Reader) -> usize {
    reader.texts().iter().filter(|text| text.starts_with("typing")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_delayed_and_reordered_hints_change_nothing() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ann, ben]).await;
    let (_at_one, at_two) = (one.connect(ann, "ann").await, two.connect(ben, "ben").await);
    wait_for_subscriptions(&redis, 4 + 4).await;
    let mut recorded = record_while(&redis, async {
        for _ in 0..10 {
            one.send(group, ann).await;
        }
        one.hub.publish_ephemeral(typing(group, "ann"));
        at_two.wait_for_text("typing ann").await;
        one.remove_member(group, ben).await;
        at_two.wait_for_text("quit 1 11").await;
        one.add_member(group, ben).await;
        at_two.wait_for_text("whole 1 12").await;
    })
    .await;
    wait_for_subscriptions(&redis, 4 + 4).await;
    assert!(recorded.len() >= 13, "it was recorded");
    let before = at_two.texts();
    assert_eq!(typed(&at_two), 1);
    let repeated = two.hub.counts().link.expect("a link").repeated;
    recorded.reverse();
    publish(&redis, &recorded).await;
    publish(&redis, &recorded).await;
    until("they have come", || two.hub.counts().link.is_some_and(|link| link.repeated >= repeated + 26))
        .await;
    // Any effect of the repeated hints would precede this.
    one.send(group, ann).await;
    at_two.wait_for_text("text 1 13").await;
    assert_eq!(at_two.texts(), [before, vec!["text 1 13".to_owned()]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_with_the_secret_cannot_replay_reorder_or_add() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ann, ben]).await;
    let (_at_one, at_two) = (one.connect(ann, "ann").await, two.connect(ben, "ben").await);
    wait_for_subscriptions(&redis, 4 + 4).await;
    for _ in 0..5 {
        one.send(group, ann).await;
    }
    at_two.wait_for_number(group, Seq(5)).await;
    let options = RedisOptions::new(redis.url(), SECRET);
    let (hostile, _events) = connect(options).await;
    let link = hostile.link();
    until("its link stands", || link.is_up()).await;
    let about = |kind, seq| Hint {
        group: Some(group),
        seq: Some(Seq(seq)),
        ..Hint::new(kind).with("text 1 0".into())
    };
    // Already received, never assigned, and far ahead.
    for seq in [5, 1, 3, 900, 901] {
        link.publish(Channel::Group(group), about(HintKind::Group(vec![]), seq));
    }
    one.send(group, ann).await;
    at_two.wait_for_text("text 1 6").await;
    one.remove_member(group, ben).await;
    at_two.wait_for_text("quit 1 7").await;
    let healed = two.hub.counts().healed;
    let joined = |users| HintKind::Changed { joined: users, left: vec![] };
    link.publish(Channel::User(ben), about(HintKind::Joined(ben), 4));
    link.publish(Channel::User(ben), about(joined(vec![ben]), 8));
    link.publish(Channel::Nodes, about(joined(vec![ben]), 1));
    // A kind that only a newer node knows, in a group without local members.
    link.publish(Channel::User(ben), about(HintKind::Unknown, 9));
    one.send(group, ann).await;
    until("they are looked up", || two.hub.counts().healed > healed).await;
    link.publish(Channel::User(ben), Hint::new(HintKind::User(ben)).with("fence".into()));
    at_two.wait_for_text("fence").await;
    assert_eq!(at_two.numbers(group), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(two.hub.counts().groups, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_hint_with_a_number_triggers_a_read_of_the_store() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, other) = (one.user("ann").await, StoreFile::new());
    let group = one.group(1, &[ann]).await;
    let at_one = one.connect(ann, "ann").await;
    wait_for_subscriptions(&redis, 2 + 2).await;
    let newer = Node::start(&other, &redis.url(), unaudited()).await;
    // Another node commits this, and publishes it in an unknown format.
    one.write(move |tx, _| crate::nodes::send(tx, &mut Vec::new(), group, ann).map(|_| ())).await;
    let hint =
        Hint { group: Some(group), seq: Some(Seq(1)), ..Hint::new(HintKind::Unknown).with("news".into()) };
    newer.bus.link().publish(Channel::Group(group), hint);
    at_one.wait_for_text("text 1 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_hint_is_not_delivered() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ann, ben]).await;
    let at_two = two.connect(ben, "ben").await;
    wait_for_subscriptions(&redis, 4 + 2).await;
    let recorded = record_while(&redis, async {
        one.send(group, ann).await;
        at_two.wait_for_text("text 1 1").await;
    })
    .await;
    let (channel, good) =
        recorded.iter().find(|(channel, _)| channel.contains(":g:")).expect("it was recorded");
    let changed = |at: usize| {
        let mut payload = good.clone();
        payload[at] ^= 1;
        payload
    };
    let mut forged: Vec<Vec<u8>> = (0..good.len()).map(changed).collect();
    forged.extend((0..good.len()).map(|length| good[..length].to_vec()));
    forged.extend([b"hello".to_vec(), vec![1; 2 * 1024 * 1024]]);
    let forged: Recording = forged.into_iter().map(|payload| (channel.clone(), payload)).collect();
    // The same bytes on another channel.
    let elsewhere: Recording =
        recorded.iter().map(|(name, _)| (name.replace(":g:", ":u:"), good.clone())).take(1).collect();
    let before = two.hub.counts().link.expect("a link");
    publish(&redis, &forged).await;
    publish(&redis, &elsewhere).await;
    let count = forged.len() as u64;
    until("they have come", || {
        two.hub.counts().link.is_some_and(|link| link.forged >= before.forged + count)
    })
    .await;
    one.send(group, ann).await;
    at_two.wait_for_text("text 1 2").await;
    assert_eq!(at_two.numbers(group), [1, 2]);
}
