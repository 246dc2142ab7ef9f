//! The feed of events, read at both nodes in turn while both commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chinwag_testkit::client::Client;
use chinwag_testkit::postgres::try_ask;
use chinwag_testkit::setup::group;
use chinwag_testkit::trial::times;

use crate::cluster::{Cluster, Node};

const WRITERS: usize = 12;
/// A foreign transaction that has begun to write and stays open.
const IDLE: &str = "DO $$ BEGIN PERFORM pg_current_xact_id(); PERFORM pg_sleep(3600); END $$";
const END_IDLE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE query LIKE 'DO %pg_sleep%' AND pid <> pg_backend_pid()";

/// The numbers of each group in the order of the feed.
type Seen = BTreeMap<String, Vec<i64>>;

/// Reads the feed from its beginning at these nodes in turn, until `ended` is set and everything is read.
async fn follow(nodes: Vec<Client>, ended: Arc<AtomicBool>) -> Seen {
    let (mut seen, mut ids, mut after, mut turn) = (Seen::new(), BTreeSet::new(), String::new(), 0);
    loop {
        let was_ended = ended.load(Ordering::SeqCst);
        let path = format!("events/?limit=37&after={after}");
        let answer = nodes[turn % nodes.len()].get(&path).await;
        turn += 1;
        if answer.status == 503 {
            continue; // The node is busy: try again.
        }
        let page = answer.ok(200);
        let events = page["events"].as_array().expect("a list");
        for event in events {
            assert!(ids.insert(event["id"].to_string()), "an event came twice: {event}");
            let Some(seq) = event["seq"].as_i64() else { continue };
            let data = &event["data"];
            let of = if event["type"] == "group.update" { &data["id"] } else { &data["group"] };
            seen.entry(of.as_str().expect("a group").to_owned()).or_default().push(seq);
        }
        page["cursor"].as_str().expect("a cursor").clone_into(&mut after);
        if was_ended && events.is_empty() {
            return seen;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_of_the_feed_misses_nothing_of_two_nodes() {
    let messages = times(400, 20_000);
    let cluster = Cluster::with(2, &[("CHINWAG_EVENTS__ENABLED", "true")]).await;
    let writers = cluster.users("writer", WRITERS).await;
    let service = cluster.nodes[0].service();
    let url = cluster.database.url();
    let idle = std::thread::spawn(move || try_ask(&url, IDLE));
    let ended = Arc::new(AtomicBool::new(false));
    let nodes = cluster.nodes.iter().map(Node::service).collect();
    let reader = tokio::spawn(follow(nodes, ended.clone()));
    let mut flows = Vec::new();
    for writers in writers.chunks(WRITERS / 3) {
        let names: Vec<_> = writers.iter().map(Client::name).collect();
        let group = group(&service, &names).await;
        flows.push((cluster.flood(writers, &group), group));
    }
    for (flow, _) in &flows {
        flow.ledger.busy(messages, 1).await;
    }
    let mut groups = Vec::new();
    for (flow, group) in flows {
        flow.end().await;
        groups.push(group);
    }
    ended.store(true, Ordering::SeqCst);
    let seen = reader.await.expect("the reader has found nothing amiss");
    assert!(!idle.is_finished(), "the idle transaction stood all the while");
    for group in groups {
        let numbers = cluster.numbers(&group);
        assert_eq!(seen[&group], numbers, "each once, in the order of the log");
    }
    cluster.database.ask(END_IDLE);
    assert!(idle.join().expect("a thread").is_err(), "it was ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_reader_is_answered_by_a_commit_at_the_other_node() {
    let cluster = Cluster::with(2, &[("CHINWAG_EVENTS__ENABLED", "true")]).await;
    let (one, other) = (cluster.nodes[0].service(), cluster.nodes[1].service());
    let users = cluster.users("user", 1).await;
    let after = other.get("events/").await.ok(200)["cursor"].clone();
    let path = format!("events/?wait=60&types=group.update&after={}", after.as_str().expect("a cursor"));
    let waiting = tokio::spawn(async move { other.get(&path).await.ok(200) });
    let group = group(&one, &[users[0].name()]).await;
    let page = waiting.await.expect("an answer");
    assert_eq!(page["events"][0]["data"]["id"], group.as_str());
}
