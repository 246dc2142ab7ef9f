//! `kill -9` of the node that sends to a webhook, and of the other node: every event arrives, sent by one node
//! at a time.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use chinwag_testkit::client::Client;
use chinwag_testkit::setup::group;
use chinwag_testkit::trial::{report, times};
use chinwag_testkit::webhook::{HookReceiver, numbers_in_order};
use serde_json::json;

use crate::cluster::{Cluster, Node};

const GROUPS: usize = 4;
/// Messages between two kills.
const MESSAGES: usize = 60;
const SETTINGS: &[(&str, &str)] = &[("CHINWAG_WEBHOOKS__PRIVATE", "true"), ("CHINWAG_PRESENCE__LEASE", "2s")];

/// Writes to the groups in turn, at the other node if one is down.
async fn write(nodes: Vec<Client>, groups: Vec<String>, messages: usize) {
    for number in 0..messages {
        let message =
            json!({ "group": groups[number % GROUPS], "author": "ann", "body": number.to_string() });
        for node in &nodes {
            let sent = node.request(reqwest::Method::POST, "messages/").json(&message).send().await;
            if sent.is_ok_and(|answer| answer.status() == 201) {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_nodes_loses_no_event_of_a_webhook() {
    let kills = times(4, 60);
    let mut cluster = Cluster::with(2, SETTINGS).await;
    let receiver = HookReceiver::start().await;
    let service = cluster.nodes[0].service();
    service.post("users/", json!({ "name": "ann" })).await.ok(201);
    service.post("webhooks/", json!({ "url": receiver.url() })).await.ok(201);
    let mut groups = Vec::new();
    for _ in 0..GROUPS {
        groups.push(group(&service, &["ann"]).await);
    }
    for round in 0..kills {
        let before = receiver.received().len();
        let nodes: Vec<_> = cluster.nodes.iter().map(Node::service).collect();
        let writing = tokio::spawn(write(nodes.clone(), groups.clone(), MESSAGES));
        receiver.count(before + random(MESSAGES / 2)).await;
        let node = round % cluster.nodes.len();
        cluster.nodes[node].kill();
        // The other node must take over before this one is back. All earlier messages may have arrived by now.
        let before = receiver.received().len();
        write(nodes, groups.clone(), 1).await;
        receiver.count(before + 1).await;
        writing.await.expect("a writer does not panic");
        cluster.nodes[node].start();
    }
    let expected: BTreeMap<_, _> =
        groups.iter().map(|group| (group.clone(), cluster.numbers(group))).collect();
    let received = receiver.until("every event", |received| numbers_in_order(received) == expected).await;
    let found: usize = expected.values().map(Vec::len).sum();
    let again = received.len() - found;
    report("webhooks", format!("{kills} kills of two nodes"), format!("{found} events, {again} sent again"));
}

/// A random number from 1 to `most`.
fn random(most: usize) -> usize {
    usize::try_from(RandomState::new().hash_one(0) % most as u64).expect("it is below a usize") + 1
}
