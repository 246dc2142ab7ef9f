//! Hints between nodes that are lost, delayed, reordered, repeated or forged.

use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::trial::{Reader, Reading, WAIT_TIMEOUT, bound, group, report, times};
use chinwag_testkit::wait::Wait;
use futures_util::StreamExt;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::cluster::Cluster;

/// The bound in the contract.
pub(crate) const HEALED: Duration = Duration::from_secs(15);

/// Two nodes with one user of a group at each.
pub(crate) struct Pair {
    pub(crate) cluster: Cluster,
    ann: Client,
    pub(crate) bob: Client,
    pub(crate) group: String,
}

impl Pair {
    pub(crate) async fn new() -> Self {
        let cluster = Cluster::of(2).await;
        let mut users = cluster.users("user", 2).await;
        let (bob, ann) = (users.remove(1), users.remove(0));
        let group = group(&cluster.nodes[0].service(), &[ann.name(), bob.name()]).await;
        Self { cluster, ann, bob, group }
    }

    /// Lets Bob read at the second node.
    pub(crate) async fn read(&self) -> Reading {
        Reader::new(&self.bob, &self.group).follow(&self.cluster.urls_from(1)).await
    }

    /// Ann sends a message at the first node.
    pub(crate) async fn say(&self, body: &str) -> i64 {
        let data = json!({ "group": self.group, "body": body });
        let said = self.cluster.nodes[0].as_user(&self.ann).post("messages/", data).await.ok(201);
        said["seq"].as_i64().expect("a number")
    }

    /// Connects to Redis as a client that is not a node: returns a subscription to all hints, and a connection
    /// to publish.
    pub(crate) async fn eavesdrop(
        &self,
    ) -> (mpsc::UnboundedReceiver<(String, Vec<u8>)>, MultiplexedConnection) {
        let client = redis::Client::open(self.cluster.redis.url()).expect("an address");
        let mut subscription = client.get_async_pubsub().await.expect("it is there");
        subscription.psubscribe("*").await.expect("it listens");
        let (sender, hints) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut messages = subscription.into_on_message();
            while let Some(message) = messages.next().await {
                let said = (message.get_channel_name().to_owned(), message.get_payload_bytes().to_vec());
                if sender.send(said).is_err() {
                    return;
                }
            }
        });
        (hints, client.get_multiplexed_async_connection().await.expect("it is there"))
    }

    pub(crate) async fn figure(&self, what: &str) -> f64 {
        self.cluster.nodes[1].figure(&format!("chinwag_hints_{what}_total")).await
    }

    /// Waits until the second node's metric has grown by `more`.
    pub(crate) async fn counted(&self, what: &str, before: f64, more: u32) {
        let wait = Wait::begin();
        loop {
            let figure = self.figure(what).await;
            if figure >= before + f64::from(more) {
                return;
            }
            wait.step(|| format!("{what}: {figure} after {before}")).await;
        }
    }

    pub(crate) async fn whole(&self, reading: Reading, upto: i64) -> Reader {
        reading.reaches(upto, WAIT_TIMEOUT).await;
        let reader = reading.stop().await;
        let history = chinwag_testkit::trial::history(&self.cluster.nodes[0].service(), &self.group).await;
        reader.assert_whole(&history);
        reader
    }
}

/// Collects the next hints of the group.
pub(crate) async fn capture(
    hints: &mut mpsc::UnboundedReceiver<(String, Vec<u8>)>,
    group: &str,
    count: usize,
) -> Vec<(String, Vec<u8>)> {
    let mut captured = Vec::new();
    while captured.len() < count {
        let said =
            timeout(WAIT_TIMEOUT, hints.recv()).await.expect("hints are published").expect("it listens");
        if said.0.contains(group) {
            captured.push(said);
        }
    }
    captured
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_last_hint_is_recovered_from_the_store() {
    let rounds = times(1, 20);
    let pair = Pair::new().await;
    let reading = pair.read().await;
    let link = &pair.cluster.nodes[1].redis;
    let (mut slowest, mut last) = (Duration::ZERO, 0);
    for round in 0..rounds {
        let words = format!("the last word, number {round}");
        let lost = link.lost();
        link.lose(words.as_bytes());
        last = pair.say(&words).await;
        slowest = slowest.max(reading.reaches(last, bound(HEALED)).await);
        assert_eq!(link.lost(), lost + 1, "the hint was lost");
        link.restore();
    }
    assert!(pair.cluster.nodes[1].figure("chinwag_healed_total").await > 0.0);
    pair.whole(reading, last).await;
    report("hints", format!("{rounds} last hints lost"), format!("told all the same within {slowest:.1?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_late_hints_deliver_each_event_once_in_order() {
    let messages: u32 = times(20, 1000);
    let pair = Pair::new().await;
    let reading = pair.read().await;
    let (mut hints, mut redis) = pair.eavesdrop().await;
    let link = &pair.cluster.nodes[1].redis;
    // Delayed: the originals are lost, and another client sends all of them at once.
    link.lose(pair.group.as_bytes());
    let (mut last, mut captured) = (0, Vec::new());
    for number in 0..messages {
        last = pair.say(&format!("late {number}")).await;
        captured.extend(capture(&mut hints, &pair.group, 1).await);
    }
    link.restore();
    let before = (pair.figure("received").await, pair.figure("repeated").await);
    for (channel, payload) in &captured {
        redis.publish::<_, _, usize>(channel, payload).await.expect("it is published");
    }
    pair.counted("received", before.0, messages).await;
    reading.reaches(last, WAIT_TIMEOUT).await;
    // Repeated, newest first.
    for (channel, payload) in captured.iter().rev() {
        let receivers: usize = redis.publish(channel, payload).await.expect("it is published");
        assert!(receivers >= 2, "the node hears it as the eavesdropper does");
    }
    pair.counted("repeated", before.1, messages).await;
    // Reordered: the originals are lost, and another client sends them newest first.
    link.lose(pair.group.as_bytes());
    let lost = link.lost();
    let mut others = Vec::new();
    let _ = capture(&mut hints, &pair.group, 2 * messages as usize).await;
    for number in 0..5 {
        last = pair.say(&format!("turned round {number}")).await;
        others.extend(capture(&mut hints, &pair.group, 1).await);
    }
    assert!(link.lost() > lost, "the originals are lost");
    link.restore();
    for (channel, payload) in others.iter().rev() {
        redis.publish::<_, _, usize>(channel, payload).await.expect("it is published");
    }
    let reader = pair.whole(reading, last).await;
    report(
        "hints",
        format!("{messages} hints late and again, {} turned round", others.len()),
        format!("{} events, each once and in order", reader.count()),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_hints_are_not_delivered() {
    let rounds = times(5, 200);
    let pair = Pair::new().await;
    let reading = pair.read().await;
    let (mut hints, mut redis) = pair.eavesdrop().await;
    let (mut forged, mut last) = (0, 0);
    for round in 0..rounds {
        pair.say(&format!("genuine {round}")).await;
        let (channel, genuine) = capture(&mut hints, &pair.group, 1).await.remove(0);
        let before = pair.figure("forged").await;
        let at = find(&genuine, b"genuine").expect("the frame is in the hint");
        let mut another = genuine.clone();
        another[at..at + 7].copy_from_slice(b"invents");
        // The same hint with another number of the sending node.
        let mut renumbered = genuine.clone();
        renumbered[49] ^= 1;
        let elsewhere = channel.replace(&pair.group, "00000000-0000-7000-8000-000000000000");
        let frame = format!(
            r#"{{"type":"message.text","seq":99,"data":{{"group":"{}","body":"invented"}}}}"#,
            pair.group
        );
        for payload in [&another, &renumbered, &frame.into_bytes(), &vec![1; 64], &Vec::new()] {
            let receivers: usize = redis.publish(&channel, payload).await.expect("it is published");
            assert!(receivers >= 2, "the node hears it as the eavesdropper does");
            forged += 1;
        }
        let _: usize = redis.publish(&elsewhere, &genuine).await.expect("it is published");
        pair.counted("forged", before, 5).await;
        let _ = capture(&mut hints, &pair.group, 5).await;
        last = pair.say(&format!("and on {round}")).await;
        reading.reaches(last, bound(HEALED)).await;
        let _ = capture(&mut hints, &pair.group, 1).await;
    }
    let reader = pair.whole(reading, last).await;
    assert_eq!(reader.count(), 2 * rounds);
    report(
        "hints",
        format!("{forged} forged hints"),
        format!("none told; {} genuine events were", reader.count()),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_hints_replayed_to_a_restarted_node_change_nothing() {
    let rounds = times(2, 20);
    let mut pair = Pair::new().await;
    let service = pair.cluster.nodes[0].service();
    let cid = service.user("cid").await;
    let mut replayed = 0;
    for round in 0..rounds {
        let (mut hints, mut redis) = pair.eavesdrop().await;
        let at_two = |user: &Client| pair.cluster.nodes[1].as_user(user);
        let cid = service.sign_in(cid.name()).await;
        let mut ended = at_two(&cid).ws().await;
        let mut reading = at_two(&pair.bob).ws().await;
        for number in 0..5 {
            pair.say(&format!("recorded {round} {number}")).await;
            reading.until("message.text").await;
        }
        service.delete("users/cid/tokens/").await.ok(200);
        assert_eq!(ended.close_code().await, Some(4001), "told by a hint");
        let mut recorded = capture(&mut hints, &pair.group, 5).await;
        let about_the_group = recorded.len();
        while let Ok(said) = hints.try_recv() {
            recorded.push(said);
        }
        drop(reading);

        let node = &mut pair.cluster.nodes[1];
        node.running().terminate();
        assert_eq!(node.wait().code, Some(0));
        node.start();
        let at_two = |user: &Client| pair.cluster.nodes[1].as_user(user);
        let cid = service.sign_in(cid.name()).await;
        let (mut cids, mut bobs) = (at_two(&cid).ws().await, at_two(&pair.bob).ws().await);
        let fresh = format!("fresh {round}");
        // Once this has arrived, the node is subscribed to the group.
        pair.say(&fresh).await;
        while bobs.until("message.text").await["data"]["body"] != *fresh {}
        let before = pair.figure("repeated").await;
        for (channel, payload) in &recorded {
            redis.publish::<_, _, usize>(channel, payload).await.expect("it is published");
        }
        replayed += recorded.len();
        pair.counted("repeated", before, u32::try_from(about_the_group).expect("a few")).await;
        let last = format!("last {round}");
        pair.say(&last).await;
        let next = bobs.until("message.text").await;
        assert_eq!(next["data"]["body"], *last, "nothing between");
        cids.ping().await;
    }
    report(
        "hints",
        format!("{replayed} recorded hints replayed to {rounds} restarted nodes"),
        "nothing told, nobody closed",
    );
}

pub(crate) fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_hint_of_a_reaction_is_recovered() {
    let pair = Pair::new().await;
    let ann = pair.cluster.nodes[0].as_user(&pair.ann);
    let sent = ann.post("messages/", json!({ "group": pair.group, "body": "cake at four" })).await.ok(201);
    let mut bob = pair.cluster.nodes[1].as_user(&pair.bob).ws().await;
    let link = &pair.cluster.nodes[1].redis;
    let lost = link.lost();
    link.lose("👍".as_bytes());
    let path = format!("messages/{}/reactions/%F0%9F%91%8D/", sent["id"].as_str().expect("an id"));
    for (on, count) in [(true, 1), (false, 0)] {
        if on {
            ann.put(&path, json!({})).await.ok(200);
        } else {
            ann.delete(&path).await.ok(200);
        }
        // The second node has read it from the store, with its number.
        let reacted = bob.until("message.react").await;
        let data = &reacted["data"];
        assert_eq!((&data["on"], &data["reaction"]["count"]), (&json!(on), &json!(count)), "{reacted}");
        assert_eq!((&data["name"], &data["id"]), (&json!(pair.ann.name()), &sent["id"]));
    }
    assert!(link.lost() >= lost + 2, "the hints were lost");
    link.restore();
}
