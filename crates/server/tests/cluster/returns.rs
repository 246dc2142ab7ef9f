//! Clients reconnect to either of two nodes during random changes, and while nodes are killed. Each must then
//! have the state of a new client.

use std::sync::Arc;
use std::time::Duration;

use chinwag_testkit::trial::{Incoming, RandomChanges, TrialSocket, report, return_during_changes, times};
use chinwag_testkit::wait::until;
use serde_json::json;

use crate::cluster::Cluster;
use crate::hints::Pair;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_that_comes_back_at_any_node_equals_a_new_one() {
    let cluster = Cluster::of(2).await;
    let users = cluster.users("user", 4).await;
    let urls = cluster.urls();
    let turmoil = Arc::new(RandomChanges::new(users.clone(), urls.clone()).await);
    let time = times(Duration::from_secs(5), Duration::from_secs(300));
    let returning = return_during_changes(turmoil.clone(), users, &urls, 17, time).await;
    let returns: usize = returning.iter().map(|client| client.returns).sum();
    assert!(returning.iter().all(|client| client.refused == 0), "a point of one node is of use at the other");
    report("returns", format!("{returns} returns"), format!("{} changes", turmoil.changes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_that_comes_back_amid_kills_equals_a_new_one() {
    let mut cluster = Cluster::of(2).await;
    let users = cluster.users("user", 4).await;
    let urls = cluster.urls();
    let turmoil = Arc::new(RandomChanges::new(users.clone(), urls.clone()).await);
    let kills = times(3, 60);
    let time = Duration::from_secs(2 * kills);
    let coming = tokio::spawn({
        let (turmoil, urls) = (turmoil.clone(), urls.clone());
        async move { return_during_changes(turmoil, users, &urls, 18, time).await }
    });
    for round in 0..kills {
        let node = usize::try_from(round).unwrap_or(0) % cluster.nodes.len();
        changed(&turmoil).await;
        cluster.nodes[node].kill();
        changed(&turmoil).await;
        cluster.nodes[node].start();
    }
    let returning = coming.await.expect("all equal new ones");
    let returns: usize = returning.iter().map(|client| client.returns).sum();
    report(
        "returns amid kills",
        format!("{kills} kills"),
        format!("{returns} returns, {} changes", turmoil.changes()),
    );
}

/// The point in an answer promises everything before it. The answer may therefore not rely on an event that the
/// node has yet to deliver, because the connection may end first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn complete_answer_has_events_its_node_has_missed() {
    let pair = Pair::new().await;
    let before = pair.say("before").await;
    let node = &pair.cluster.nodes[1];
    let mut socket =
        TrialSocket::connect_by(&node.url(), "?groups=0", pair.bob.token()).await.expect("it is there");
    while !matches!(socket.next().await, Incoming::Frame(frame) if frame["type"] == "contact.summary") {}
    let lost = node.redis.lost();
    node.redis.lose(pair.group.as_bytes());
    let last = pair.say("after").await;
    until("the hint is lost", || node.redis.lost() > lost).await;
    let named = json!({ &pair.group: before });
    // Named by the frame that asks for everything, or by an earlier frame.
    for (earlier, groups) in [(None, named.clone()), (Some(named), json!({}))] {
        if let Some(groups) = earlier {
            socket.send(json!({ "type": "sync.resume", "data": { "groups": groups, "more": true } })).await;
        }
        let data = json!({ "groups": groups, "all": true });
        socket.send(json!({ "type": "sync.resume", "data": data, "ref": "all" })).await;
        let mut frames = Vec::new();
        let done = loop {
            match socket.next().await {
                Incoming::Frame(frame) if frame["ref"] == "all" => break frame,
                Incoming::Frame(frame) => frames.push(frame),
                Incoming::End(code) => panic!("closed with {code:?}"),
            }
        };
        assert_eq!(done["data"]["groups"][&pair.group], last, "{done}");
        assert!(
            frames.iter().any(|frame| frame["type"] == "message.text" && frame["seq"] == last),
            "{frames:?}"
        );
    }
    node.redis.restore();
}

/// Waits for more changes, or for their end.
async fn changed(turmoil: &RandomChanges) {
    let before = turmoil.changes();
    until("more is changed", || turmoil.is_over() || turmoil.changes() >= before + 5).await;
}
