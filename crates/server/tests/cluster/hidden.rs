//! A user appears offline at one node, and opens a socket at another.

use serde_json::json;

use crate::cluster::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_hidden_at_one_node_stays_so_at_another() {
    let cluster = Cluster::of(2).await;
    let users = cluster.users("user", 3).await;
    let [ann, bob, eve] = &users[..] else { panic!("three were asked for") };
    let contact = |name: &str| json!({ "contact": { "name": name, "operation": "contact" } });
    for (one, other) in [(ann, bob), (bob, ann), (eve, bob), (bob, eve)] {
        one.patch(&format!("users/{}/", one.name()), contact(other.name())).await.ok(200);
    }
    let mut anns = cluster.nodes[0].as_user(ann).ws().await;
    let mut bobs = cluster.nodes[1].as_user(bob).ws().await;
    let status = |name: &str, status: &str| json!({ "author": name, "status": status });
    anns.ask("status.update", json!({ "status": "disconnected" })).await;
    bobs.frame_where(|frame| frame["data"] == status(ann.name(), "disconnected")).await;
    let _second = cluster.nodes[1].as_user(ann).ws().await;
    let _eves = cluster.nodes[1].as_user(eve).ws().await;
    assert_eq!(bobs.until("status.update").await["data"], status(eve.name(), "online"), "of ann nothing");
    let fresh = cluster.nodes[0].as_user(bob).ws().await;
    assert_eq!(fresh.contacts()["presence"][ann.name()], "disconnected");
}
