//! Replies in threads at one node reach the sockets of the other.

use chinwag_testkit::setup::{group, id, send};
use serde_json::{Value, json};

use crate::cluster::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_reach_the_other_node_live_and_on_resume() {
    let cluster = Cluster::of(2).await;
    let users = cluster.users("user", 2).await;
    let (ann, bob) = (cluster.nodes[0].as_user(&users[0]), cluster.nodes[1].as_user(&users[1]));
    let group = group(&cluster.nodes[0].service(), &[ann.name(), bob.name()]).await; // 1
    let root = id(&send(&ann, &group, "root").await); // 2
    let mut socket = bob.ws().await;
    let reply = async |body: &str| {
        let reply = json!({ "group": group, "body": body, "thread": root });
        ann.post("messages/", reply).await.ok(201)
    };
    let state = |count: u64, last: &Value| {
        let replies = json!({ "count": count, "last": last["date"], "names": [ann.name()] });
        json!({ "id": root, "replies": if count > 0 { replies } else { Value::Null } })
    };
    let one = reply("one").await; // 3
    let event = socket.until("message.text").await;
    assert_eq!((&event["seq"], &event["data"]["thread"]), (&json!(3), &json!(root)));
    assert_eq!(event["data"]["root"], state(1, &one));
    let two = reply("two").await; // 4
    assert_eq!(socket.until("message.text").await["data"]["root"], state(2, &two));
    let shown = bob.get(&format!("messages/{root}/")).await.ok(200);
    assert_eq!(shown["replies"], state(2, &two)["replies"]);
    ann.delete(&format!("messages/{}/", id(&two))).await.ok(200); // 5
    let event = socket.until("message.delete").await;
    assert_eq!((&event["seq"], &event["data"]["root"]), (&json!(5), &state(1, &one)));

    // A socket that resumes at either node receives the same events in their current state.
    for client in [&cluster.nodes[0].as_user(&users[1]), &bob] {
        let mut away = client.ws().await;
        away.send(json!({ "type": "sync.resume", "data": { "groups": { group.as_str(): 2 } } })).await;
        let first = away.until("message.text").await;
        assert_eq!((&first["seq"], &first["data"]["root"]), (&json!(3), &state(1, &one)));
        let gone = away.until("message.delete").await;
        assert_eq!((&gone["seq"], &gone["data"]["root"]), (&json!(5), &state(1, &one)));
        away.until("sync.done").await;
    }
    ann.delete(&format!("messages/{}/", id(&one))).await.ok(200); // 6
    assert_eq!(socket.until("message.delete").await["data"]["root"], state(0, &one));
}
