//! Invites and bans between two nodes.

use chinwag_testkit::setup::{crowd, group};
use chinwag_testkit::trial::BanRace;
use futures_util::future::join_all;
use serde_json::json;

use crate::cluster::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_twenty_concurrent_uses_of_a_code_joins() {
    let cluster = Cluster::of(2).await;
    let service = cluster.nodes[0].service();
    let ann = service.user("ann").await;
    let people = crowd(&service, "user", 20).await;
    for round in 0..3 {
        let group = group(&service, &["ann"]).await;
        let made = ann.post(&format!("groups/{group}/invites/"), json!({})).await.ok(201);
        let path = format!("invites/{}/", made["code"].as_str().expect("a code"));
        let callers = people.iter().zip(cluster.nodes.iter().cycle()).map(|(user, node)| node.as_user(user));
        let callers: Vec<_> = callers.collect();
        let answers = join_all(callers.iter().map(|user| user.post(&path, json!({})))).await;
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(200), count(404)), (1, 19), "round {round}");
        let seen = ann.get(&format!("groups/{group}/?fields=members_count+head")).await.ok(200);
        assert_eq!(seen, json!({ "members_count": 2, "head": 2 }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_holds_on_the_other_node_at_once() {
    let cluster = Cluster::of(2).await;
    let [first, second] = &cluster.nodes[..] else { panic!("two were asked for") };
    let service = first.service();
    let (ann, tam) = (service.user("ann").await, service.user("tam").await);
    let made = json!({ "name": "g", "author": "ann", "members": ["tam"], "open": true });
    let group = service.post("groups/", made).await.ok(201)["id"].as_str().expect("an id").to_owned();
    let mut socket = second.as_user(&tam).ws().await;
    first.as_user(&ann).patch(&format!("groups/{group}/"), json!({ "ban": ["tam"] })).await.ok(200);
    assert_eq!(socket.until("group.quit").await["data"]["group"], json!(group));
    second.as_user(&tam).post(&format!("groups/{group}/join/"), json!({})).await.ok(403);
    let refused =
        second.as_user(&ann).patch(&format!("groups/{group}/"), json!({ "members": ["tam"] })).await.ok(403);
    assert!(refused["detail"].as_str().is_some_and(|why| why.contains("tam")), "{refused}");
    // The user rejoins on one node after the other node has lifted the ban.
    first.as_user(&ann).patch(&format!("groups/{group}/"), json!({ "unban": ["tam"] })).await.ok(200);
    second.as_user(&tam).post(&format!("groups/{group}/join/"), json!({})).await.ok(200);
    assert_eq!(socket.until("group.update").await["data"]["head"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ban_that_races_a_join_keeps_its_user_out() {
    let cluster = Cluster::of(2).await;
    let [first, second] = &cluster.nodes[..] else { panic!("two were asked for") };
    let people = crowd(&first.service(), "user", 3).await;
    let [owner, watcher, user] = &people[..] else { panic!("three were asked for") };
    // The ban and the banned user are at different nodes, and no other member is at the user's node.
    let race =
        BanRace { owner: first.as_user(owner), watcher: first.as_user(watcher), user: second.as_user(user) };
    let (joined, refused) = Box::pin(race.run(&first.service())).await;
    assert!(joined > 0 && refused > 0, "{joined} joined before the ban, {refused} after: they never raced");
}
