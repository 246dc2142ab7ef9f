//! A node that dies: its users are shown as disconnected, and resume at another node.

use std::time::Duration;

use chinwag_testkit::trial::{bound, group, report, times};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::cluster::Cluster;

/// The bound in the contract.
const WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_a_dead_node_disconnect_in_30_s_and_resume() {
    let rounds = times(1, 20);
    let mut cluster = Cluster::of(2).await;
    let users = cluster.users("user", 2).await;
    let [ann, bob] = &users[..] else { panic!("two were asked for") };
    let group = group(&cluster.nodes[0].service(), &[ann.name(), bob.name()]).await;
    let contact = |name: &str| json!({ "contact": { "name": name, "operation": "contact" } });
    for (one, other) in [(ann, bob), (bob, ann)] {
        one.patch(&format!("users/{}/", one.name()), contact(other.name())).await.ok(200);
    }
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let mut anns = cluster.nodes[0].as_user(ann).ws().await;
        let mut bobs = cluster.nodes[1].as_user(bob).ws().await;
        let shown = json!({ "author": ann.name(), "status": "online" });
        if bobs.contacts()["presence"][ann.name()] != "online" {
            assert_eq!(bobs.until("status.update").await["data"], shown);
        }
        let said = json!({ "group": group, "body": format!("before {round}") });
        let held = anns.ask("message.text", said).await["seq"].clone();
        assert_eq!(bobs.until("message.text").await["seq"], held);
        cluster.nodes[0].kill();
        let died = Instant::now();
        assert_eq!(anns.close_code().await, None, "the node is gone");
        let missed = json!({ "group": group, "body": format!("missed {round}") });
        let missed = bobs.ask("message.text", missed).await;
        let gone = json!({ "author": ann.name(), "status": "disconnected" });
        // Wait longer than usual for this frame.
        let announced = timeout(bound(WITHIN), bobs.frame_where(|frame| frame["data"] == gone)).await;
        assert!(announced.is_ok(), "after {WITHIN:?} nobody has said that {} is gone", ann.name());
        slowest = slowest.max(died.elapsed());
        let status = cluster.nodes[1].as_user(bob).ws().await;
        assert_eq!(status.contacts()["presence"][ann.name()], "disconnected");
        let mut anns = cluster.nodes[1].as_user(ann).ws().await;
        anns.send(json!({ "type": "sync.resume", "data": { "groups": { &group: held } } })).await;
        assert_eq!(anns.until("message.text").await["data"], missed["data"]);
        let done = anns.until("sync.done").await;
        assert_eq!(done["data"]["groups"][&group], missed["seq"]);
        assert_eq!(bobs.until("status.update").await["data"], shown, "she is back");
        for socket in [anns, bobs, status] {
            socket.close().await;
        }
        cluster.nodes[0].start();
    }
    report("dead", format!("{rounds} nodes killed"), format!("its users shown as gone within {slowest:.1?}"));
}
