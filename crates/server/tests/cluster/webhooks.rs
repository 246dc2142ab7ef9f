//! `kill -9` of the node that sends to a webhook, and of the other node: every event arrives, sent by one node
//! at a time.

use std::collections::BTreeMap;

use chinwag_testkit::setup::group;
use chinwag_testkit::trial::{random, report, times, write_in_turn};
use chinwag_testkit::webhook::{HookReceiver, numbers_in_order};
use serde_json::json;

use crate::cluster::{Cluster, Node};

const GROUPS: usize = 4;
/// Messages between two kills.
const MESSAGES: usize = 60;
const SETTINGS: &[(&str, &str)] = &[("CHINWAG_WEBHOOKS__PRIVATE", "true"), ("CHINWAG_PRESENCE__LEASE", "2s")];

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
        let writing = tokio::spawn(write_in_turn(nodes.clone(), groups.clone(), MESSAGES));
        receiver.count(before + random(MESSAGES / 2)).await;
        let node = round % cluster.nodes.len();
        cluster.nodes[node].kill();
        // The other node must take over before this one is back. All earlier messages may have arrived by now.
        let before = receiver.received().len();
        write_in_turn(nodes, groups.clone(), 1).await;
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
