//! Notifications on two nodes: each message is pushed once, by one node, and only to users who are online on no
//! node.

use std::collections::BTreeSet;

use chinwag_testkit::push::Device;
use chinwag_testkit::setup::{group, id, text};
use chinwag_testkit::trial::{report, times};
use chinwag_testkit::webhook::{HookReceiver, Received, Reply};
use serde_json::{Value, json};

use crate::cluster::Cluster;

const SETTINGS: &[(&str, &str)] =
    &[("CHINWAG_PUSH__PRIVATE", "true"), ("CHINWAG_PUSH__DELAY", "0s"), ("CHINWAG_PRESENCE__LEASE", "2s")];

async fn say(cluster: &Cluster, node: usize, group: &str, body: &str) -> String {
    let message = json!({ "group": group, "author": "ann", "body": body });
    id(&cluster.nodes[node].service().post("messages/", message).await.ok(201))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_nodes_pushes_no_message_twice() {
    let kills = times(2, 40);
    let mut cluster = Cluster::with(2, SETTINGS).await;
    let receiver = HookReceiver::answering(|_| Reply::Status(201)).await;
    let device = Device::at(&receiver, "phone");
    let service = cluster.nodes[0].service();
    for name in ["ann", "bob"] {
        service.post("users/", json!({ "name": name })).await.ok(201);
    }
    let mut subscription = device.subscription();
    subscription["author"] = json!("bob");
    service.post("push/subscriptions/", subscription).await.ok(201);
    let key = service.get("push/key/").await.ok(200);
    assert_eq!(cluster.nodes[1].service().get("push/key/").await.ok(200), key, "one key for all nodes");
    let group = group(&service, &["ann", "bob"]).await;
    for round in 0..kills {
        let node = round % cluster.nodes.len();
        let other = 1 - node;
        for number in 0..20 {
            say(&cluster, number % 2, &group, &number.to_string()).await;
        }
        cluster.nodes[node].kill();
        let last = say(&cluster, other, &group, "last").await;
        let came = |received: &[Received]| received.iter().any(|one| device.decrypt(one)["message"] == last);
        receiver.until("a message after the kill", came).await;
        cluster.nodes[node].start();
    }
    let pushed = device.notifications(&receiver.received());
    let different: BTreeSet<_> = pushed.iter().map(|one| text(&one["message"])).collect();
    assert_eq!(different.len(), pushed.len(), "each message at most once");
    report("push", format!("{kills} kills of two nodes"), format!("{} pushed", pushed.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_who_is_online_on_another_node_is_not_pushed() {
    let cluster = Cluster::with(2, SETTINGS).await;
    let receiver = HookReceiver::answering(|_| Reply::Status(201)).await;
    let (phone, tablet) = (Device::at(&receiver, "phone"), Device::at(&receiver, "tablet"));
    let service = cluster.nodes[0].service();
    let ann = service.user("ann").await;
    let (bob, cid) = (cluster.nodes[1].service().user("bob").await, service.user("cid").await);
    bob.post("push/subscriptions/", phone.subscription()).await.ok(201);
    cid.post("push/subscriptions/", tablet.subscription()).await.ok(201);
    let group = group(&service, &["ann", "bob", "cid"]).await;
    // Each node knows that bob is online once his contact ann has received that on the first one.
    chinwag_testkit::setup::befriend(&ann, &bob).await;
    let mut socket = ann.ws().await;
    let _online = bob.ws().await;
    socket.frame_where(|frame| frame["type"] == "status.update" && frame["data"]["author"] == "bob").await;
    let mut other = cid.ws().await;
    other.ask("status.update", json!({ "status": "afk" })).await;
    say(&cluster, 0, &group, "hello").await;
    let found = tablet.count(&receiver, 1).await;
    assert_eq!(found[0]["body"], "hello");
    assert_eq!(phone.notifications(&receiver.received()), Vec::<Value>::new());
}
