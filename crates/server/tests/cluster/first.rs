//! Two users send each other their first message at the same time, on two nodes.

use chinwag_testkit::trial::{history, report, times};
use futures_util::future::join;
use serde_json::{Value, json};

use crate::cluster::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_first_messages_on_two_nodes_share_one_group() {
    let rounds = times(20, 1000);
    let cluster = Cluster::of(2).await;
    let [here, there] = &cluster.nodes[..] else { panic!("two were asked for") };
    let service = here.service();
    let mut raced = 0;
    for round in 0..rounds {
        let (ann, bob) = (format!("ann-{round}"), format!("bob-{round}"));
        let (ann, bob) = (service.user(&ann).await, service.user(&bob).await);
        let (mut anns, mut bobs) =
            Box::pin(join(here.as_user(&ann).ws(), async { there.as_user(&bob).ws().await })).await;
        let (to_bob, to_ann) = (first(bob.name(), "from ann"), first(ann.name(), "from bob"));
        let (anns_answer, bobs_answer) =
            join(anns.ask(to_bob.0, to_bob.1), bobs.ask(to_ann.0, to_ann.1)).await;
        let groups: Vec<Value> =
            here.as_user(&ann).get("groups/").await.ok(200).as_array().expect("a list").clone();
        assert_eq!(groups.len(), 1, "{groups:?}");
        let group = groups[0]["id"].as_str().expect("an id");
        assert_eq!(there.as_user(&bob).get("groups/").await.ok(200)[0]["id"], group);
        let said = history(&service, group).await;
        let mut bodies: Vec<_> = said.iter().map(|message| message["body"].as_str().expect("text")).collect();
        bodies.sort_unstable();
        assert_eq!(bodies, ["from ann", "from bob"]);
        let numbers = cluster.numbers(group);
        assert_eq!(numbers, [1, 2], "the group was made with its first message");
        // One message created the group; the other used it.
        let mut kinds = [&anns_answer["type"], &bobs_answer["type"]].map(|kind| kind.as_str().expect("text"));
        kinds.sort_unstable();
        assert_eq!(kinds, ["group.update", "message.text"], "{anns_answer} {bobs_answer}");
        raced += 1;
    }
    report("first", format!("{rounds} pairs"), format!("{raced} times one group with both messages"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_mention_counts_on_the_other_node() {
    let cluster = Cluster::of(2).await;
    let users = cluster.users("user", 2).await;
    let (ann, bob) = (cluster.nodes[0].as_user(&users[0]), cluster.nodes[1].as_user(&users[1]));
    let (mut anns, mut bobs) = (ann.ws().await, bob.ws().await);
    let message = json!({ "target": bob.name(), "body": "look", "mentions": [bob.name()] });
    assert_eq!(anns.ask("message.first", message).await["data"]["me"]["mentioned"], 0);
    let event = bobs.until("group.update").await;
    assert_eq!((&event["seq"], &event["data"]["me"]["mentioned"]), (&json!(1), &json!(1)));
}

fn first(target: &str, body: &str) -> (&'static str, Value) {
    ("message.first", json!({ "target": target, "body": body }))
}
