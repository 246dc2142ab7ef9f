//! Pins at one node reach the sockets of the other.

use chinwag_testkit::setup::{group, send};
use serde_json::{Value, json};

use crate::cluster::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pins_reach_the_sockets_of_the_other_node() {
    let cluster = Cluster::of(2).await;
    let users = cluster.users("user", 2).await;
    let (ann, bob) = (cluster.nodes[0].as_user(&users[0]), cluster.nodes[1].as_user(&users[1]));
    let service = cluster.nodes[0].service();
    let group = group(&service, &[ann.name(), bob.name()]).await; // 1
    let message = send(&ann, &group, "hello").await["id"].as_str().expect("an id").to_owned(); // 2
    let path = format!("messages/{message}/pin/");
    let mut socket = bob.ws().await;
    for (seq, on) in [(3, true), (4, false)] {
        let answer = if on { ann.put(&path, json!({})).await } else { ann.delete(&path).await };
        answer.ok(200);
        let event = socket.until("message.pin").await;
        let data = json!({ "id": message, "group": group, "name": ann.name(), "on": on });
        assert_eq!((&event["seq"], &event["data"]), (&json!(seq), &data));
    }
    service.put(&path, json!({})).await.ok(200);
    assert_eq!(socket.until("message.pin").await["data"]["name"], Value::Null);
    let listed = bob.get(&format!("groups/{group}/pins/")).await.ok(200);
    assert_eq!(listed[0]["id"], json!(message));
    ann.delete(&format!("messages/{message}/")).await.ok(200);
    assert_eq!(socket.until("message.delete").await["seq"], 6);
    assert_eq!(bob.get(&format!("groups/{group}/?fields=pins")).await.ok(200)["pins"], json!([]));
}
